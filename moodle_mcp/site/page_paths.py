"""Find a site's base path in the address of one of its pages. Pure except for reading a table.

The table lists the contents of Moodle's top-level folders that a browser may request: scripts, and
folders that contain scripts (read in the source of 4.5.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final, TypeAlias

_ROOT: Final = "."
"""The table's row for scripts in the top folder."""

_PLUGINS: Final = frozenset(
    {
        "auth", "availability", "blocks", "dataformat", "enrol", "filter", "local", "mod",
        "plagiarism", "portfolio", "report", "repository", "theme", "webservice",
    }
)  # fmt: skip
"""Folders that contain plugins, which may have any name."""

_PAGES_WITHOUT_SCRIPT: Final = frozenset({"my", "login", "admin"})
"""Folders that are pages on every Moodle and unlikely as names of a site's folder."""


_Table: TypeAlias = Mapping[str, frozenset[str]]


class UnclearError(Exception):
    """The path alone does not show which part of it is the site's."""


def base_path(path: str) -> str:
    """Return the site's part of a page's path: "/moodle" for "/moodle/course/view.php".

    A path that is not a page's is returned without trailing slashes.

    Raises:
        UnclearError: the path has a script that is not Moodle's, or several readings.
    """
    parts = [part for part in path.split("/") if part]
    if not parts:
        return ""
    table = _table()
    starts = [start for start in range(len(parts)) if _is_known(parts[start:], table)]
    plugins = [start for start in range(len(parts)) if _is_of_plugin(parts[start:])]
    if plugins and starts and plugins[0] < starts[0]:
        raise UnclearError
    found = [*starts, *plugins]
    if not found:
        if _script_at(parts) is not None:
            raise UnclearError
        return path.rstrip("/")
    base = parts[: found[0]]
    if _script_at(base) is not None or any(_is_known(base[at:], table) for at in range(len(base))):
        # The remaining path would itself be taken for a page.
        raise UnclearError
    return "".join(f"/{part}" for part in base)


def _is_known(parts: list[str], table: _Table) -> bool:
    """Whether a path relative to the site's base is one of Moodle's pages."""
    match parts:
        case [only] if only in _PAGES_WITHOUT_SCRIPT:
            return True
        case [script, *_] if script in table[_ROOT]:
            return True
        case [folder, name, *_] if name in table.get(folder, ()):
            return _script_at(parts) is not None
        case _:
            return False


def _is_of_plugin(parts: list[str]) -> bool:
    """Whether it may be a page of a plugin that is not in the table."""
    script = _script_at(parts)
    return bool(parts) and parts[0] in _PLUGINS and script is not None and script >= 2


def _script_at(parts: list[str]) -> int | None:
    """Return the position of the script; what follows it is the script's own path."""
    return next((at for at, part in enumerate(parts) if part.endswith(".php")), None)


def _table() -> _Table:
    """Return the contents of each folder."""
    text = files("moodle_mcp.site").joinpath("page_paths.txt").read_text(encoding="utf-8")
    rows = text.replace("\n  ", " ").splitlines()
    return {
        folder: frozenset(names.split())
        for folder, _, names in (row.partition(":") for row in rows)
    }
