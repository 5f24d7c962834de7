"""One way for every call, whoever makes it: MCP clients, the command line, the server itself."""
