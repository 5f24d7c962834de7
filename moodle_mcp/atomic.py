"""Write files that only their owner can read: replaced atomically, or appended to.

Files are never readable by others, not even briefly. Links are not followed, because somebody who
can put a link in a file's place could otherwise have another file overwritten.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

PRIVATE: Final = 0o600

# Flags that a system lacks are 0: Windows has no O_NOFOLLOW, only POSIX has O_NONBLOCK.
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_JUNCTION: Final = 0xA0000003


class UnfitError(OSError):
    """The path leads to something that must not be used; the message says what."""


def write_whole(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Create or replace a file in one step; a link is replaced, not followed.

    `mode` are the final permission bits; Windows uses the permissions of the user's folder.

    Raises:
        OSError: the file can't be written; the previous file is unchanged.
    """
    # mkstemp creates it for the owner only. It is in the same folder, because renaming is atomic
    # only within one file system.
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
    """Append to a file opened by `append_private`, or leave the file unchanged.

    Raises:
        OSError: as for `append_private`, or the disk is full. Nothing was appended.
    """
    with append_private(path) as file:
        # Bypass the file's buffer, which would still be written when the file is closed.
        handle = file.fileno()
        size = os.fstat(handle).st_size
        try:
            while content:
                content = content[os.write(handle, content) :]
        except OSError:
            os.ftruncate(handle, size)
            raise


def append_private(path: Path) -> TextIO:
    """Open a file for appending in UTF-8; create it if it is missing.

    An existing file must be a regular file owned by the user. Permissions of other users are
    removed. Windows uses the permissions of the user's folder.

    Raises:
        UnfitError: it is a link, another user's file or not a regular file.
        OSError: it can't be opened.
    """
    # Needed where O_NOFOLLOW is missing; elsewhere it only gives links a message of their own.
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
        raise UnfitError("it is not a regular file")
    if os.name != "nt":
        if about.st_uid != os.geteuid():
            raise UnfitError("it belongs to another user")
        if stat.S_IMODE(about.st_mode) & ~PRIVATE:
            os.fchmod(handle, PRIVATE)


def is_link(path: Path) -> bool:
    """Whether a path is a symbolic link or a Windows junction; False if nothing is there."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISLNK(about.st_mode) or getattr(about, "st_reparse_tag", 0) == _JUNCTION


def reason(error: OSError) -> str:
    """Return briefly why a file can't be used: our message, the exception's name, or the system's
    message for errors without an exception class, such as a full disk.
    """
    if isinstance(error, UnfitError):
        return str(error)
    name = type(error).__name__
    return error.strerror or name if type(error) is OSError else name
