"""The arguments of our own beside a function's: they begin with an underscore, which none of
Moodle's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function

OnError: TypeAlias = Literal["stop", "continue", "isolate"]

DRY_RUN: Final = "_dry_run"
ON_ERROR: Final = "_on_error"
CONFIRM: Final = "_confirm"


@dataclass(frozen=True, slots=True)
class Reserved:
    """How the caller of a function wants it to be called."""

    dry_run: bool = False
    on_error: OnError = "stop"
    confirm: str | None = None


def reserved_schema(function: Function) -> dict[str, Any]:
    """The JSON Schema properties of the reserved arguments that make sense for a function."""
    if function.reads_only:
        return {}
    properties: dict[str, Any] = {
        DRY_RUN: {"type": "boolean", "description": "Check and plan only; send nothing."}
    }
    if function.batching is not None:
        properties[ON_ERROR] = {
            "type": "string",
            "enum": list(_choices(function)),
            "description": "After a failed request.",
        }
    if function.classification.access is Access.DESTRUCTIVE:
        properties[CONFIRM] = {"type": "string", "description": "Token of needs_confirmation."}
    return properties


def split(arguments: Mapping[str, Any]) -> tuple[Reserved, dict[str, Any]]:
    """The reserved arguments and the function's own, of arguments that have been checked."""
    names = (DRY_RUN, ON_ERROR, CONFIRM)
    own = {name: value for name, value in arguments.items() if name not in names}
    reserved = Reserved(
        dry_run=arguments.get(DRY_RUN, False),
        on_error=arguments.get(ON_ERROR, "stop"),
        confirm=arguments.get(CONFIRM),
    )
    return reserved, own


def _choices(function: Function) -> tuple[OnError, ...]:
    """`isolate` halves a failed request, which is right only where nothing of it was written."""
    if function.is_transaction:
        return "stop", "continue", "isolate"
    return "stop", "continue"
