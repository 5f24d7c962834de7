"""The page of all settings."""

from __future__ import annotations

from enum import Enum
from typing import Final

from pydantic.fields import FieldInfo

from moodle_mcp.settings import CONFIG_VARIABLE, FILE_NAME, PREFIX, Settings, variable
from moodle_mcp.settings.allowed import allowed
from tools.docs.markdown import code, table

_INTRODUCTION: Final = f"""\
# Settings

Settings are environment variables. They can also be in the file `{FILE_NAME}` in the user's
configuration folder, or in the file that `{CONFIG_VARIABLE}` names. Environment variables win
over the file. In the file the names are in lower case, without `{PREFIX}`.

If a setting is wrong, or a name that begins with `{PREFIX}` is not in this table, the server does
not start and names it in one line. A settings file in the working folder is never read, because
that folder may be somebody else's project.

"""


def page() -> str:
    """Return the page's text."""
    rows = [
        (code(variable(name)), _default(field), allowed(field, code), field.description or "")
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
