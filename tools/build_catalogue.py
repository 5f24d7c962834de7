"""Build the package's catalogue from signatures that were exported from running Moodle sites.

    python -m tools.build_catalogue ../shared/moodle

Reads `4.1/signatures.json`, `4.5.6/signatures.json`, `4.5.6/batchable.json` and
`5.1.5/signatures.json` below the given folder and the files in `tools/catalogue/`, and writes
`moodle_mcp/catalogue/data/functions-*.tsv`: the same input gives the same bytes. 4.5 is written in
full; the other releases are overlays.

It corrects two faults of the exported signatures of 4.5.6:

- `optional` and `default` are swapped: `users[].auth` of core_user_create_users, which Moodle
  declares with the default "manual", is exported as optional, and `users[].password`, which is
  optional, as having the default null. Compared with the running site's own descriptions, the
  labels are right for all parameters of all functions once they are swapped back.
- For that reason the export lacks the default values. They were read from a running 4.5.6 and
  are in `tools/catalogue/defaults-4.5.6.json`.

The signatures of 4.1 have neither fault: they are the same as those that `catalogue.php` exports
from a running 4.1 (compared for all 674 functions, with their defaults).

`tools/catalogue/batching.json` extends and corrects `batchable.json`: how a function's answer
names the items that failed, read in the source of 4.5.6 and, where an entry says so, observed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from moodle_mcp.catalogue.codec import function_to_json
from moodle_mcp.catalogue.defaults import in_its_type
from moodle_mcp.catalogue.loading import component_of
from moodle_mcp.catalogue.model import (
    Batching,
    Function,
    Label,
    ListOf,
    Node,
    Object,
    Presence,
    Value,
)

ROOT: Final = Path(__file__).parent.parent
DATA: Final = ROOT / "moodle_mcp" / "catalogue" / "data"
BATCHING: Final = ROOT / "tools" / "catalogue" / "batching.json"
DEFAULTS: Final = ROOT / "tools" / "catalogue" / "defaults-4.5.6.json"

_EMPTY_IN_5_1: Final = frozenset({"core_ai_set_provider_order"})
"""New functions that answer an object without keys (read in the source of 5.1)."""

_EXCHANGED: Final[Mapping[str, Presence]] = {
    "required": "required",
    "optional": "default",
    "default": "optional",
}


def main(argv: list[str]) -> int:
    """Write the data files; the argument is the folder with the exported signatures."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    source = Path(argv[0])
    for release, lines in build(source).items():
        target = DATA / f"functions-{release}.tsv"
        text = "".join(f"{name}\t{line}\n" for name, line in sorted(lines.items()))
        target.write_text(text, encoding="utf-8", newline="\n")
        print(f"{target.name}: {len(lines)} functions, {len(text.encode())} bytes")
    return 0


def build(source: Path) -> dict[str, dict[str, str]]:
    """The lines of each data file by release and function name."""
    batching = _read(source / "4.5.6" / "batchable.json")["functions"]
    base = _described(source / "4.5.6", batching, _read(DEFAULTS))
    older = _described(source / "4.1", batching)
    newer = _newer(base, _read(source / "5.1.5" / "signatures.json")["functions"])
    return {
        "4.1": _lines(_overlay(base, older)),
        "4.5": _lines(base),
        "5.1": _lines(_overlay(base, newer)),
    }


def _overlay(
    base: Mapping[str, Function], release: Mapping[str, Function]
) -> dict[str, Function | None]:
    """The functions of a release that differ from those of another, None for those it lacks."""
    lacks: dict[str, Function | None] = {name: None for name in base if name not in release}
    return lacks | {name: each for name, each in release.items() if base.get(name) != each}


def _described(
    folder: Path,
    batching: Mapping[str, Any],
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Function]:
    """Return the functions of a full export.

    `defaults` are those of an export that has `optional` and `default` swapped.
    """
    more = _read(BATCHING)
    functions: dict[str, Function] = {}
    for name, data in _read(folder / "signatures.json")["functions"].items():
        tree = _Tree({} if defaults is None else defaults.get(name, {}), defaults is not None)
        returns = _Tree({}, defaults is not None, is_answer=True)
        params = tree.params(data["params"])
        functions[name] = Function(
            name=name,
            component=data["component"],
            label=_label(data["access"]),
            capabilities=tuple(data["capabilities"]),
            deprecated=data["deprecated"],
            params=params,
            returns=returns.node(data["returns"], "") if data["returns"] else None,
            batching=_batching(batching.get(name, {}), more.get(name, {})),
        )
    return functions


