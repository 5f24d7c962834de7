"""Reads the table of a bulk call, from text or from a file in the operator's folder."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

import anyio.to_thread

from moodle_mcp.background import Background
from moodle_mcp.files.folder import Folder
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
