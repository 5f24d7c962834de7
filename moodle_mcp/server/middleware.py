"""Middleware around every message: nothing leaks, nothing is listed twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from moodle_mcp.presentation.invisible import without_invisible
from moodle_mcp.server.transports.encoded import EncodedList

log = logging.getLogger(__name__)


async def no_leaks(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Turn any exception that escapes a handler into a plain internal error.

    On connections of the older protocols the SDK sends `str(exception)` to the client, which
    could hold an address or a token. An error that is meant for the client may repeat a name that
    it sent: characters that show nothing are taken out.
    """
    try:
        return await call_next(ctx)
    except MCPError as error:
        error.error.message = without_invisible(error.error.message)
        raise
    except ValidationError:
        raise
    except Exception:
        log.exception("unhandled in %s", ctx.method)
        raise MCPError(types.INTERNAL_ERROR, "Internal error") from None


class ListCache:
    """Keeps the encoded `tools/list`, which costs 100 ms for 759 tools, for each protocol.

    `basis` gives what the list depends on; a list is kept while it stays the same object, and not
    at all while it is None.
    """

    def __init__(self, basis: Callable[[], object | None]) -> None:
        self._basis = basis
        self._kept: dict[str, tuple[object, HandlerResult]] = {}

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.method != "tools/list" or ctx.request_id is None or "cursor" in (ctx.params or {}):
            return await call_next(ctx)
        kept = self._kept.get(ctx.protocol_version)
        if kept is not None and kept[0] is self._basis():
            return kept[1]
        result = await call_next(ctx)
        if isinstance(result, dict) and isinstance(result.get("tools"), list):
            result = {**result, "tools": EncodedList(result["tools"])}
        basis = self._basis()
        if basis is not None:
            self._kept[ctx.protocol_version] = basis, result
        return result
