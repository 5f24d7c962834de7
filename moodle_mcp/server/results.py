"""Converts a reply to an MCP tool result."""

from __future__ import annotations

import base64
import json
import math
from typing import Any, cast

import mcp_types as types

from moodle_mcp.service.reply import Picture, Reply


def to_result(reply: Reply) -> types.CallToolResult:
    """The tool result: the envelope as compact JSON text and as structured content."""
    text, envelope = to_text(reply.envelope)
    return types.CallToolResult(
        content=[types.TextContent(text=text), *map(_image, reply.pictures)],
        structured_content=envelope,
        is_error=reply.outcome.fault is not None,
    )


def to_text(envelope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Encode an envelope as compact JSON; also return it, without what can't be encoded."""
    text = _dump(envelope)
    if text is None:
        envelope = cast("dict[str, Any]", scrub(envelope))
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return text, envelope


def _image(picture: Picture) -> types.ImageContent:
    data = base64.b64encode(picture.data).decode()
    return types.ImageContent(data=data, mime_type=picture.mime_type)


def scrub(value: Any) -> Any:
    """Replace what JSON or UTF-8 can't encode: lone surrogates, infinities, NaN."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float() if not math.isfinite(value):
            return None
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {cast("str", scrub(key)): scrub(child) for key, child in items}
        case list():
            return [scrub(child) for child in cast("list[Any]", value)]
        case _:
            return value


def _dump(envelope: dict[str, Any]) -> str | None:
    """The envelope as JSON; None if it contains what can't be encoded.

    A lone surrogate in a result would end the SDK's stdio writer and the process.
    """
    try:
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except ValueError:
        return None
    return text
