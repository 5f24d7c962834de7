"""The text of any file; documents are read in a separate process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from moodle_mcp.files.documents import Bounds
from moodle_mcp.files.extract import INSTALL, WORKER, document_text, text_of
from moodle_mcp.files.sniff import Content
from moodle_mcp.files.text import Text
from tests.support import samples

pytestmark = pytest.mark.anyio


def python(code: str) -> tuple[str, ...]:
    """A worker that does something else."""
    return (sys.executable, "-P", "-c", code)


async def test_html_is_markdown_and_text_is_itself() -> None:
    html = b"<h2>One</h2><p>Two <b>three</b></p><script>alert(1)</script>"
    assert await text_of(html, Content.HTML) == Text("## One\n\nTwo **three**")
    assert (await text_of(html, Content.TEXT)).text == html.decode()


async def test_what_is_no_text_is_a_note() -> None:
    assert await text_of(b"\0\1\2", Content.OTHER) == Text(
        "", "It is not text, a picture or a document whose text can be read."
    )


async def test_of_a_long_text_the_beginning_is_given_and_said_to_be() -> None:
    text = await text_of(b"x" * 2_000_001, Content.TEXT)
    assert text == Text("x" * 2_000_000, "Only its first 2,000,000 characters were read.")


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (samples.pdf(), Content.PDF, "Photosynthesis"),
        (samples.docx(), Content.DOCX, "nucleus"),
        (samples.pptx(), Content.PPTX, "Leaves"),
        (samples.xlsx(), Content.XLSX, "12.5"),
    ],
)
async def test_a_document_is_read_by_its_own_process(data: bytes, kind: Content, said: str) -> None:
    text = await text_of(data, kind)
    assert said in text.text
    assert not text.note


async def test_the_process_has_no_tokens_in_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOODLE_TOKEN", "0123456789abcdef" * 2)
    monkeypatch.setenv("OTHER_API_KEY", "fedcba9876543210" * 2)
    code = "import os, json; print(json.dumps({'text': str(dict(os.environ)), 'note': ''}))"
    text = await document_text(b"", Content.PDF, worker=python(code))
    assert "PATH" in text.text
    assert "TOKEN" not in text.text
    assert "KEY" not in text.text


async def test_a_module_in_the_working_folder_is_not_taken_for_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docx.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert "nucleus" in (await document_text(samples.docx(), Content.DOCX)).text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to the limit")
async def test_a_document_can_not_take_all_memory() -> None:
    code = "from moodle_mcp.files.worker import limit_memory as l; l(); b'x' * (3 * 1024**3)"
    text = await document_text(b"", Content.PDF, worker=python(code))
    assert text == Text("", "The text could not be read: the file is damaged or protected.")


async def test_a_document_that_takes_too_long_is_ended() -> None:
    worker = python("import time; time.sleep(600)")
    with anyio.fail_after(60):
        text = await document_text(b"", Content.PDF, Bounds(seconds=-9.5), worker)
    assert text == Text("", "Reading its text took too long and was stopped.")


async def test_the_event_loop_lives_while_a_document_is_read() -> None:
    released = anyio.Event()

    async def live() -> None:
        # This runs before the document's process ends only if the event loop is not blocked.
        released.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live)
        await document_text(samples.pdf(), Content.PDF)
        assert released.is_set()


async def test_without_its_library_the_answer_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real: Any = importlib.util.find_spec

    def find(name: str) -> Any:
        return None if name == "pypdf" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    assert await document_text(samples.pdf(), Content.PDF) == Text("", INSTALL)


def test_the_worker_is_this_python_without_the_working_folder() -> None:
    assert WORKER[:2] == (sys.executable, "-P")
