"""Random lines of a client over stdio, and a check that the server survives each."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from moodle_mcp.demo import ADMIN_TOKEN
from tests.support.stdio import Wire
from tests.support.strategies import ANY_JSON, TEXT

NOWHERE: Final = {
    "MOODLE_URL": "http://127.0.0.1:9",
    "MOODLE_TOKEN": ADMIN_TOKEN,
    # No site answers at this address, so waiting is pointless.
    "MOODLE_MCP_TIMEOUT": "0.1",
    "MOODLE_MCP_LOG_LEVEL": "error",
}
"""Settings of a server whose site does not exist."""

METHODS: Final = (
    "initialize", "ping", "tools/list", "tools/call", "server/discover", "resources/list",
    "notifications/initialized", "notifications/cancelled", "notifications/progress",
    "logging/setLevel", "completion/complete", "prompts/get", "subscriptions/listen",
)  # fmt: skip
NAMES: Final = ("core_course_get_contents", "find_functions", "call_function", "more_results")

_IDS = st.integers() | TEXT | ANY_JSON
_PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES) | ANY_JSON,
        "arguments": st.dictionaries(TEXT, ANY_JSON, max_size=3) | ANY_JSON,
        "cursor": ANY_JSON,
        "requestId": _IDS,
        "protocolVersion": TEXT,
        "_meta": st.fixed_dictionaries({}, optional={"progressToken": ANY_JSON}) | ANY_JSON,
    },
)
MESSAGES: Final = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | ANY_JSON,
        "id": _IDS,
        "method": st.sampled_from(METHODS) | ANY_JSON,
        "params": _PARAMS | ANY_JSON,
        "result": ANY_JSON,
        "error": ANY_JSON,
    },
)
_PROPER = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": st.integers() | TEXT,
        "method": st.sampled_from(METHODS),
        "params": _PARAMS,
    }
)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def _bent(draw: st.DrawFn) -> bytes:
    """Draw a message with some bytes removed or replaced."""
    line = draw(_PROPER.map(_dumped))
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(line))] * 2)))
    return line[:start] + draw(st.binary(max_size=8)) + line[stop:]


def _deep(levels: int) -> bytes:
    inner = b"[" * levels + b"]" * levels
    call = b'"method":"tools/call","params":{"name":"core_course_get_contents","arguments":{"a":'
    return b'{"jsonrpc":"2.0","id":7,' + call + inner + b"}}}"


LINES: Final = st.one_of(
    st.binary(max_size=60),
    ANY_JSON.map(_dumped),
    MESSAGES.map(_dumped),
    _PROPER.map(_dumped),
    st.lists(_PROPER, max_size=3).map(_dumped),
    _bent(),
    st.integers(1, 100_000).map(_deep),
).map(lambda line: line.replace(b"\n", b" "))


class Prober:
    """Sends lines to a server, and checks after each that it still answers."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._probes = 0

    def check_line(self, line: bytes) -> None:
        """Send a line and check that the server still answers."""
        self.replies(line)

    def replies(self, line: bytes) -> list[dict[str, Any]]:
        """Send a line and a probe; return the messages that arrive before the probe's answer."""
        self._probes += 1
        probe = f"probe number {self._probes}"
        self.wire.send(line)
        self.wire.send({"jsonrpc": "2.0", "id": probe, "method": "tools/call", "params": None})
        found: list[dict[str, Any]] = []
        while (message := self.wire.read()).get("id") != probe:
            found.append(message)
        return found
