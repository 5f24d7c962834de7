"""Where a site's base address ends in the address of one of its pages. Pure but for its table.

The table lists what stands in each of Moodle's top folders, as far as a browser may ask for it:
the scripts, and the folders that hold scripts (read in the source of 4.5.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final, TypeAlias

_ROOT: Final = "."
"""The table's row for scripts that stand in no folder."""

_PLUGINS: Final = frozenset(
    {
        "auth", "availability", "blocks", "dataformat", "enrol", "filter", "local", "mod",
        "plagiarism", "portfolio", "report", "repository", "theme", "webservice",
    }
)  # fmt: skip
"""Folders that hold plugins, which may be called anything."""

_PAGES_WITHOUT_SCRIPT: Final = frozenset({"my", "login", "admin"})
"""Folders that are pages of every Moodle and no likely name for the folder of a site."""


_Table: TypeAlias = Mapping[str, frozenset[str]]


class UnclearError(Exception):
    """Nobody can tell from the path alone which part of it is the site's."""


def base_path(path: str) -> str:
    """The part of a page's path that leads to its site: "/moodle" of "/moodle/course/view.php".

    A path that is no page's is returned without slashes at its end.

    Raises:
        UnclearError: it has a script that is none of Moodle's, or more than one reading.
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
        # What is left would be taken for a page itself.
        raise UnclearError
    return "".join(f"/{part}" for part in base)


def _is_known(parts: list[str], table: _Table) -> bool:
    """Whether a path that begins at the site's base is a page of Moodle's own."""
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
    """Whether it may be a page of a plugin that the table does not know."""
    script = _script_at(parts)
    return bool(parts) and parts[0] in _PLUGINS and script is not None and script >= 2


def _script_at(parts: list[str]) -> int | None:
    """The position of the script; what stands behind it is the script's own."""
    return next((at for at, part in enumerate(parts) if part.endswith(".php")), None)


def _table() -> _Table:
    """What stands in each folder."""
    text = files("moodle_mcp.site").joinpath("pages.txt").read_text(encoding="utf-8")
    rows = text.replace("\n  ", " ").splitlines()
    return {
        folder: frozenset(names.split())
        for folder, _, names in (row.partition(":") for row in rows)
    }
