"""Read the files that people name: settings, tokens, items, configuration of clients.

Reading never blocks and never fills the memory: a pipe without a writer would block the start, and
a device such as `/dev/zero` has no end.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from moodle_mcp.atomic import UnfitError

SMALL: Final = 1024 * 1024
"""Maximum bytes of a file with settings or a token."""

# Flags that a system lacks are 0: only POSIX has O_NONBLOCK, only Windows O_BINARY.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_regular(path: Path, most: int | None = None) -> bytes:
    """Return the content of a regular file, following links; the null device counts as empty.

    Raises:
        UnfitError: it is not a regular file, or has more than `most` bytes.
        OSError: it can't be read.
    """
    if str(path) == os.devnull:
        return b""
    try:
        handle = os.open(path, _FLAGS)
    except ValueError:
        # A path with a NUL character, which a settings file can contain.
        raise UnfitError("no file can have this name") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UnfitError("it is not a regular file")
        data = file.read(-1 if most is None else most + 1)
    if most is not None and len(data) > most:
        raise UnfitError(f"it has more than {most:,} bytes")
    return data


def is_there(path: Path) -> bool:
    """Whether something exists at a path; False for names that no file can have."""
    # Path.exists raises an error for some such names before Python 3.14.
    return os.path.exists(path)  # noqa: PTH110


def at_home(path: Path) -> Path:
    """Return the path with `~` expanded; unchanged if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def real(path: Path) -> Path:
    """Return the path with links resolved; in a cycle, one of the links, which can't be opened."""
    # For a cycle, Path.resolve raises an error that is not an OSError (Python 3.11 and 3.12).
    return Path(os.path.realpath(path))
