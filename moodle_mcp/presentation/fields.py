"""`_fields`: selects the fields of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, cast

from moodle_mcp.catalogue.arguments import MAX_FAULTS, arguments_fault
from moodle_mcp.catalogue.control_arguments import FIELDS
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.errors import CallError, ParameterFault
from moodle_mcp.suggest import similar

ALL: Final = "*"
WARNINGS: Final = "warnings"
_MOST_NAMED: Final = 40


@dataclass(slots=True)
class Selection:
    """What is kept of an object: keys in `keys` by their own selection, others if `whole`."""

    whole: bool
    keys: dict[str, Selection] = field(default_factory=dict["str", "Selection"])

    def of(self, key: str) -> Selection | None:
        """The selection inside a key; None if nothing of it is kept."""
        inside = self.keys.get(key)
        if inside is None:
            return _WHOLE if self.whole else None
        return inside if inside.whole or inside.keys else None


_WHOLE: Final = Selection(True)


def chosen_in_moodle(arguments: Mapping[str, Any]) -> bool:
    """Whether arguments choose fields by Moodle's own option (core_enrol_get_enrolled_users)."""
    options = arguments.get("options")
    return isinstance(options, list) and any(
        isinstance(option, dict) and cast("dict[str, Any]", option).get("name") == "userfields"
        for option in cast("list[Any]", options)
    )


def selection(function: Function, paths: Sequence[str]) -> Selection:
    """Make a selection from paths: `id`, `contacts.fullname`, `-summary`, or `*` for all.

    A path begins at the answer, or at the items of its main list; a list has no step of its own.
    Exclusions alone keep everything else.

    Raises:
        CallError: `invalid_arguments`, with the nearest names of a path that does not exist.
    """
    returns = function.returns
    if returns is None:
        return _WHOLE
    unknown: dict[str, str] = {}
    wanted, unwanted = list[tuple[str, ...]](), list[tuple[str, ...]]()
    for index, text in enumerate(paths):
        name = text.removeprefix("-").replace("[]", "").strip()
        if text.strip() == ALL:
            continue
        path = _resolved(returns, tuple(name.split(".")))
        if path is None:
            unknown[f"{FIELDS}[{index}]"] = name
        else:
            (unwanted if text.startswith("-") else wanted).append(path)
    if unknown:
        # Looking for similar names takes long, and only so many faults are shown.
        shown = islice(unknown.items(), MAX_FAULTS)
        faults = [_unknown(returns, name, where) for where, name in shown]
        all_found = len(faults) == len(unknown)
        raise CallError.not_sent(arguments_fault(function, faults, all_found=all_found))
    chosen = _selection(wanted, unwanted, whole=not wanted or ALL in paths, returns=returns)
    kept = count(returns, chosen)[0]
    if isinstance(returns, Object) and WARNINGS in returns.keys:
        kept -= count(returns.keys[WARNINGS], chosen.of(WARNINGS))[0]
    if not kept:
        problem = ParameterFault(FIELDS, "leaves nothing of the answer")
        raise CallError.not_sent(arguments_fault(function, [problem]))
    return chosen


def usual(function: Function) -> Selection:
    """The default fields of an answer; those that a release lacks are left out."""
    returns = function.returns
    existing = [
        path
        for path in function.text.fields
        if returns is not None and _resolved(returns, tuple(path.removeprefix("-").split(".")))
    ]
    return selection(function, existing) if existing else _WHOLE


def count(node: Node | None, chosen: Selection | None) -> tuple[int, int]:
    """How many fields of an answer's tree a selection keeps, and how many there are."""
    match node:
        case Object() if node.keys:
            counts = [
                count(child, chosen.of(key) if chosen else None) for key, child in node.keys.items()
            ]
            return sum(kept for kept, _ in counts), sum(every for _, every in counts)
        case ListOf():
            return count(node.item, chosen)
        case _:
            return int(chosen is not None and chosen.whole), 1


def _selection(
    wanted: list[tuple[str, ...]], unwanted: list[tuple[str, ...]], *, whole: bool, returns: Node
) -> Selection:
    root = Selection(whole)
    wanted = [*wanted, *_beside_the_list(returns, wanted)]
    if isinstance(returns, Object) and WARNINGS in returns.keys:
        wanted = [*wanted, (WARNINGS,)]
    for path, keep in [*((path, True) for path in wanted), *((path, False) for path in unwanted)]:
        place = root
        for key in path:
            place = place.keys.setdefault(key, Selection(place.whole))
        place.whole = keep
        place.keys.clear()
    return root


def _objects(node: Node | None) -> Object | None:
    """The object type of an answer or of its items."""
    match node:
        case ListOf():
            return _objects(node.item)
        case Object() if node.keys:
            return node
        case _:
            return None


def _main_list(node: Node) -> str | None:
    """The key of an answer's main list: its only list of objects, if it has exactly one."""
    top = _objects(node)
    if top is None or not isinstance(node, Object):
        return None
    lists = [
        key
        for key, child in top.keys.items()
        if key != WARNINGS and isinstance(child, ListOf) and _objects(child) is not None
    ]
    return lists[0] if len(lists) == 1 else None


def _resolved(returns: Node, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The path from the answer's root; None if there is no such field."""
    if _exists(returns, path):
        return path
    main = _main_list(returns)
    return (main, *path) if main is not None and _exists(returns, (main, *path)) else None


def _beside_the_list(returns: Node, wanted: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The values beside the main list, such as `total`, if only fields of its items are wanted."""
    main = _main_list(returns)
    if main is None or not isinstance(returns, Object) or not wanted:
        return []
    if any(path[0] != main for path in wanted):
        return []
    return [(key,) for key, child in returns.keys.items() if isinstance(child, Value)]


def _exists(node: Node, path: tuple[str, ...]) -> bool:
    inside = _objects(node)
    if not path:
        return True
    if inside is None or path[0] not in inside.keys:
        return False
    return _exists(inside.keys[path[0]], path[1:])


def _unknown(returns: Node, name: str, where: str) -> ParameterFault:
    main = _main_list(returns)
    known = [path.removeprefix(f"{main}.") for path in _paths(returns, "")]
    last = {path.rpartition(".")[2]: path for path in reversed(known)}
    near = similar(name, known) or [last[key] for key in similar(name.rpartition(".")[2], last)]
    shown = near or [path for path in known if "." not in path][:_MOST_NAMED]
    return ParameterFault(where, f"the answer has no field {name[:80]!r}", ", ".join(shown))


def _paths(node: Node, before: str) -> Iterator[str]:
    inside = _objects(node)
    for key, child in inside.keys.items() if inside is not None else ():
        yield f"{before}{key}"
        yield from _paths(child, f"{before}{key}.")
