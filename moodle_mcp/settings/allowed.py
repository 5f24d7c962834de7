"""Describe a setting's allowed values, for error messages and the settings page."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

_WORDS: Final = {
    str: "text",
    Path: "a path",
    SecretStr: "32 letters and digits",
    bool: "true, false",
}
_BOUNDS: Final = {"ge": "from", "gt": "above", "le": "to"}
"""Words for bounds, by pydantic's names."""


def allowed(field: FieldInfo, shown: Callable[[str], str] = str) -> str:
    """Describe a field's allowed values: choices (formatted by `shown`), bounds, or its type."""
    annotation: Any = field.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(map(shown, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(shown(member.value) for member in annotation)
    bounds = [_bound(each) for each in field.metadata]
    if bounds:
        return " ".join(bounds)
    kinds: list[Any] = [*(get_args(annotation) or (annotation,))]
    return ", ".join(_WORDS[kind] for kind in kinds if kind is not type(None))


def _bound(limit: object) -> str:
    values = {word: getattr(limit, name, None) for name, word in _BOUNDS.items()}
    return " ".join(f"{word} {value:,}" for word, value in values.items() if value is not None)
