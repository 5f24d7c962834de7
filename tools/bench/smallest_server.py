"""The smallest low-level MCP server on stdio, as a reference for our server.

python -m tools.bench.smallest_server [TOOLS]

It lists the tools of a JSON file, or one tool, checks nothing, and answers every call with the
response to the one request that the environment variables describe.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

URL = "BENCH_URL"
BODY = "BENCH_BODY"
_ONE: list[dict[str, Any]] = [{"name": "ping", "inputSchema": {"type": "object"}}]


async def serve(listed: list[dict[str, Any]]) -> None:
    """Serve until stdin ends."""

    @cache
    def client() -> httpx2.AsyncClient:
        # Created on first use: it loads the system's certificates, which takes 20 ms.
        return httpx2.AsyncClient()

    async def list_tools(
        _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult.model_validate({"tools": listed})

    async def call_tool(
        _: ServerRequestContext[Any], __: types.CallToolRequestParams
    ) -> types.CallToolResult:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client().post(os.environ[URL], content=os.environ[BODY], headers=form)
        envelope = {"result": answer.json()}
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        content: list[types.ContentBlock] = [types.TextContent(text=text)]
        return types.CallToolResult(content=content, structured_content=envelope)

    server: Server[Any] = Server("smallest", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    tools = _ONE
    if len(sys.argv) > 1:
        tools = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    anyio.run(serve, tools)
