"""`_query`: a JMESPath expression over what a read answers, before it is shown."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

from moodle_mcp.background import checkpoint
from moodle_mcp.catalogue.arguments import arguments_fault
from moodle_mcp.catalogue.control_arguments import QUERY
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.jsontree import MAX_VALUES, is_too_deep, size_of
from moodle_mcp.suggest import similar

MAX_QUERY: Final = 2_000
"""Characters of an expression."""

MAX_STEPS: Final = 1_000_000
"""Nodes of an expression that are evaluated, counted again for each item of a list."""

MAX_MADE: Final = 10 * MAX_VALUES
"""Values in all that an expression makes and that its functions take."""

MAX_CHARACTERS: Final = 32_000_000
"""Characters in the same; an answer has at most 16 million."""

_TAKE_EXPRESSIONS: Final = frozenset({"map", "max_by", "min_by", "sort_by"})
"""The functions that an expression such as `&name` may be passed to."""

_ALLOWED: Final = "a JMESPath expression, such as [?lastaccess == `0`].id or length(@)"


class Query:
    """An expression for the answers of one function.

    It sees the answer's `result` as Moodle wrote it, without secrets.
    """

    def __init__(self, function: Function, expression: str) -> None:
        """Parse an expression.

        Raises:
            CallError: `invalid_arguments`; the message says where the expression is wrong.
        """
        self._function = function
        self._tree = _parsed(function, expression)

    def of(self, result: Any) -> Any:
        """Evaluate the expression on a result.

        Raises:
            CallError: `invalid_arguments` if the expression does not suit the result, `too_large`
                if evaluating it takes too long or yields too much.
        """
        try:
            found = _Interpreter(self._function).visit(self._tree, result)
        except JMESPathTypeError as error:
            # The library's message quotes the answer, which people wrote.
            problem = f"{error.function_name}() can't take one of type {error.actual_type}"
            raise _wrong(self._function, problem) from None
        except JMESPathError as error:
            raise _wrong(self._function, str(error)) from None
        except (TypeError, ValueError, OverflowError, RecursionError):
            # The library's functions do not check everything, such as sorting mixed types.
            raise _wrong(self._function, "does not suit the answer") from None
        if size_of(found).is_too_large or is_too_deep(found):
            raise _too_much(self._function)
        return found

    def unknown_names(self) -> Mapping[str, list[str]]:
        """The names in the expression that no field of the answer has, with those that are similar.

        A name that the expression itself gives in `{name: value}` is none of them.
        """
        if self._function.returns is None:
            return {}
        known = set(_names_in(self._function.returns))
        given = {name for kind, name in _names_of(self._tree) if kind == "key_val_pair"}
        used = {name for kind, name in _names_of(self._tree) if kind == "field"}
        return {name: similar(name, known) for name in sorted(used - known - given)}


def _parsed(function: Function, expression: str) -> dict[str, Any]:
    if len(expression) > MAX_QUERY:
        raise _wrong(function, f"has more than {MAX_QUERY:,} characters")
    try:
        # Models write texts between backticks, an old form that the library warns of.
        with warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning):
            tree = cast("dict[str, Any]", jmespath.compile(expression).parsed)
    except LexerError as error:
        raise _wrong(function, f"{error.message} at character {error.lexer_position}") from None
    except ParseError as error:
        if not error.token_value:
            raise _wrong(function, "ends too early") from None
        where = f"at character {error.lex_position}: {error.token_value!r}"
        raise _wrong(function, f"does not parse {where}") from None
    except (JMESPathError, RecursionError):
        raise _wrong(function, "is empty or no JMESPath expression") from None
    if _has_loose_expression(tree):
        takers = ", ".join(sorted(_TAKE_EXPRESSIONS))
        raise _wrong(function, f"has & outside of the functions that take it: {takers}")
    return tree


class _Interpreter(TreeInterpreter):
    """Ends an evaluation that takes too long, and one whose call was cancelled."""

    def __init__(self, function: Function) -> None:
        self._made = _Made(function)
        super().__init__(Options(custom_functions=_Functions(self._made)))
        self._function = function
        self._steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _too_much(self._function)
        if self._steps % 1_000 == 0:
            checkpoint()
        found = super().visit(node, *args, **kwargs)
        # Whatever else finds a value finds it inside of another.
        if node["type"] in ("multi_select_list", "multi_select_dict"):
            self._made.add(found)
        return found


class _Functions(Functions):
    """The library's functions, which take a bounded number of values."""

    def __init__(self, made: _Made) -> None:
        self._made = made

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        match arguments := list(resolved_args):
            case [str(separator), [*texts]] if function_name == "join":
                self._made.add_text(len(separator) * len(texts))
            case _:
                pass
        self._made.add(arguments)
        return super().call_function(function_name, arguments)


class _Made:
    """What was made and passed to functions so far, to end what would fill the memory.

    A value that is in another several times counts as often: `[@, @]` takes little memory, even
    many times inside of itself, but to compare or write it takes as long as all of its copies.
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._values = 0
        self._characters = 0

    def add(self, value: Any) -> None:
        size = size_of(value)
        self._values += size.values
        if size.values > MAX_VALUES or self._values > MAX_MADE:
            raise _too_much(self._function)
        self.add_text(size.characters)

    def add_text(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MAX_CHARACTERS:
            raise _too_much(self._function)


def _has_loose_expression(tree: Any) -> bool:
    """Whether an expression with & is no argument of a function: it would be no value."""
    pending: list[tuple[Any, bool]] = [(tree, False)]
    while pending:
        node, may_be = pending.pop()
        if isinstance(node, Mapping):
            node = cast("Mapping[str, Any]", node)
            if node["type"] == "expref" and not may_be:
                return True
            takes = node["type"] == "function_expression" and node["value"] in _TAKE_EXPRESSIONS
            pending.extend((child, takes) for child in node.get("children", ()))
    return False


def _names_of(tree: Any) -> Iterator[tuple[str, str]]:
    """The names in a parsed expression, each with the type of its node."""
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            node = cast("Mapping[str, Any]", node)
            if node["type"] in ("field", "key_val_pair"):
                yield node["type"], str(node["value"])
            pending.extend(node.get("children", ()))


def _names_in(node: Node) -> Iterator[str]:
    match node:
        case ListOf():
            yield from _names_in(node.item)
        case Object():
            for key, child in node.keys.items():
                yield key
                yield from _names_in(child)
        case _:
            pass


def _wrong(function: Function, problem: str) -> CallError:
    return CallError.not_sent(arguments_fault(function, [ParameterFault(QUERY, problem, _ALLOWED)]))


def _too_much(function: Function) -> CallError:
    return CallError(
        Fault(
            Kind.TOO_LARGE,
            "The expression in _query yields too much, or takes too long on this answer.",
            hint="Use a simpler expression, or ask Moodle for less.",
            function=function.name,
        )
    )
