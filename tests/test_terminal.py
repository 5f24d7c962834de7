"""All terminal output goes through one module, which removes hidden characters."""

from __future__ import annotations

import ast
import json
import logging
from pathlib import Path

import pytest
from inline_snapshot import snapshot

import moodle_mcp
from moodle_mcp.terminal import LineFormatter, say, say_document, say_json

ROOT = Path(moodle_mcp.__file__).parent
HOSTILE = "a\x1b[2Jb\x9bc\u202ed\x7fe\nfailed   token\r\tf\u2028g❤️"
PRINTING = {"echo", "secho", "prompt", "confirm", "print", "pprint", "Console", "input", "getpass"}
ELSEWHERE = {
    "terminal.py",
    # Writes what it has read of a document into a pipe to the server.
    "files/worker.py",
}


def printing(file: Path) -> list[str]:
    """Yield a module's calls that print or write to the standard streams."""
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = called.rpartition(".")[2]
            writes = name in ("write", "writelines") and ("stdout" in called or "stderr" in called)
            if name in PRINTING or writes:
                found.append(f"{called} in line {node.lineno}")
    return found


@pytest.mark.parametrize(
    "file",
    [each for each in sorted(ROOT.rglob("*.py")) if str(each.relative_to(ROOT)) not in ELSEWHERE],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_nothing_else_prints(file: Path) -> None:
    assert not printing(file)


def test_printing_is_found() -> None:
    assert printing(ROOT / "terminal.py")


def test_a_line_is_one_line_and_hides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE, "second")
    assert capsys.readouterr().out == snapshot("""\
a\\u001b[2Jb\\u009bc\\u202ed\\u007fe\\nfailed   token\\r\\tf\\u2028g❤️
second
""")


def test_a_document_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say_document(f"{HOSTILE}\n")
    assert capsys.readouterr().out == snapshot("""\
a\\u001b[2Jb\\u009bc\\u202ed\\u007fe
failed   token\\r	f\\u2028g❤️
""")


def test_json_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    data = {HOSTILE: ["\U000e0041", HOSTILE]}
    say_json(json.dumps(data, ensure_ascii=False, indent=2))
    shown = capsys.readouterr().out
    assert json.loads(shown) == data
    assert not set(shown) & set("\x1b\x9b\u202e\x7f\r\u2028\U000e0041")


def test_a_record_of_the_log_is_one_line() -> None:
    formatter = LineFormatter("%(levelname)s %(message)s")
    caught = (ValueError, ValueError(HOSTILE), None)
    record = logging.LogRecord("x", logging.WARNING, "", 0, "told: %s", (HOSTILE,), caught)
    assert formatter.format(record) == snapshot("""\
WARNING told: a\\u001b[2Jb\\u009bc\\u202ed\\u007fe\\nfailed   token\\r\\tf\\u2028g❤️
    ValueError: a\\u001b[2Jb\\u009bc\\u202ed\\u007fe
    failed   token\\r\\tf\\u2028g❤️\
""")
