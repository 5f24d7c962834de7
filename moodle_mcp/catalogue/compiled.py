"""What is made of functions once, when it is first needed: compiled schemas, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import jsonschema_rs

from moodle_mcp.catalogue.model import Function

MadeT = TypeVar("MadeT")


class PerFunction(Generic[MadeT]):
    """One thing of each function, made by `make`.

    A function is another once the site's release is known, and so is what is made of it.
    """

    def __init__(self, make: Callable[[Function], MadeT]) -> None:
        self._make = make
        self._made: dict[str, tuple[Function, MadeT]] = {}

    def of(self, function: Function) -> MadeT:
        """What was made of a function."""
        known = self._made.get(function.name)
        if known is None or known[0] is not function:
            known = function, self._make(function)
            self._made[function.name] = known
        return known[1]


class CompiledSchemas(PerFunction[jsonschema_rs.Draft202012Validator]):
    """The validators of functions' schemas, made by `schema`."""

    def __init__(self, schema: Callable[[Function], dict[str, Any]]) -> None:
        super().__init__(lambda function: jsonschema_rs.Draft202012Validator(schema(function)))
