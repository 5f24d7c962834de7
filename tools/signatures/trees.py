"""The declared functions of a source tree, as the trees that `catalogue.php` exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools.moodle_source.services import external_functions
from tools.signatures.index import Index
from tools.signatures.interpreter import Interpreter
from tools.signatures.scope import Scope
from tools.signatures.values import Array, Instance, Php, Unknown, UnreadableError, known

Tree = dict[str, Any]

_PRESENCE: Final = {1: "required", 2: "optional", 0: "default"}
_OLD: Final = ("", "core_external\\")
"""Before and behind: the classes were global until 4.1 and are in a namespace since 4.2."""


def _described(made: Instance, given: Scope, first: int, allownull: Php = True) -> None:
    made.properties["required"] = given.argument(first, "required", 1)
    made.properties["default"] = given.argument(first + 1, "default")
    made.properties["allownull"] = given.argument(first + 2, "allownull", allownull)


def _value(made: Instance, given: Scope) -> None:
    made.properties["kind"] = "value"
    made.properties["type"] = given.argument(0, "type")
    _described(made, given, 2)


def _single(made: Instance, given: Scope) -> None:
    made.properties["kind"] = "object"
    made.properties["keys"] = given.argument(0, "keys")
    _described(made, given, 2)


def _multiple(made: Instance, given: Scope) -> None:
    made.properties["kind"] = "list"
    made.properties["content"] = given.argument(0, "content")
    _described(made, given, 2)


_BUILTIN: Final[Mapping[str, Callable[[Instance, Scope], None]]] = {
    f"{space}{name}": build
    for space in _OLD
    for name, build in {
        "external_value": _value,
        "external_single_structure": _single,
        "external_function_parameters": _single,
        "external_multiple_structure": _multiple,
    }.items()
}


class Reader:
    """Reads the functions that a source tree declares."""

    def __init__(self, root: Path) -> None:
        self._interpreter = Interpreter(Index(root), _BUILTIN)
        self.functions = dict(external_functions(root))
        """The method of each function, `class::method`."""

    def read(self, name: str) -> Tree:
        """Return a function's parameters and answer.

        Raises:
            UnreadableError: something in them depends on what reading can't tell.
        """
        scope, _, method = self.functions[name].partition("::")
        return {
            "params": self._tree(scope, f"{method}_parameters"),
            "returns": self._tree(scope, f"{method}_returns"),
        }

    def _tree(self, scope: str, method: str) -> Tree | None:
        try:
            value = known(self._interpreter.call(scope, method, Scope()))
        except (TypeError, KeyError, AttributeError, ValueError, IndexError) as error:
            raise UnreadableError(f"{method}: {type(error).__name__} {error}") from error
        return None if value is None else tree(value)

    def every(self) -> Iterator[tuple[str, Tree | UnreadableError]]:
        """Yield each function by name, with its trees or why it can't be read."""
        for name in sorted(self.functions):
            try:
                yield name, self.read(name)
            except UnreadableError as error:
                yield name, error


def tree(value: Php) -> Tree:
    """Return a description as a tree.

    Raises:
        UnreadableError: it is not a description.
    """
    value = known(value)
    if not isinstance(value, Instance) or "kind" not in value.properties:
        raise UnreadableError(f"no description but {value!r:.80}")
    about = value.properties
    found: Tree = {"kind": about["kind"]}
    match about["kind"]:
        case "object":
            keys = known(about["keys"])
            found["keys"] = {str(key): tree(child) for key, child in keys.items()}
        case "list":
            found["item"] = tree(about["content"])
        case _:
            found["type"] = known(about["type"])
            found["allownull"] = _is_true(about["allownull"])
    found["presence"] = _PRESENCE.get(_number(about["required"]), "required")
    if found["presence"] == "default":
        default = about["default"]
        if isinstance(default, Unknown) and default.what == "time()":
            # A default of "now" is not a constant: the parameter may be left out.
            return {**found, "presence": "optional"}
        if isinstance(default, Unknown):
            raise UnreadableError(f"a default: {default.what}")
        found["default"] = _plain(default)
    return found


def _plain(value: Php) -> Any:
    """Return a value as PHP's JSON writes it."""
    if isinstance(value, Array):
        plain = {key: _plain(each) for key, each in value.items()}
        return list(plain.values()) if list(plain) == list(range(len(plain))) else plain
    return value


def _is_true(value: Php) -> bool:
    return bool(known(value))


def _number(value: Php) -> int:
    """Return a value as `(int)` does: some declarations have a default where this belongs."""
    match known(value):
        case Array() as given:
            return int(bool(given))
        case str() as given:
            return int(given) if given.isdigit() else 0
        case given:
            return int(given or 0)
