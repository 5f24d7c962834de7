"""Our descriptions of functions and parameters for agents.

They are TOML files in `data/descriptions`, one for each component, read when one of its functions
is first used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from moodle_mcp.catalogue.model import FunctionText, ParameterText


class Texts:
    """The descriptions of all functions that have one."""

    def __init__(self) -> None:
        self._files: dict[str, Mapping[str, FunctionText]] = {}

    def __getitem__(self, function: str) -> FunctionText:
        component = "_".join(function.split("_")[:2])
        texts = self._files.get(component)
        if texts is None:
            texts = self._files[component] = _read(component)
        return texts.get(function, FunctionText())


def _read(component: str) -> Mapping[str, FunctionText]:
    folder = resources.files("moodle_mcp.catalogue") / "data" / "descriptions"
    file = folder / f"{component}.toml"
    if not component.replace("_", "").isalnum() or not file.is_file():
        return {}
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: _function_text(entry) for name, entry in data.items()}


def _function_text(entry: Mapping[str, Any]) -> FunctionText:
    params = {path: _parameter_text(value) for path, value in entry.get("params", {}).items()}
    fields = tuple(entry.get("fields", ()))
    return FunctionText(entry["text"], params, fields, entry.get("undo", ""))


def _parameter_text(value: str | Mapping[str, Any]) -> ParameterText:
    if isinstance(value, str):
        return ParameterText(value)
    return ParameterText(value["text"], tuple(value.get("enum", ())))
