"""Middleware for every message: hides internal errors, caches the list of tools."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from moodle_mcp.invisible import without_invisible
from moodle_mcp.server.transports.encoded import EncodedList

if TYPE_CHECKING:
    from moodle_mcp.service.registry import Registry

log = logging.getLogger(__name__)


async def no_leaks(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Turn any exception that escapes a handler into a plain internal error.

    On connections of the older protocols the SDK sends `str(exception)` to the client, which could
    contain a URL or a token. An error meant for the client may repeat a name that it sent, so
    invisible characters are removed.
    """
    try:
        return await call_next(ctx)
    except MCPError as error:
        error.error.message = without_invisible(error.error.message)
        raise
    except ValidationError:
        raise
    except Exception:
        log.exception("unhandled exception in %s", ctx.method)
        raise MCPError(types.INTERNAL_ERROR, "Internal error") from None


class ListCache:
    """Caches the encoded `tools/list`, which takes 100 ms for 759 tools, by protocol version.

    A list belongs to one user's registry and is dropped with it. Nothing is cached before the site
    info is fetched.
    """

    def __init__(self, registry_of: Callable[[ServerRequestContext[Any, Any]], Registry]) -> None:
        self._registry_of = registry_of
        self._kept: WeakKeyDictionary[Registry, dict[str, HandlerResult]] = WeakKeyDictionary()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.method != "tools/list" or ctx.request_id is None or "cursor" in (ctx.params or {}):
            return await call_next(ctx)
        kept = self._kept.get(self._registry_of(ctx), {}).get(ctx.protocol_version)
        if kept is not None:
            return kept
        result = await call_next(ctx)
        if isinstance(result, dict) and isinstance(result.get("tools"), list):
            result = {**result, "tools": EncodedList(result["tools"])}
        registry = self._registry_of(ctx)
        if registry.info is not None:
            self._kept.setdefault(registry, {})[ctx.protocol_version] = result
        return result
