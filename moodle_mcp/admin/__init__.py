"""Assemble the PHP programs that a Moodle administrator runs on the Moodle host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from moodle_mcp.catalogue.model import Function


def provision(lists: Mapping[str, Sequence[Function]], chosen: str = "") -> str:
    """Return the program that prepares a site.

    `lists` are the functions that its `--profile` can choose from, by the profile's name. `chosen`
    is the client's MOODLE_MCP_TOOLS if that is not a profile.
    """
    rows: list[str] = []
    for name, functions in lists.items():
        rows.append(f"'{name}' => [")
        rows += (
            f"    '{each.name}' => '{each.classification.access.value}'," for each in functions
        )
        rows.append("],")
    program = _assembled("provision.php", "common.php", "token_file.php")
    program = program.replace("/*LISTS*/", "\n    ".join(rows))
    return program.replace("/*CHOSEN*/", chosen)


def catalogue() -> str:
    """Return the program that exports a site's functions."""
    return _assembled("catalogue.php", "common.php")


def _assembled(name: str, *parts: str) -> str:
    """Join a program with the parts that it needs, as one file for an administrator to copy."""
    code = [_read(part).removeprefix("<?php\n").strip() for part in parts]
    return _read(name).replace("/*PARTS*/", "\n\n".join(code))


def _read(name: str) -> str:
    return (resources.files("moodle_mcp.admin") / name).read_text(encoding="utf-8")
