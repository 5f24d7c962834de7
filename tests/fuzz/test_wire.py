"""Garbage over the pipes of a real process: it keeps answering and names what was wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from inline_snapshot import snapshot

from moodle_mcp.server.transports.jsonrpc_lines import MAX_LINE
from tests.support.fuzz.lines import LINES, NOWHERE, Prober
from tests.support.stdio import ERAS, MODERN, serving_stdio

BOTH = [ERAS[-2], MODERN]


@pytest.fixture(scope="module", params=BOTH)
def prober(request: pytest.FixtureRequest) -> Iterator[Prober]:
    """One process for all lines of a protocol revision; it must exit normally."""
    with serving_stdio(NOWHERE, request.param) as wire:
        yield Prober(wire)
        status, log = wire.close()
    assert status == 0
    assert "Traceback" not in log


@settings(max_examples=150)
@given(LINES)
@example(b"")
@example(b"\xff\xfe\x00")
@example(b"[" * 1_000_000)
def test_the_process_lives_and_answers_after_any_line(prober: Prober, line: bytes) -> None:
    prober.check_line(line)


PING = b'"method":"ping"'
UNREADABLE = {
    "no JSON": b"hello",
    "cut": b'{"jsonrpc":"2.0","id":7,"meth',
    "no UTF-8": b"\xff\xfe",
    "an empty line": b"",
    "a blank line": b" \t\r",
    "a batch": b'[{"jsonrpc":"2.0","id":7,' + PING + b"}]",
    "a number": b"5",
    "id null": b'{"jsonrpc":"2.0","id":null,' + PING + b"}",
    "id a fraction": b'{"jsonrpc":"2.0","id":1.5,' + PING + b"}",
    "id true": b'{"jsonrpc":"2.0","id":true,' + PING + b"}",
    "id a list": b'{"jsonrpc":"2.0","id":[1],' + PING + b"}",
    "id half a character": b'{"jsonrpc":"2.0","id":"\\ud800",' + PING + b"}",
    "id of 5,000 digits": b'{"jsonrpc":"2.0","id":' + b"9" * 5_000 + b"," + PING + b"}",
    "another version": b'{"jsonrpc":"1.0","id":7,' + PING + b"}",
    "no method": b'{"jsonrpc":"2.0","id":7}',
    "method a number": b'{"jsonrpc":"2.0","id":7,"method":5}',
    "params a list": b'{"jsonrpc":"2.0","id":"x","params":[1],' + PING + b"}",
    "half a character": b'{"jsonrpc":"2.0","id":7,"params":{"a":"\\ud800"},' + PING + b"}",
    "nested 100,000 deep": b'{"id":7,"params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "an answer to nothing": b'{"jsonrpc":"2.0","id":70,"result":{}}',
    "an answer that is none": b'{"jsonrpc":"2.0","id":70,"error":5}',
    "a notification that is none": b'{"jsonrpc":"2.0","method":5}',
    "a notification of nothing": b'{"jsonrpc":"2.0","method":"no/such"}',
    "longer than the limit": b'{"jsonrpc":"2.0","id":7,"x":"' + b"x" * MAX_LINE + b'"}',
    "two limits long": b"x" * (2 * MAX_LINE),
}


def test_a_line_that_is_no_message_is_answered_with_what_is_wrong(prober: Prober) -> None:
    said = {
        name: [(reply["id"], reply["error"]["code"]) for reply in prober.replies(line)]
        for name, line in UNREADABLE.items()
    }
    assert said == snapshot(
        {
            "no JSON": [(None, -32700)],
            "cut": [(None, -32700)],
            "no UTF-8": [(None, -32700)],
            "an empty line": [],
            "a blank line": [],
            "a batch": [(None, -32600)],
            "a number": [(None, -32600)],
            "id null": [(None, -32600)],
            "id a fraction": [(None, -32600)],
            "id true": [(None, -32600)],
            "id a list": [(None, -32600)],
            "id half a character": [(None, -32600)],
            "id of 5,000 digits": [(None, -32700)],
            "another version": [(7, -32600)],
            "no method": [(7, -32600)],
            "method a number": [(7, -32600)],
            "params a list": [("x", -32600)],
            "half a character": [(7, -32600)],
            "nested 100,000 deep": [(7, -32600)],
            "an answer to nothing": [],
            "an answer that is none": [],
            "a notification that is none": [],
            "a notification of nothing": [],
            "longer than the limit": [(None, -32600)],
            "two limits long": [(None, -32600)],
        }
    )


def test_a_line_of_50_megabytes_is_a_message_as_any_other(prober: Prober) -> None:
    line = b'{"jsonrpc":"2.0","id":7,"method":"no/such","params":{"a":"%b"}}' % (b"x" * 50_000_000)
    (reply,) = prober.replies(line)
    assert reply["id"] == 7
    assert "error" in reply
