"""Recorded exchanges with a real Moodle 4.5.6, from `tests/data`."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

FILE = Path(__file__).parents[1] / "data" / "exchanges-4.5.6.jsonl.gz"


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its response; the token is replaced by a word."""

    group: str
    name: str
    path: str
    function: str | None
    params: dict[str, Any]
    status: int
    content_type: str
    location: str | None
    body: str

    @property
    def id(self) -> str:
        return f"{self.group}:{self.name}"

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_call(self) -> bool:
        """Whether it calls a function through the REST endpoint."""
        return self.function is not None and "/webservice/rest/" in self.path

    @property
    def is_fault(self) -> bool:
        if self.status != 200:
            return True
        try:
            answer = self.json
        except ValueError:
            return True
        return isinstance(answer, dict) and "exception" in answer


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Return all exchanges, in the order of recording."""
    lines = gzip.decompress(FILE.read_bytes()).decode("utf-8").splitlines()
    return tuple(_exchange(json.loads(line)) for line in lines)


def calls(*, faults: bool) -> list[Exchange]:
    """Return the calls of functions that failed, or those that succeeded."""
    return [each for each in exchanges() if each.is_call and each.is_fault == faults]


def _exchange(data: dict[str, Any]) -> Exchange:
    request, response = data["request"], data["response"]
    params = request.get("params")
    return Exchange(
        group=data["group"],
        name=data["name"],
        path=request["path"],
        function=request.get("function"),
        params=cast("dict[str, Any]", params) if isinstance(params, dict) else {},
        status=response["status"],
        content_type=response["content_type"] or "",
        location=response["location"],
        body=response["body"],
    )
