"""Find values that JSON can express but a Moodle request can't carry."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from moodle_mcp.catalogue.control_arguments import reserved_schema
from moodle_mcp.catalogue.explaining import empty_list
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.paths import Path, path_text
from moodle_mcp.errors import ParameterFault

MAX_DEPTH: Final = 60
"""Maximum nesting of values: PHP silently drops what is deeper than 64 levels."""

INT64: Final = range(-(2**63), 2**63)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Names that Moodle's protocol itself reads, for every function.
_PROTOCOL = re.compile(r"(?i)ws(token|function)|moodlews(restformat|setting.*)")


def unsendable(value: Any, path: Path) -> Iterator[ParameterFault]:
    """Yield faults for values that JSON can express but a Moodle request can't carry."""
    if len(path) > MAX_DEPTH:
        yield ParameterFault(
            path_text(path[:1]), "is nested too deeply to be sent", f"{MAX_DEPTH} levels"
        )
        return
    match value:
        case float() if not math.isfinite(value):
            yield ParameterFault(path_text(path), f"{value} is not a number that can be sent")
        case int() if value not in INT64:
            yield ParameterFault(
                path_text(path), "is an integer that does not fit in 64 bits",
                f"{INT64.start} to {INT64.stop - 1}",
            )  # fmt: skip
        case str() if not _encodable(value):
            yield ParameterFault(path_text(path), "contains half of a character (a lone surrogate)")
        case dict() | list():
            for step, child in _children(value):
                here = (*path, step)
                if isinstance(step, str) and not _encodable(step):
                    yield ParameterFault(path_text(here), "is not a name of an argument")
                yield from unsendable(child, here)
        case _:
            pass


def free_form_faults(function: Function, arguments: Mapping[str, Any]) -> Iterator[ParameterFault]:
    """Yield faults of untyped functions' arguments, which no schema refuses.

    PHP changes some names: dots and spaces become underscores, brackets nest, and a null byte ends
    a name. So only plain names are accepted, and none that the protocol reads.
    """
    control = reserved_schema(function)
    for name, value in arguments.items():
        if name in control:
            continue
        if _PROTOCOL.fullmatch(name):
            yield ParameterFault(path_text((name,)), "belongs to the protocol, not to a function")
        else:
            yield from _name_faults(name, (name,))
            yield from _unknown_value_faults(value, (name,))


def empty_objects(value: Any, path: Path) -> Iterator[ParameterFault]:
    """Yield faults for empty objects: PHP sees no field, so a key or a list item would be lost."""
    if value == {} and path:
        problem = "is an empty object, which can't be sent"
        yield ParameterFault(path_text(path), problem, "at least one key, or leave out")
    elif isinstance(value, dict | list):
        for step, child in _children(value):
            yield from empty_objects(child, (*path, step))


def _children(value: Any) -> Iterable[tuple[str | int, Any]]:
    """Yield the children of a list or an object with their indexes or keys."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).items()
    return enumerate(cast("list[Any]", value))


def _name_faults(name: str, path: Path) -> Iterator[ParameterFault]:
    if not _NAME.fullmatch(name):
        allowed = "a letter, then letters, digits and underscores"
        yield ParameterFault(path_text(path), "is not a name of an argument", allowed)


def _unknown_value_faults(value: Any, path: Path) -> Iterator[ParameterFault]:
    match value:
        case None:
            yield ParameterFault(path_text(path), "is null, which can't be sent", "leave it out")
        case []:
            yield ParameterFault(path_text(path), empty_list(None), "at least one item")
        case dict() | list():
            for step, child in _children(value):
                if isinstance(step, str):
                    yield from _name_faults(step, (*path, step))
                yield from _unknown_value_faults(child, (*path, step))
        case _:
            pass


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
