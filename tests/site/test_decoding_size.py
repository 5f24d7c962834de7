"""Answers that are small in bytes and large in everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError
from moodle_mcp.jsontree import MAX_VALUES
from moodle_mcp.site import decoding
from moodle_mcp.site.decoding import decode
from moodle_mcp.site.response import Response


def test_an_answer_of_too_many_values_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(_: str) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(decoding, "_loads", unexpected)
    with pytest.raises(CallError) as refused:
        decode(Response(200, b"[" + b"{}," * MAX_VALUES + b"{}]"))
    assert refused.value.fault.report() == snapshot(
        {
            "kind": "too_large",
            "message": "The answer has more than 300,000 values and was not read.",
            "hint": "Ask for less: one course, one page (where the function has `limitnum`, `perpage` or the like), one user.",
            "retryable": False,
            "written": "nothing",
        }
    )


def test_commas_in_texts_are_no_values() -> None:
    text = "one,two," * (MAX_VALUES * 3 // 4)
    answer = decode(Response(200, json.dumps([text]).encode()))
    assert answer.value == [text]


@pytest.mark.parametrize(
    "body",
    [
        "Notice: x\n" + "\n" * 200_000 + "x",
        "Notice: x\n" + " " * 2_000_000 + "{",
        "<?xml?>" + "<ERRORCODE>" * 200_000,
        "[" * 100_000,
    ],
    ids=["lines", "spaces", "xml", "deep"],
)
def test_what_is_no_answer_is_told_in_one_pass(body: str) -> None:
    """With a pattern that goes over the rest of the text at each place this takes minutes."""
    with pytest.raises(CallError):
        decode(Response(200, body.encode()))
