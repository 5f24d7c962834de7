"""The page of all settings."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from moodle_mcp.settings import CONFIG_VARIABLE, FILE_NAME, PREFIX, Settings, variable
from tools.docs.markdown import code, table

_INTRODUCTION: Final = f"""\
# Settings

Environment variables, over one file `{FILE_NAME}` in the user's configuration folder, or the file
that `{CONFIG_VARIABLE}` names. A file in the working folder is never read: that may be a
stranger's project. In the file the names are in lower case without `{PREFIX}`. A wrong setting
stops the start with one line that names it; so does a name that begins with `{PREFIX}` and is none
of these.

"""

_WORDS: Final = {
    str: "text",
    Path: "a path",
    SecretStr: "32 letters and digits",
    bool: "true, false",
}
_BOUNDS: Final = {Ge: "from", Gt: "above", Le: "to"}


def page() -> str:
    """The page's text."""
    rows = [
        (code(variable(name)), _default(field), _allowed(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _INTRODUCTION + table(("variable", "default", "allowed", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    match field.default:
        case None | "":
            return ""
        case Enum() as member:
            return code(str(member.value))
        case bool() as flag:
            return code(str(flag).lower())
        case float() as number:
            return code(f"{number:g}")
        case value:
            return code(str(value))


def _allowed(field: FieldInfo) -> str:
    """What a field takes: its values, its bounds, or a word for its type."""
    annotation: Any = field.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(map(code, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(code(member.value) for member in annotation)
    bounds = [_bound(each) for each in field.metadata]
    if bounds:
        return " ".join(bounds)
    kinds: list[Any] = [*(get_args(annotation) or (annotation,))]
    return ", ".join(_WORDS[kind] for kind in kinds if kind is not type(None))


def _bound(limit: Ge | Gt | Le) -> str:
    value: Any = (
        limit.ge if isinstance(limit, Ge) else limit.gt if isinstance(limit, Gt) else limit.le
    )
    return f"{_BOUNDS[type(limit)]} {value:,}"
