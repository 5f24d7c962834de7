"""What a setting may be, in words: for whoever set it wrong, and for the page of settings."""

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
"""The words for a bound, by what pydantic calls it."""


def allowed(field: FieldInfo, shown: Callable[[str], str] = str) -> str:
    """What a field takes: its values, each as it is to be `shown`, its bounds, or its type."""
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
