"""Reading the files that people name and keep: settings, tokens, items, clients' configuration.

None of them is waited for, and none fills the memory: a pipe that nobody writes to would keep the
start from ending, and a device such as `/dev/zero` has no end.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from moodle_mcp.atomic import UnfitError

SMALL: Final = 1024 * 1024
"""Bytes of a file that holds settings or a token, at most."""

# What a system does not know is 0: only POSIX has O_NONBLOCK, only Windows O_BINARY.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_regular(path: Path, most: int | None = None) -> bytes:
    """The content of a regular file, or of the one that a link leads to; the null device is empty.

    Raises:
        UnfitError: it is no regular file, or has more than `most` bytes.
        OSError: it can't be read.
    """
    if str(path) == os.devnull:
        return b""
    try:
        handle = os.open(path, _FLAGS)
    except ValueError:
        # A path with a NUL character, which a file of settings can name.
        raise UnfitError("no file can have this name") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UnfitError("it is no regular file")
        data = file.read(-1 if most is None else most + 1)
    if most is not None and len(data) > most:
        raise UnfitError(f"it has more than {most:,} bytes")
    return data


def is_there(path: Path) -> bool:
    """Whether there is something at a path; a name that can't be is of nothing that is there."""
    # Path.exists raises an error for some of them (before Python 3.14).
    return os.path.exists(path)  # noqa: PTH110


def at_home(path: Path) -> Path:
    """The path with the home folder for `~`; as it is if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def real(path: Path) -> Path:
    """The path behind links; of links in a circle one of them, which then can't be opened."""
    # Path.resolve raises an error that is no OSError for a circle (Python 3.11 and 3.12).
    return Path(os.path.realpath(path))
