import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { check } from "./check.mjs";

const newest = { versionNegotiation: { mode: { pin: "2026-07-28" } } };
await check(new Client({ name: "conformance-v2", version: "1" }, newest), StdioClientTransport);
