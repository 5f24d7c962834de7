"""Build and cache objects for each function: compiled schemas, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import jsonschema_rs

from moodle_mcp.catalogue.model import Function

MadeT = TypeVar("MadeT")


class PerFunction(Generic[MadeT]):
    """Builds an object for each function with `make`; caches it by release and name."""

    def __init__(self, make: Callable[[Function], MadeT]) -> None:
        self._make = make
        self._made: dict[tuple[str, str], tuple[Function, MadeT]] = {}

    def of(self, function: Function) -> MadeT:
        """Return a function's object."""
        key = function.release, function.name
        known = self._made.get(key)
        # If a site describes its own functions, two of one name and release may differ.
        if known is None or known[0] is not function:
            known = self._made[key] = function, self._make(function)
        return known[1]


class CompiledSchemas(PerFunction[jsonschema_rs.Draft202012Validator]):
    """Validators of the schemas that `schema` makes of functions."""

    def __init__(self, schema: Callable[[Function], dict[str, Any]]) -> None:
        super().__init__(lambda function: jsonschema_rs.Draft202012Validator(schema(function)))