def _newer(base: Mapping[str, Function], signatures: Mapping[str, Any]) -> dict[str, Function]:
    """Return the functions of a later release, whose export has fewer types.

    What both releases have keeps the earlier types; added and removed keys are taken over.
    A new function has no access label in that export.
    """
    tree = _Tree({})
    functions: dict[str, Function] = {}
    for name, data in signatures.items():
        params = tree.params(data["params"])
        before = base.get(name)
        returns = tree.node(data["returns"], "") if data["returns"] else None
        returns = _answered(name, before, returns)
        if before is None:
            functions[name] = Function(name, component_of(name), params=params, returns=returns)
            continue
        merged = _merge(before.params, params)
        if not isinstance(merged, Object):
            raise TypeError(f"{name}: the parameters of a function are an object")
        functions[name] = replace(
            before,
            params=merged,
            returns=returns,
        )
    return functions


def _answered(name: str, before: Function | None, after: Node | None) -> Node | None:
    """What a function of the later release answers, whose export has objects without keys as
    nothing; Moodle answers them with `[]`, not with null.
    """
    if before is None:
        return Object({}) if name in _EMPTY_IN_5_1 else after
    if after is None:
        return before.returns if before.returns == Object({}) else None
    return _merge(before.returns, after) if before.returns else after


def _merge(before: Node, after: Node) -> Node:
    """`after`'s keys with `before`'s types, in `before`'s order."""
    match before, after:
        case Object(), Object():
            common = [key for key in before.keys if key in after.keys]
            new = [key for key in after.keys if key not in before.keys]
            keys = {key: _merge(before.keys[key], after.keys[key]) for key in common}
            return replace(before, keys=keys | {key: after.keys[key] for key in new})
        case ListOf(), ListOf():
            return replace(before, item=_merge(before.item, after.item))
        case Value(), Value():
            return before
        case _:
            return after


class _Tree:
    """Reads the exported trees of one function."""

    def __init__(
        self, defaults: Mapping[str, Any], exchanged: bool = False, *, is_answer: bool = False
    ) -> None:
        """`defaults` are its parameters' default values by path (`users[].auth`)."""
        self._defaults = defaults
        self._exchanged = exchanged
        self._is_answer = is_answer

    def params(self, data: Mapping[str, Any]) -> Object:
        node = self.node(data, "")
        if not isinstance(node, Object):
            raise TypeError("the parameters of a function are an object")
        return node

    def node(self, data: Mapping[str, Any], path: str) -> Node:
        presence: Presence = data["presence"]
        if self._exchanged:
            presence = _EXCHANGED[presence]
        without = self._is_answer or (self._exchanged and path not in self._defaults)
        if presence == "default" and without:
            # Defaults in answers do not matter; a default of "now" is not a constant.
            presence = "optional"
        default = None
        if presence == "default":
            default = in_its_type(self._defaults.get(path, data.get("default")), data.get("type"))
        match data["kind"]:
            case "object":
                keys = {
                    key: self.node(child, f"{path}.{key}".lstrip("."))
                    for key, child in data["keys"].items()
                }
                return Object(keys, presence, default)
            case "list":
                return ListOf(self.node(data["item"], f"{path}[]"), presence, default)
            case _:
                return Value(data["type"], data.get("allownull", False), presence, default)


def _label(label: str) -> Label:
    if label not in ("read", "write"):
        raise ValueError(f"Moodle labels functions read or write, not {label!r}")
    return "read" if label == "read" else "write"


def _batching(data: Mapping[str, Any], more: Mapping[str, Any]) -> Batching | None:
    facts = {**data, **more}
    if not facts.get("items"):
        return None
    return Batching(
        items=tuple(facts["items"]),
        on_item_error=facts.get("on_item_error"),
        repeat_is_harmless=facts.get("repeat_is_harmless", False),
        size=facts.get("size"),
        warnings=tuple(facts.get("warnings", ())),
        harmless_codes=tuple(facts.get("harmless_codes", ())),
        errors_in=facts.get("errors_in", ""),
        expects=facts.get("expects", {}),
        check_with=facts.get("check_with", ""),
    )


def _lines(functions: Mapping[str, Function | None]) -> dict[str, str]:
    encoded = {
        name: None if each is None else function_to_json(each) for name, each in functions.items()
    }
    return {
        name: json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        for name, data in encoded.items()
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
