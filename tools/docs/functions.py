"""The page of the functions in each profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from moodle_mcp.catalogue.control_arguments import has_fields
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.policy.allowlist import PROFILES, profile
from moodle_mcp.policy.exposure import MOST_DIRECT
from moodle_mcp.server.tools import builtin_to_tool
from moodle_mcp.service.discovery import FACADE
from moodle_mcp.service.file_tools import download_function, upload_function
from tools.docs.markdown import code, table
from tools.tokens import counter, shown, tools_of

_FOR: Final = {
    "default": "Everyday questions, reads only.",
    "student": "Questions and tasks of a student.",
    "teacher": "Questions and tasks of a teacher in courses.",
    "manager": "Courses, categories, enrolments and groups.",
    "admin": "Accounts, cohorts and the site.",
    "reports": "Reads for reports over many courses.",
}

_INTRODUCTION: Final = """\
# The functions of the profiles

A profile is a named list of functions for `MOODLE_MCP_TOOLS`. `MOODLE_MCP_ACCESS` limits it: with
the default, `read`, only the functions marked read are exposed. The token's service and the
user's rights in Moodle limit it further. `moodle-mcp tools --all` shows the decision for every
function of your site and the reason.

The last table lists the [usual fields](#usual-fields): what a read returns unless `_fields` asks
for more.

"""

_SIZES: Final = """
Tokens are counted with the o200k tokenizer over the tools' names, descriptions and input
schemas, with all functions of the profile allowed. The server's other built-in tools are not
included. If more than {most} functions are allowed, the default mode (`auto`) shows those of
`default` and three tools that find, describe and call all others.
"""

_FIELDS: Final = """
## Usual fields

A minus means: all fields but this one. A read that is not in this table returns all its fields; so
does every read with `_fields: ["*"]`.

"""


def page() -> str:
    """Return the page's text."""
    files = (download_function(saves=False), upload_function(reads=False))
    own = {function.name: function for function in files}
    catalogue = load()
    functions = {
        name: [own.get(each) or catalogue.get(each) for each in sorted(profile(name))]
        for name in PROFILES
    }
    profiles = "".join(_profile(name, functions[name]) for name in PROFILES)
    every = {function.name: function for each in functions.values() for function in each}
    return _INTRODUCTION + _sizes() + profiles + _fields(every)


def _sizes() -> str:
    count = counter()
    discovery = sum(count(shown(tool)) for tool in map(builtin_to_tool, FACADE))
    rows = [
        (
            f"[{code(name)}](#{name})",
            _FOR[name],
            str(len(profile(name))),
            f"{sum(count(shown(tool)) for tool in tools_of(name)):,}",
        )
        for name in PROFILES
    ]
    rows.append(("the three discovery tools", "Everything that is allowed.", "", f"{discovery:,}"))
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
