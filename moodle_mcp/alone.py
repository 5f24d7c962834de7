"""Keeping a second process out while a first one works on a file.

The mark is a lock of the system's on a file beside it, which ends with the process however that
ends. The file itself can't have it: it is replaced while it is in use.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from moodle_mcp.atomic import UnfitError, append_private


@contextmanager
def alone_with(path: Path) -> Generator[None]:
    """Work on a file while no other process does so in this way.

    Raises:
        UnfitError: another one does.
        OSError: the mark beside the file can't be made.
    """
    mark = path.with_name(f"{path.name}.lock")
    with _locked(mark):
        try:
            yield
        finally:
            # Windows removes no file that is open; an old mark does no harm.
            with suppress(OSError):
                mark.unlink()


def _locked(mark: Path) -> TextIO:
    while True:
        file = append_private(mark)
        try:
            _lock(file.fileno())
            if _is_at(file.fileno(), mark):
                return file
        except BlockingIOError:
            file.close()
            raise UnfitError("another run is at work on it: wait for its end") from None
        except BaseException:
            file.close()
            raise
        # The run before has removed the mark after we had opened it.
        file.close()


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
