"""The page of the functions in each profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from moodle_mcp.catalogue.control_arguments import has_fields
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.store import RELEASES, load
from moodle_mcp.policy.allowlist import PROFILES, profile
from moodle_mcp.policy.exposure import MOST_DIRECT
from moodle_mcp.server.tools import builtin_to_tool
from moodle_mcp.service.discovery import FACADE
from moodle_mcp.service.file_tools import download_function, upload_function
from tools.docs.markdown import code, table
from tools.tokens import counter, shown, tools_of

_FOR: Final = {
    "default": "Everyday questions, reads only.",
    "student": "What a student asks and does.",
    "teacher": "What a teacher asks and does in courses.",
    "manager": "Courses, categories, enrolments and groups.",
    "admin": "Accounts, cohorts and the site.",
    "reports": "Reads for reports over many courses.",
}

_INTRODUCTION: Final = """\
# The functions of the profiles

A profile is a name in `MOODLE_MCP_TOOLS` for a list of functions. It says what may be shown;
`MOODLE_MCP_ACCESS` says what may be done: with the default `read` only the functions marked read
are there, whatever profile is named. The token's service and its user's rights in Moodle narrow it
further. `moodle-mcp tools --all` says of every function of your site what was decided and why.

What a read answers unless `_fields` asks for more is in the last table, [usual
fields](#usual-fields).

"""

_SIZES: Final = """\

Tokens are those of the tools' names, descriptions and input schemas with the o200k tokenizer,
everything allowed; tools of our own come on top. Where more than {most} functions are allowed, the
default mode shows those of `default` and the facade: three tools that find, describe and call all.
"""

_FIELDS: Final = """
## Usual fields

A field with a minus is left out and all others are shown. A read that is not here answers with all
its fields, and so does any with `_fields: ["*"]`.

"""


def page() -> str:
    """The page's text."""
    files = (download_function(saves=False), upload_function(reads=False))
    own = {function.name: function for function in files}
    catalogue = load(RELEASES[0])
    functions = {
        name: [own.get(each) or catalogue.get(each) for each in sorted(profile(name))]
        for name in PROFILES
    }
    profiles = "".join(_profile(name, functions[name]) for name in PROFILES)
    every = {function.name: function for each in functions.values() for function in each}
    return _INTRODUCTION + _sizes() + profiles + _fields(every)


def _sizes() -> str:
    count = counter()
    facade = sum(count(shown(tool)) for tool in map(builtin_to_tool, FACADE))
    rows = [
        (
            f"[{code(name)}](#{name})",
            _FOR[name],
            str(len(profile(name))),
            f"{sum(count(shown(tool)) for tool in tools_of(name)):,}",
        )
        for name in PROFILES
    ]
    rows.append(("the facade", "Everything that is allowed.", "", f"{facade:,}"))
    head = ("profile", "for", "functions", "tokens of their tools")
    return table(head, rows, numbers=2) + _SIZES.format(most=MOST_DIRECT)


def _profile(name: str, functions: Sequence[Function]) -> str:
    rows = [
        (code(function.name), function.classification.access.value, function.text.text)
        for function in functions
    ]
    return f"\n## {name}\n\n{_FOR[name]}\n\n" + table(("function", "access", "what it does"), rows)


def _fields(functions: Mapping[str, Function]) -> str:
    rows = [
        (code(name), ", ".join(map(code, functions[name].text.fields)))
        for name in sorted(functions)
        if has_fields(functions[name]) and functions[name].text.fields
    ]
    return _FIELDS + table(("function", "usual fields"), rows)
