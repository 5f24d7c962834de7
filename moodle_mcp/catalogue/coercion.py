"""Convert an answer to its declared type, so that it satisfies the output schema and loses nothing.

Moodle's answers deviate from its own descriptions in a few ways. PHP has one empty array, so an
empty object arrives as `[]` (seen in core_course_get_contents, `activitybadge`). Text fields arrive
as numbers or booleans (seen in core_course_get_courses, `courseformatoptions.value`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from moodle_mcp.background import checkpoint
from moodle_mcp.catalogue.compiled import CompiledSchemas
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.paths import Path, path_text
from moodle_mcp.catalogue.schema import result_schema

_USUAL: Final[Mapping[str, type]] = {"int": int, "bool": bool, "float": float}
"""Python types of Moodle's scalar types in JSON; all others are text."""

_INTEGER = re.compile(r"-?\d{1,19}")

_MAX_MISFITS: Final = 2_000
"""Maximum misfits with a warning each; above it the whole answer counts as one misfit."""


@dataclass(frozen=True, slots=True)
class Coerced:
    """An answer that satisfies its schema, with a warning for each value that did not fit.

    A misfit is moved from `result` into its warning.
    """

    result: Any
    warnings: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Coercer:
    """Coerces answers; caches compiled schemas to recognise answers that fit already.

    Most answers do, and validating costs a fiftieth of walking through them.
    """

    def __init__(self) -> None:
        self._schemas = CompiledSchemas(_schema_of_answers)

    def coerce(self, function: Function, answer: Any) -> Coerced:
        """Coerce a function's answer to its declared type."""
        if function.returns is None or not self._fits(function, answer):
            return coerce(function, answer)
        return Coerced(answer)

    def _fits(self, function: Function, answer: Any) -> bool:
        try:
            return self._schemas.of(function).is_valid(answer)
        except ValueError:
            # A lone surrogate, or nested too deeply for the validator: walk through it instead.
            return False


def _schema_of_answers(function: Function) -> dict[str, Any]:
    return {} if function.returns is None else result_schema(function.returns)


def coerce(function: Function, answer: Any) -> Coerced:
    """Coerce a function's answer to its declared type."""
    if not function.typed:
        return Coerced(answer)
    coercion = _Fitting()
    try:
        return _coerced(coercion, function, answer)
    except _TooManyError:
        whole = _Fitting()
        whole.misfit(answer, f"{_MAX_MISFITS:,} values and more have another type", ())
        return Coerced(None, whole.warnings)


def _coerced(coercion: _Fitting, function: Function, answer: Any) -> Coerced:
    if function.returns is None:
        # Declared to answer nothing; an answer all the same is kept in a warning.
        result = answer if answer is None else coercion.misfit(answer, "nothing", ())
    else:
        result = coercion.coerce(function.returns, answer, ())
    return Coerced(None if result is _MISFIT else result, coercion.warnings)


def _is_usual(node: Value, value: Any) -> bool:
    return type(value) is _USUAL.get(node.type, str)


_MISFIT = object()


class _TooManyError(Exception):
    """More than `_MAX_MISFITS` values do not fit."""


class _Fitting:
    def __init__(self) -> None:
        self.warnings: list[dict[str, Any]] = []

    def coerce(self, node: Node, value: Any, path: Path) -> Any:
        match node:
            case Value():
                return self._scalar(node, value, path)
            case ListOf():
                if not isinstance(value, list):
                    return self.misfit(value, "a list", path)
                items = (
                    self.coerce(node.item, item, (*path, index))
                    for index, item in enumerate(cast("list[Any]", value))
                )
                return [item for item in items if item is not _MISFIT]
            case Object():
                if value == []:
                    return {}
                if not isinstance(value, dict):
                    return self.misfit(value, "an object", path)
                return self._object(node, cast("dict[str, Any]", value), path)

    def _object(self, node: Object, value: dict[str, Any], path: Path) -> dict[str, Any]:
        coerced: dict[str, Any] = {}
        for key, child in value.items():
            known = node.keys.get(key)
            if known is None or (isinstance(known, Value) and _is_usual(known, child)):
                coerced[key] = child
                continue
            item = self.coerce(known, child, (*path, key))
            if item is not _MISFIT:
                coerced[key] = item
        return coerced

    def _scalar(self, node: Value, value: Any, path: Path) -> Any:
        if _is_usual(node, value):
            return value
        if value is None and node.nullable:
            return None
        return self._coerced(node, value, path)

    def _coerced(self, node: Value, value: Any, path: Path) -> Any:
        match scalar(node), value:
            case "string", bool():
                return "1" if value else "0"
            case "string", int() | float():
                return json.dumps(value)
            case "integer", int() if not isinstance(value, bool):
                return value
            case "integer", str() if _INTEGER.fullmatch(value):
                return int(value)
            case "integer", float() if math.isfinite(value) and value.is_integer():
                return int(value)
            case "number", int() | float() if not isinstance(value, bool):
                return value
            case "boolean", int() | str() if value in (0, 1, "0", "1"):
                return value in (1, "1")
            case kind, _:
                return self.misfit(value, kind, path)

    def misfit(self, value: Any, expected: str, path: Path) -> Any:
        checkpoint()
        if len(self.warnings) == _MAX_MISFITS:
            raise _TooManyError
        where = path_text(path)
        self.warnings.append(
            {
                "item": where,
                "warningcode": "unexpected_type",
                "message": f"{where or 'The answer'} has another type than Moodle declares "
                f"({expected}); its value is only in this warning.",
                "value": value,
            }
        )
        return _MISFIT
