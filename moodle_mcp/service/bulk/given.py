"""The arguments that tools with a table share: the table, its columns and defaults, its result."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

import anyio.to_thread

from moodle_mcp.background import Background
from moodle_mcp.catalogue.arguments import arguments_fault, parsed_json
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, MoodleMcpError, ParameterFault
from moodle_mcp.files.folder import Folder
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.service.bulk.pairs import PairError, parsed_pairs
from moodle_mcp.service.bulk.source import read_file, read_text
from moodle_mcp.tables.content import Content

_MOST_NAMES: Final = 1000


async def content_in(
    tool: Function, given: Mapping[str, Any], folder: Folder | None, background: Background
) -> Content:
    """Return the content of `csv`, or of `file` in the operator's folder.

    Raises:
        CallError: it can't be read; nothing was sent.
    """
    if ("csv" in given) == ("file" in given):
        problem = "or file must be given, but not both" if folder else "is missing"
        raise wrong(tool, "csv", problem)
    try:
        if "csv" in given:
            text: str = given["csv"]
            return await background.run_if(len(text) > LARGE_TEXT, read_text, text)
        if folder is None:
            raise wrong(tool, "file", "can't be read: there is no folder")
        return await read_file(folder, given["file"], background)
    except CallError:
        raise
    except MoodleMcpError as error:
        raise wrong(tool, "csv" if "csv" in given else "file", str(error)) from None


async def save_beside(folder: Folder | None, source: str | None, data: bytes) -> str | None:
    """Save a result beside its source; return the file's name, or None if it is not saved."""
    if folder is None or source is None:
        return None
    return await anyio.to_thread.run_sync(_saved, folder, source, data)


def _saved(folder: Folder, source: str, data: bytes) -> str | None:
    """Save a result under the first free name; None if that is not possible: the answer says all
    that must be known.
    """
    stem = source.rpartition("/")[2]
    for number in range(1, _MOST_NAMES):
        name = f"{stem}.result{'' if number == 1 else f'-{number}'}.jsonl"
        with suppress(CallError), folder.saving(name) as (saved_as, saving):
            saving.write(data)
            saving.keep()
            return saved_as
    return None


def as_lists(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Accept objects for lists of pairs, which clients like to send."""
    given = dict(arguments)
    for name in ("columns", "defaults", "read_with"):
        value = parsed_json(given.get(name), dict)
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            given[name] = [f"{key}={each}" for key, each in pairs]
    return given


def pairs_in(
    tool: Function, name: str, given: Mapping[str, Any], *, last: bool = False
) -> dict[str, str]:
    try:
        return parsed_pairs(name, given.get(name, ()), last=last)
    except PairError as error:
        raise wrong(tool, f"{name}[{error.index}]", error.problem) from None


def wrong(tool: Function, path: str, problem: str, allowed: str | None = None) -> CallError:
    return CallError.not_sent(arguments_fault(tool, [ParameterFault(path, problem, allowed)]))
