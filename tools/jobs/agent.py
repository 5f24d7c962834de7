"""The agent's side: a client of the server that counts the characters of its calls."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.stdio import Wire, serving_stdio

SETTINGS: Final = {
    "MOODLE_MCP_TOOLS": "all",
    "MOODLE_MCP_ACCESS": "destructive",
    "MOODLE_MCP_CONFIRM": "token",
    "MOODLE_MCP_RATE": "100",
}


class AnswerError(Exception):
    """An answer is an error, or lacks what the agent needs."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls cost: their number, and the characters of the requests and of the answers."""

    calls: int = 0
    sent: int = 0
    received: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls, self.sent + other.sent, self.received + other.received
        )

    @property
    def characters(self) -> int:
        """The characters of the requests and of the answers together."""
        return self.sent + self.received


class Agent:
    """Calls tools as a client does, and adds up what it costs.

    The request is counted as compact JSON of the tool's name and arguments, the answer as the text
    that the client gets. `told` are the requests and answers, for people to read.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.cost = Cost()
        self.told: list[str] = []

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; return the envelope, which may be an error."""
        request = {"name": tool, "arguments": arguments}
        text: str = self._wire.call(tool, arguments)["content"][0]["text"]
        self.cost += Cost(1, len(_compact(request)), len(text))
        self.told += [_compact(request), text]
        return json.loads(text)

    def do(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must not fail.

        Raises:
            AnswerError: it failed.
        """
        envelope = self.ask(tool, **arguments)
        if "error" in envelope:
            raise AnswerError(f"{tool}: {_compact(envelope)}")
        return envelope

    def confirm(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Make a call that asks for confirmation, and carry it out by its token.

        Raises:
            AnswerError: it did not ask, or the call failed.
        """
        refused = self.ask(tool, **arguments)
        found = re.search(r"_confirm: (\S+)", refused.get("error", {}).get("hint", ""))
        if found is None:
            raise AnswerError(f"{tool}: {_compact(refused)}")
        return self.do("confirm", token=found[1])


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def agent_of(url: str, token: str, folder: Path, **settings: str) -> Generator[Agent]:
    """Start a server for a user of a site; `folder` is the operator's."""
    own: Mapping[str, str] = {
        **SETTINGS,
        "MOODLE_URL": url,
        "MOODLE_TOKEN": token,
        "MOODLE_MCP_FILES": str(folder),
        **settings,
    }
    with serving_stdio(own) as wire:
        yield Agent(wire)
