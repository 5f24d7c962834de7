"""Extract the readable text of a file.

Documents are read in a separate process without secrets in its environment. A malicious document
can take hours or all memory, and only a process can be killed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import anyio
import anyio.to_thread

from moodle_mcp.files.documents import MAX_CHARS, UNREADABLE, Bounds
from moodle_mcp.files.sniff import DOCUMENTS, Content
from moodle_mcp.files.text import Text, decoded
from moodle_mcp.presentation.markdown import to_markdown

# -P: do not import modules from the working folder, which may be somebody else's.
WORKER: Final = (sys.executable, "-P", "-m", "moodle_mcp.files.worker")

LIBRARIES: Final = {
    Content.PDF: "pypdf",
    Content.DOCX: "docx",
    Content.PPTX: "pptx",
    Content.XLSX: "openpyxl",
}
INSTALL: Final = (
    "This server has no library to read the text of such a file: the operator installs "
    "moodle-mcp[files]."
)
_NEEDED: Final = frozenset(
    {"PATH", "HOME", "USERPROFILE", "APPDATA", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG"}
)
_GRACE: Final = 10.0
"""Seconds before the worker is killed after its own time limit, which it checks itself."""

_OVER: Final = "Reading its text took too long and was stopped."
_NO_TEXT: Final = "It is not text, a picture or a document whose text can be read."
_CUT: Final = f"Only its first {MAX_CHARS:,} characters were read."


async def text_of(data: bytes, kind: Content) -> Text:
    """Return the text of a non-picture file; a note says if it is missing or incomplete."""
    if kind is Content.OTHER:
        return Text("", _NO_TEXT)
    if kind in DOCUMENTS:
        return await document_text(data, kind)
    return await anyio.to_thread.run_sync(_plain_text, data, kind)


async def document_text(
    data: bytes, kind: Content, bounds: Bounds | None = None, worker: Sequence[str] = WORKER
) -> Text:
    """Read the text of one of `DOCUMENTS` in a worker process."""
    if importlib.util.find_spec(LIBRARIES[kind]) is None:
        return Text("", INSTALL)
    bounds = bounds or Bounds()
    command = [*worker, kind.name, str(bounds.chars), str(bounds.seconds)]
    with anyio.move_on_after(bounds.seconds + _GRACE):
        done = await anyio.run_process(
            command, input=data, stderr=subprocess.DEVNULL, check=False, env=_environment()
        )
        return _answered(done.stdout) if done.returncode == 0 else Text("", UNREADABLE)
    return Text("", _OVER)


def _answered(output: bytes) -> Text:
    answer = json.loads(output)
    return Text(str(answer["text"]), str(answer["note"]))


def _environment() -> dict[str, str]:
    """Return the environment variables that Python needs; none of them is a secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _NEEDED or name.startswith("PYTHON")
    }


def _plain_text(data: bytes, kind: Content) -> Text:
    text = decoded(data)
    notes = [text.note] if text.note else []
    if len(text.text) > MAX_CHARS:
        notes.append(_CUT)
    readable = text.text[:MAX_CHARS]
    return Text(to_markdown(readable) if kind is Content.HTML else readable, " ".join(notes))
