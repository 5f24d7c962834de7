"""Reads the rows of a bulk call: from text, a file in the operator's folder, or an answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final, cast

import anyio.to_thread

from moodle_mcp.background import Background
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.files.folder import Folder
from moodle_mcp.presentation.query import Query
from moodle_mcp.service.references.asking import Ask
from moodle_mcp.tables.content import WORKBOOK_STARTS, Content, content_of, of_table
from moodle_mcp.tables.reader import TableError, read_table
from moodle_mcp.textfile import TextError, decoded

MOST_BYTES: Final = 50_000_000
"""Most bytes of a file of rows."""


def read_text(text: str) -> Content:
    """Read a table from text.

    Raises:
        TableError: it can't be used.
    """
    return of_table(read_table(text))


async def read_file(folder: Folder, path: str, background: Background) -> Content:
    """Read a file in the operator's folder.

    Raises:
        CallError: the path leads outside the folder, or to no regular file.
        TableError: the file can't be used.
    """
    data = await anyio.to_thread.run_sync(_read, folder, path)
    return await background.run(_content, path, data)


async def read_answer(
    function: Function,
    arguments: Mapping[str, Any],
    expression: str,
    ask: Ask,
    background: Background,
) -> Content:
    """Call a read and take the rows that an expression finds in its answer.

    Raises:
        CallError: the function writes, is withheld or failed, or the expression is wrong.
        TableError: the expression finds no rows.
    """
    if not function.reads_only:
        raise CallError.not_sent(
            Fault(Kind.INVALID_ARGUMENTS, f"Nothing was sent: {function.name} is not a read.")
        )
    query = Query(function, expression)
    answer = await ask(function.name, arguments)
    # A short expression may take long on a short answer.
    found = await background.run(query.of, answer)
    if not isinstance(found, list) or not found:
        raise TableError("has no rows: the query finds none in its answer")
    return Content(cast("list[Any]", found))


def _read(folder: Folder, path: str) -> bytes:
    with folder.reading(path) as (_, file):
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TableError(f"{path} has over {MOST_BYTES:,} bytes")
    return data


def _content(path: str, data: bytes) -> Content:
    if data.startswith(WORKBOOK_STARTS):
        raise TableError(f"{path} is a workbook, not text: save the sheet as CSV UTF-8")
    try:
        return content_of(PurePath(path).name, decoded(data))
    except TextError as error:
        raise TableError(f"{path} {error}") from None
