"""Schemas of functions, compiled when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs

from moodle_mcp.catalogue.model import Function


class CompiledSchemas:
    """One schema of each function, made by `schema`.

    A function is another once the site's release is known, and so is its schema.
    """

    def __init__(self, schema: Callable[[Function], dict[str, Any]]) -> None:
        self._schema = schema
        self._compiled: dict[str, tuple[Function, jsonschema_rs.Draft202012Validator]] = {}

    def of(self, function: Function) -> jsonschema_rs.Draft202012Validator:
        """The validator for a function."""
        known = self._compiled.get(function.name)
        if known is None or known[0] is not function:
            known = function, jsonschema_rs.Draft202012Validator(self._schema(function))
            self._compiled[function.name] = known
        return known[1]
