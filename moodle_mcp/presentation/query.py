"""`_query`: a JMESPath expression over what a read answers, before it is shown."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError, LexerError, ParseError
from jmespath.visitor import TreeInterpreter

from moodle_mcp.background import checkpoint
from moodle_mcp.catalogue.arguments import arguments_fault
from moodle_mcp.catalogue.control_arguments import QUERY
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.jsontree import size_of
from moodle_mcp.suggest import similar

MAX_QUERY: Final = 2_000
"""Characters of an expression."""

MAX_STEPS: Final = 1_000_000
"""Nodes of an expression that are evaluated, counted again for each item of a list."""

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
        except (JMESPathTypeError, JMESPathError) as error:
            raise _wrong(self._function, str(error)) from None
        except (TypeError, ValueError, RecursionError):
            # The library's functions do not check everything, such as sorting mixed types.
            raise _wrong(self._function, "does not suit the answer") from None
        if size_of(found).is_too_large:
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
            return cast("dict[str, Any]", jmespath.compile(expression).parsed)
    except LexerError as error:
        raise _wrong(function, f"{error.message} at character {error.lexer_position}") from None
    except ParseError as error:
        if not error.token_value:
            raise _wrong(function, "ends too early") from None
        where = f"at character {error.lex_position}: {error.token_value!r}"
        raise _wrong(function, f"does not parse {where}") from None
    except (JMESPathError, RecursionError):
        raise _wrong(function, "is empty or no JMESPath expression") from None


class _Interpreter(TreeInterpreter):
    """Ends an evaluation that takes too long, and one whose call was cancelled."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self._function = function
        self._steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _too_much(self._function)
        if self._steps % 1_000 == 0:
            checkpoint()
        return super().visit(node, *args, **kwargs)


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
