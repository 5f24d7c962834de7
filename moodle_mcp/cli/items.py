"""`moodle-mcp call FUNCTION --items FILE`: items from a file, and a file with the fate of each.

The result file has a line of JSON for each item: its index, its fate, its fault, and a hash by
which a later run knows that it is still the same item. The items themselves, which can hold
passwords, are not in it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from moodle_mcp.caller.batch import Account, Fate, brief
from moodle_mcp.catalogue.model import Function
from moodle_mcp.errors import MoodleMcpError

_HEADER = re.compile(r"[A-Za-z_]\w*(\[\w+\])*")
_KEY = re.compile(r"\w+")
_HASH_LENGTH: Final = 16


class ItemsError(MoodleMcpError):
    """A file of items or of results can't be used; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Fated:
    """What a result file says of one item."""

    fate: Fate
    digest: str
    error: dict[str, Any] | None = None


def read_items(path: Path) -> list[Any]:
    """The items of a JSON list, of JSON Lines, or of a CSV file with a header.

    A CSV file's header holds the keys, nested ones in brackets: `customfields[0][type]`. An empty
    cell leaves its key out.

    Raises:
        ItemsError: the file can't be read or is not what its ending says.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ItemsError(f"{path}: can't be read as UTF-8 ({type(error).__name__})") from None
    match path.suffix.lower():
        case ".csv":
            return _from_csv(path, text)
        case ".jsonl" | ".ndjson":
            lines = enumerate(text.splitlines(), 1)
            return [_json(f"{path}, line {number}", line) for number, line in lines if line.strip()]
        case ".json":
            items = _json(str(path), text)
            if not isinstance(items, list):
                raise ItemsError(f"{path}: is not a JSON list")
            return cast("list[Any]", items)
        case ending:
            raise ItemsError(f"{path}: the ending {ending!r} is none of .json, .jsonl and .csv")


def as_arguments(function: Function, items: Sequence[Any]) -> dict[str, list[Any]]:
    """The items as the function's arguments; of parallel lists each item is an object.

    Raises:
        ItemsError: the function takes no list of independent items, or an item lacks a key.
    """
    names = function.batching.items if function.batching else ()
    match names:
        case ():
            raise ItemsError(f"{function.name} takes no list of independent items")
        case (name,):
            return {name: list(items)}
        case _:
            return {
                name: [_member(item, name, at) for at, item in enumerate(items)] for name in names
            }


def digest(item: Any) -> str:
    """A short hash of an item, by which a later run knows it again."""
    text = json.dumps(item, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def read_results(path: Path, items: Sequence[Any]) -> list[Fated]:
    """The fates that an earlier run wrote; none if there was none.

    Raises:
        ItemsError: the file is broken or belongs to other items.
    """
    if not path.exists():
        return []
    results: list[Fated] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        data = _json(f"{path}, line {index + 1}", line)
        try:
            fated = Fated(Fate[data["fate"].upper()], data["item"], data.get("error"))
        except (KeyError, TypeError, AttributeError):
            raise ItemsError(f"{path}, line {index + 1}: is not a line of results") from None
        if index >= len(items) or fated.digest != digest(items[index]):
            raise ItemsError(
                f"{path}: its line {index + 1} is about another item; name another file"
            )
        results.append(fated)
    if len(results) != len(items):
        raise ItemsError(f"{path}: holds {len(results)} results for {len(items)} items")
    return results


def to_send(results: Sequence[Fated], count: int, *, repeat_unknown: bool) -> list[int]:
    """The items that a run has to send: those not done yet, and those in doubt if that does no
    harm.
    """
    if not results:
        return list(range(count))
    left_out = {Fate.SUCCEEDED} if repeat_unknown else {Fate.SUCCEEDED, Fate.UNKNOWN}
    return [index for index, fated in enumerate(results) if fated.fate not in left_out]


def merge_results(
    items: Sequence[Any], before: Sequence[Fated], sent: Sequence[int], account: Account
) -> list[Fated]:
    """The fates of all items after a run that was given those at the indexes `sent`."""
    results = list(before) or [Fated(Fate.NOT_SENT, digest(item)) for item in items]
    for position, index in enumerate(sent):
        fault = account.fault(position)
        results[index] = Fated(
            account.fate(position), results[index].digest, brief(fault) if fault else None
        )
    return results


def write_results(path: Path, results: Sequence[Fated]) -> None:
    """Replace the result file whole, readable for its owner only."""
    lines = [
        json.dumps(
            {"index": index, "fate": each.fate.name.lower(), "item": each.digest}
            | ({"error": each.error} if each.error else {}),
            ensure_ascii=False,
        )
        for index, each in enumerate(results)
    ]
    new = path.with_name(f"{path.name}.new")
    with os.fdopen(
        os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write("".join(f"{line}\n" for line in lines))
    new.replace(path)


def _from_csv(path: Path, text: str) -> list[Any]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, cast("list[str]", []))
        keys = [_keys(path, name.strip()) for name in header]
        items: list[Any] = []
        for row in rows:
            if len(row) > len(keys):
                raise ItemsError(f"{path}, line {rows.line_num}: has more cells than the header")
            if any(cell.strip() for cell in row):
                items.append(_nested(keys, row))
    except csv.Error as error:
        raise ItemsError(f"{path}, line {rows.line_num}: {error}") from None
    return items


def _keys(path: Path, name: str) -> list[str]:
    if not _HEADER.fullmatch(name):
        raise ItemsError(f"{path}: the header {name!r} is not a key such as email or a[0][b]")
    return _KEY.findall(name)


def _nested(keys: Sequence[Sequence[str]], row: Sequence[str]) -> Any:
    """An item from a row: keys that are numbers make lists, in their order."""
    item: dict[str, Any] = {}
    for path, cell in zip(keys, row, strict=False):
        if cell.strip():
            inner = item
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = cell
    return _with_lists(item)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    members = {key: _with_lists(child) for key, child in cast("dict[str, Any]", value).items()}
    if members and all(key.isdecimal() for key in members):
        return [members[key] for key in sorted(members, key=int)]
    return members


def _member(item: Any, name: str, index: int) -> Any:
    if not isinstance(item, Mapping) or name not in item:
        raise ItemsError(f"item {index} has no {name}")
    return cast("Mapping[str, Any]", item)[name]


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ItemsError(f"{where}: is not JSON: {error}") from None
