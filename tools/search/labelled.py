"""Requests in people's own words, each labelled with the functions that are right answers."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.said import Unavailable
from moodle_mcp.catalogue.search import Index
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.policy import Policy

_FOLDER = Path(__file__).parent / "requests"
_OLDER = Path(__file__).parents[2] / "tests" / "data" / "search-requests.toml"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for, and the right answers: functions, or `!` and an entry's name."""

    text: str
    answers: tuple[str, ...]


def requests() -> dict[str, list[Request]]:
    """All requests, by the name of their set."""
    sets = {file.stem: _read(file) for file in sorted(_FOLDER.glob("*.tsv"))}
    older: dict[str, list[dict[str, Any]]] = tomllib.loads(_OLDER.read_text(encoding="utf-8"))
    for name, rows in older.items():
        sets[f"older {name}"] = [Request(row["request"], tuple(row["functions"])) for row in rows]
    return sets


def allowed_functions() -> list[Function]:
    """The functions that the profile `all` allows with destructive access."""
    catalogue = load()
    policy = Policy(parse_allowlist("all", frozenset(catalogue)), Access.DESTRUCTIVE)
    return [each for name in catalogue if policy.allows(each := catalogue.get(name))]


def rank(index: Index, request: Request, depth: int) -> int | None:
    """The place of the first right answer among the first ones, from 1 on."""
    for place, found in enumerate(index.search(request.text, depth).found, 1):
        mark = "!" if isinstance(found.target, Unavailable) else ""
        if f"{mark}{found.target.name}" in request.answers:
            return place
    return None


def _read(file: Path) -> list[Request]:
    lines = file.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    return [Request(text, tuple(answers.split())) for text, answers in rows]
