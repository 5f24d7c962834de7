"""Middleware around every message: nothing leaks, nothing is listed twice."""

from __future__ import annotations

import logging
from typing import Any

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

log = logging.getLogger(__name__)


async def no_leaks(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Turn any exception that escapes a handler into a plain internal error.

    On connections of the older protocols the SDK sends `str(exception)` to the client, which
    could hold an address or a token.
    """
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception:
        log.exception("unhandled in %s", ctx.method)
        raise MCPError(types.INTERNAL_ERROR, "Internal error") from None


class ListCache:
    """Keeps the encoded `tools/list`, which costs 100 ms for 759 tools, for each protocol."""

    def __init__(self) -> None:
        self._results: dict[str, HandlerResult] = {}

    def clear(self) -> None:
        """Forget the lists, because what they show has changed."""
        self._results.clear()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.method != "tools/list" or ctx.request_id is None or "cursor" in (ctx.params or {}):
            return await call_next(ctx)
        result = self._results.get(ctx.protocol_version)
        if result is None:
            result = await call_next(ctx)
            self._results[ctx.protocol_version] = result
        return result
