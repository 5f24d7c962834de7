"""What is made of functions once, when it is first needed: compiled schemas, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import jsonschema_rs

from moodle_mcp.catalogue.model import Function

MadeT = TypeVar("MadeT")


class PerFunction(Generic[MadeT]):
    """One thing of each function, made by `make` and kept by the function's release and name."""

    def __init__(self, make: Callable[[Function], MadeT]) -> None:
        self._make = make
        self._made: dict[tuple[str, str], tuple[Function, MadeT]] = {}

    def of(self, function: Function) -> MadeT:
        """What was made of a function."""
        key = function.release, function.name
        known = self._made.get(key)
        # Two functions of one name and release are different ones if a site describes its own.
        if known is None or known[0] is not function:
            known = self._made[key] = function, self._make(function)
        return known[1]


class CompiledSchemas(PerFunction[jsonschema_rs.Draft202012Validator]):
    """The validators of functions' schemas, made by `schema`."""

    def __init__(self, schema: Callable[[Function], dict[str, Any]]) -> None:
        super().__init__(lambda function: jsonschema_rs.Draft202012Validator(schema(function)))
