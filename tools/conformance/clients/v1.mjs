import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { check } from "./check.mjs";

await check(new Client({ name: "conformance-v1", version: "1" }), StdioClientTransport);
