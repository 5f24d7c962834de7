"""Tool names and descriptions, derived from functions."""

from __future__ import annotations

import hashlib
from typing import Final

from moodle_mcp.catalogue.model import Function

MAX_TOOL_NAME: Final = 51
"""Hosts limit a name to 64 characters including their prefix `mcp__moodle__`."""

_HASH_LENGTH: Final = 8

BUILTIN_NAMES: Final = frozenset(
    {
        "bulk_call",
        "call_function",
        "confirm",
        "describe_function",
        "download_file",
        "find_functions",
        "more_results",
        "resolve",
        "resume_batch",
        "upload_file",
        "upload_users",
    }
)
"""Names of the built-in tools, which a site's functions can't use."""


def tool_name(function: str) -> str:
    """Return the function's name; if it is too long, its beginning and a hash of the whole."""
    if len(function) <= MAX_TOOL_NAME:
        return function
    digest = hashlib.sha256(function.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{function[: MAX_TOOL_NAME - _HASH_LENGTH - 1]}_{digest}"


def description(function: Function) -> str:
    """Describe a function in our words, or in a plain sentence made from its name."""
    area, words = area_and_words(function.name)
    plain = f"{words.capitalize()} ({area})." if words else f"{area}."
    parts = [_sentence(function.text.text) or plain]
    if tool_name(function.name) != function.name:
        parts.insert(0, f"{function.name}:")
    if not function.typed:
        parts.append(
            "This server does not know its parameters; use the names in the site's own API "
            "documentation."
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
    """Add a missing full stop, as sites' own texts often lack it."""
    return f"{text}." if text and text[-1] not in ".!?…" else text


def area_and_words(function: str) -> tuple[str, str]:
    """Split `core_course_get_contents` into `("core_course", "get contents")`."""
    first, _, rest = function.partition("_")
    second, _, words = rest.partition("_")
    return f"{first}_{second}", words.replace("_", " ")
