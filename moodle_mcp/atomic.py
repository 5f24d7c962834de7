"""Writing files for their owner alone: whole or not at all, or line by line at the end.

No file is readable by others, not even for a moment. No link is followed: who can put one in the
place of a file could otherwise have another file overwritten.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

PRIVATE: Final = 0o600

# What a system does not know is 0: Windows has no O_NOFOLLOW, only POSIX has O_NONBLOCK.
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_JUNCTION: Final = 0xA0000003


class UnfitError(OSError):
    """There is something at the path that must not be used; the message says what."""


def write_whole(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put a file in place, or replace it, in one step; a link there is replaced, not followed.

    `mode` are the permission bits that it ends with; on Windows the user's folder decides.

    Raises:
        OSError: it can't be written; what was there is as it was.
    """
    # mkstemp makes it for the owner alone. It is in the same folder, since a file can be renamed
    # in one step within one file system only.
    handle, name = tempfile.mkstemp(prefix=".moodle-mcp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.name != "nt":
            Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def append_whole(path: Path, content: bytes) -> None:
    """Add to the end of a file that `append_private` opens, or leave it as it was.

    Raises:
        OSError: as `append_private`, or the disk is full; nothing of the content is in the file.
    """
    with append_private(path) as file:
        # Past the buffer of the file, which would be written after all when it is closed.
        handle = file.fileno()
        size = os.fstat(handle).st_size
        try:
            while content:
                content = content[os.write(handle, content) :]
        except OSError:
            os.ftruncate(handle, size)
            raise


def append_private(path: Path) -> TextIO:
    """Open a file to write at its end in UTF-8; it is made if it is not there.

    What is there must be the user's own regular file. If others may read or write it, that is
    taken back. On Windows the user's folder decides who may read it.

    Raises:
        UnfitError: it is a link, another user's, or no regular file.
        OSError: it can't be opened.
    """
    # Without O_NOFOLLOW the check comes shortly before; with it, it gives a link its own message.
    if is_link(path):
        raise UnfitError("it is a link")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_LINK | _NO_WAIT
    handle = os.open(path, flags, PRIVATE)
    try:
        _make_private(handle)
        return os.fdopen(handle, "a", encoding="utf-8")
    except BaseException:
        os.close(handle)
        raise


def _make_private(handle: int) -> None:
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        raise UnfitError("it is no regular file")
    if os.name != "nt":
        if about.st_uid != os.geteuid():
            raise UnfitError("it belongs to another user")
        if stat.S_IMODE(about.st_mode) & ~PRIVATE:
            os.fchmod(handle, PRIVATE)


def is_link(path: Path) -> bool:
    """Whether a path is a symbolic link, or what Windows calls a junction; False for nothing."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISLNK(about.st_mode) or getattr(about, "st_reparse_tag", 0) == _JUNCTION


def reason(error: OSError) -> str:
    """Why a file can't be used, in few words: ours, the exception's name, or the system's words for
    what has no exception of its own, such as a full disk.
    """
    if isinstance(error, UnfitError):
        return str(error)
    name = type(error).__name__
    return error.strerror or name if type(error) is OSError else name
