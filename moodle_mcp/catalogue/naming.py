"""Tools' names and texts from functions' names."""

from __future__ import annotations

import hashlib
from typing import Final

from moodle_mcp.catalogue.model import Function

MAX_TOOL_NAME: Final = 51
"""Hosts cap a name at 64 characters with their own prefix: 64 less `mcp__moodle__`."""

_HASH_LENGTH: Final = 8

BUILTIN_NAMES: Final = frozenset(
    {
        "call_function",
        "describe_function",
        "download_file",
        "find_functions",
        "more_results",
        "resume_batch",
        "upload_file",
    }
)
"""The names of this server's own tools, which no function of a site's can take."""


def tool_name(function: str) -> str:
    """The function's name, or its beginning and a hash of the whole where it is too long."""
    if len(function) <= MAX_TOOL_NAME:
        return function
    digest = hashlib.sha256(function.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{function[: MAX_TOOL_NAME - _HASH_LENGTH - 1]}_{digest}"


def description(function: Function) -> str:
    """What a function is for, in our words or as a plain sentence made from its name."""
    area, words = area_and_words(function.name)
    plain = f"{words.capitalize()} ({area})." if words else f"{area}."
    parts = [_sentence(function.text.text) or plain]
    if tool_name(function.name) != function.name:
        parts.insert(0, f"{function.name}:")
    if not function.typed:
        parts.append(
            "This server does not know its parameters; pass them by the names that the site's "
            "own API documentation gives."
        )
    if function.text.is_ours:
        return " ".join(parts)
    if function.typed and not function.reads_only:
        parts.append("Changes data.")
    if function.capabilities:
        parts.append(f"Needs {', '.join(function.capabilities[:3])}.")
    if function.deprecated:
        parts.append("Deprecated by Moodle.")
    return " ".join(parts)


def _sentence(text: str) -> str:
    """A text with a full stop, which a site's own often lacks."""
    return f"{text}." if text and text[-1] not in ".!?…" else text


def area_and_words(function: str) -> tuple[str, str]:
    """`("core_course", "get contents")` of `core_course_get_contents`."""
    first, _, rest = function.partition("_")
    second, _, words = rest.partition("_")
    return f"{first}_{second}", words.replace("_", " ")
