"""The smallest low-level MCP server over streamable HTTP, without sign-in, as a reference.

python -m tools.bench.smallest_http PORT

It answers every call with the response to the one request that the environment describes.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import httpx2
import mcp_types as types
import uvicorn
from mcp.server import Server, ServerRequestContext

from tools.bench.smallest_server import BODY, URL


def main(port: int) -> None:
    """Serve until the process is ended."""
    client = httpx2.AsyncClient()

    async def call_tool(
        _: ServerRequestContext[Any], __: types.CallToolRequestParams
    ) -> types.CallToolResult:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post(os.environ[URL], content=os.environ[BODY], headers=form)
        envelope = {"result": answer.json()}
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        content: list[types.ContentBlock] = [types.TextContent(text=text)]
        return types.CallToolResult(content=content, structured_content=envelope)

    server: Server[Any] = Server(
        "smallest",
        on_call_tool=call_tool,
        get_tool_input_schema=lambda _: {"type": "object"},
    )
    uvicorn.run(
        server.streamable_http_app(), host="127.0.0.1", port=port, log_config=None, access_log=False
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
