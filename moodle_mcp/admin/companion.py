"""Pack the companion plugin, `local_mcpcompanion`, as a zip that Moodle installs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

# Moodle takes the folder's name for the plugin's name, without its type (read in the source of
# 4.5.6: core\update\validator).
_FOLDER: Final = "mcpcompanion"

# The oldest time that a zip can hold: the bytes must not depend on when or where they are made.
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_FILE_MODE: Final = 0o100644 << 16


def plugin_zip() -> bytes:
    """Return the installable zip, the same bytes every time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, content in sorted(plugin_files()):
            entry = zipfile.ZipInfo(f"{_FOLDER}/{path}", _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _FILE_MODE
            archive.writestr(entry, content)
    return packed.getvalue()


def plugin_files() -> Iterator[tuple[str, bytes]]:
    """Yield the plugin's files: the path in the plugin, with slashes, and the content."""
    yield from _files(resources.files("moodle_mcp.admin") / "plugin", "")


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files(each, f"{prefix}{each.name}/")
        elif each.name.endswith(".php"):
            yield f"{prefix}{each.name}", each.read_bytes()
