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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from moodle_mcp.caller.batch import Account, Fate, brief
from moodle_mcp.catalogue.model import Function, ListOf, Value
from moodle_mcp.errors import Fault, Kind, MoodleMcpError

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
    except FileNotFoundError:
        raise ItemsError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ItemsError(f"{path}: can't be read as UTF-8 ({type(error).__name__})") from None
    match path.suffix.lower():
        case ".csv":
            return _from_csv(path, text)
        case ".jsonl" | ".ndjson":
            # Not splitlines: a text in the JSON may hold other line separators.
            lines = enumerate(text.split("\n"), 1)
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
            return {name: [_bare(function, name, item) for item in items]}
        case _:
            return {
                name: [_member(item, name, at) for at, item in enumerate(items)] for name in names
            }


def _bare(function: Function, name: str, item: Any) -> Any:
    """An item of a plain list, which a CSV file holds as its only column."""
    node = function.params.keys.get(name)
    plain = isinstance(node, ListOf) and isinstance(node.item, Value)
    if plain and isinstance(item, dict):
        cells = list(cast("dict[str, Any]", item).values())
        return cells[0] if len(cells) == 1 else cast("Any", item)
    return item


def digest(item: Any) -> str:
    """A short hash of an item, by which a later run knows it again."""
    text = json.dumps(item, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


class Results:
    """The fates of a file's items: what an earlier run wrote, and what this one adds.

    The file grows by a line for each item at each change, so that a run that is killed has said
    before which items were under way; the last line of an item counts. At the end it is written
    anew with one line for each.
    """

    def __init__(self, path: Path, items: Sequence[Any]) -> None:
        """Read what is there.

        Raises:
            ItemsError: the file is broken or belongs to other items.
        """
        self._path = path
        self.name = path.name
        self.fates = [Fated(Fate.NOT_SENT, digest(item)) for item in items]
        self.resumed = path.exists()
        if self.resumed:
            self._read(path.read_text(encoding="utf-8"))

    def open(self) -> None:
        """Make sure that fates can be written, before anything is sent.

        Raises:
            ItemsError: the file can't be written.
        """
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        except OSError as error:
            raise ItemsError(f"{self._path}: can't be written ({type(error).__name__})") from None

    def add(self, sent: Sequence[int], positions: Iterable[int], account: Account) -> None:
        """Note what has become of the items at these positions of those that were sent."""
        changed: list[int] = []
        for position in positions:
            index, fault = sent[position], account.fault(position)
            error = brief(fault) if fault else None
            fated = Fated(account.fate(position), self.fates[index].digest, error)
            self.fates[index] = fated
            changed.append(index)
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(self._line(index) for index in changed))

    def finish(self) -> None:
        """Replace the file by one with a line for each item, readable for its owner only."""
        new = self._path.with_name(f"{self._path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(self._line(index) for index in range(len(self.fates))))
        new.replace(self._path)

    def account(self) -> Account:
        """The account of all items of the file, with their own indexes."""
        account = Account(len(self.fates))
        faults: dict[str, Fault] = {}
        for index, fated in enumerate(self.fates):
            fault = None
            if fated.error:
                fault = faults.setdefault(json.dumps(fated.error), _fault(fated.error))
            account.mark([index], fated.fate, fault)
        return account

    def _line(self, index: int) -> str:
        fated = self.fates[index]
        data = {"index": index, "fate": fated.fate.name.lower(), "item": fated.digest}
        data |= {"error": fated.error} if fated.error else {}
        return f"{json.dumps(data, ensure_ascii=False)}\n"

    def _read(self, text: str) -> None:
        """Take over what an earlier run wrote; the last line of an item counts.

        What was not done may have been corrected since, and then begins anew.
        """
        last: dict[int, tuple[str, Fated]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                where = f"{self._path}, line {number}"
                index, fated = _result(where, line)
                last[index] = where, fated
        for index, (where, fated) in last.items():
            known = 0 <= index < len(self.fates)
            if known and fated.digest == self.fates[index].digest:
                self.fates[index] = fated
            elif not known or fated.fate not in (Fate.FAILED, Fate.NOT_SENT):
                raise ItemsError(f"{where}: is about another item; name another file with --result")


def _result(where: str, line: str) -> tuple[int, Fated]:
    """An item's index and fate, as a line of results says them."""
    data = _json(where, line)
    try:
        fated = Fated(Fate[data["fate"].upper()], str(data["item"]), data.get("error"))
        return int(data["index"]), fated
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ItemsError(f"{where}: is not a line of results") from None


def _fault(error: Mapping[str, Any]) -> Fault:
    """The fault of which `brief` wrote this."""
    kind = next((each for each in Kind if each.code == error.get("kind")), Kind.MOODLE_ERROR)
    return Fault(kind, str(error.get("message", "")), errorcode=error.get("errorcode"))


def to_send(fates: Sequence[Fated], *, repeat_unknown: bool) -> list[int]:
    """The items that a run has to send: those not done yet, and those in doubt if that does no
    harm.
    """
    left_out = {Fate.SUCCEEDED} if repeat_unknown else {Fate.SUCCEEDED, Fate.UNKNOWN}
    return [index for index, fated in enumerate(fates) if fated.fate not in left_out]


def _from_csv(path: Path, text: str) -> list[Any]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, cast("list[str]", []))
        keys = [_keys(path, name.strip()) for name in header]
        _check_header(path, keys)
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
        commas = "; cells are parted by commas" if ";" in name or "\t" in name else ""
        raise ItemsError(
            f"{path}: the header {name!r} is not a key such as email or a[0][b]{commas}"
        )
    return _KEY.findall(name)


def _check_header(path: Path, keys: Sequence[Sequence[str]]) -> None:
    """A key may stand once, and not both for itself and for what is inside it."""
    for one in keys:
        for other in keys:
            if one is not other and list(one) == list(other[: len(one)]):
                raise ItemsError(f"{path}: the header has {one[0]} twice, or beside its own keys")


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
