"""The tools for files through the server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moodle_mcp.demo import STUDENT_TOKEN
from tests.support import samples
from tests.support.demo import Demo
from tests.support.stdio import ERAS, MODERN, serving_stdio

BOTH = pytest.mark.parametrize("era", [ERAS[-2], MODERN])
FILES = {"download_file", "upload_file"}


def listed(wire: Any) -> set[str]:
    return {tool["name"] for tool in wire.ask("tools/list")["result"]["tools"]}


@BOTH
def test_files_go_both_ways_through_the_server(
    era: str, demo: Demo, environment: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    settings = environment(
        MOODLE_TOKEN=STUDENT_TOKEN,
        MOODLE_MCP_TOOLS="student",
        MOODLE_MCP_ACCESS="write",
        MOODLE_MCP_FILES=str(tmp_path / "files"),
        MOODLE_MCP_AUDIT=str(tmp_path / "audit"),
    )
    long = " ".join(["word"] * 12_000)
    with serving_stdio(settings, era) as wire:
        assert listed(wire) >= FILES
        page = wire.call("download_file", {"url": demo.add_file("a.txt", long.encode())})
        content = page["structuredContent"]
        assert content["result"]["text"] != long
        assert "word word" in content["result"]["text"]
        assert "page" in content
        picture = wire.call("download_file", {"url": demo.add_file("a.png", samples.PNG)})
        assert [each["type"] for each in picture["content"]] == ["text", "image"]
        saved = wire.call("download_file", {"url": demo.add_file("b.txt", b"x"), "save": True})
        assert saved["structuredContent"]["result"]["saved_as"] == "b.txt"
        draft = wire.call("upload_file", {"path": "b.txt"})
        assert draft["structuredContent"]["result"]["size"] == 1
        wrong = wire.call("download_file", {"url": "https://example.org/a"})
        assert wrong["isError"]
        wire.close()
    lines = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    assert [(line["function"], line["access"], line["outcome"]) for line in lines] == [
        ("download_file", "read", "done"),
        ("download_file", "read", "done"),
        ("download_file", "read", "done"),
        ("upload_file", "write", "done"),
        ("download_file", "read", "failed"),
    ]


@BOTH
def test_what_the_operator_has_not_allowed_is_not_listed_and_is_refused_by_name(
    era: str, demo: Demo, environment: Callable[..., dict[str, str]]
) -> None:
    settings = environment(MOODLE_MCP_TOOLS="student,-download_file")
    with serving_stdio(settings, era) as wire:
        assert not listed(wire) & FILES
        before = len(demo.site.requests)
        for name, given in (
            ("upload_file", {"name": "a.txt", "text": "x"}),
            ("download_file", {"url": f"{demo.url}/pluginfile.php/1/a/b"}),
            # Nor is anybody told first to correct what would be refused all the same.
            ("upload_file", {"no such": "argument"}),
        ):
            error = wire.call(name, given)["structuredContent"]["error"]
            assert error["kind"] == "not_allowed"
        assert len(demo.site.requests) == before


@BOTH
def test_a_service_without_files_has_no_tools_for_them(
    era: str, demo: Demo, environment: Callable[..., dict[str, str]]
) -> None:
    demo.site.switches.downloads = demo.site.switches.uploads = False
    settings = environment(MOODLE_MCP_TOOLS="student", MOODLE_MCP_ACCESS="write")
    with serving_stdio(settings, era) as wire:
        assert not listed(wire) & FILES
