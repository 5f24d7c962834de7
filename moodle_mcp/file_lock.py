"""Lock a file against other processes.

The lock is an OS lock on a `.lock` file beside it, which ends with the process. The file itself
can't be locked, because it is replaced while in use.
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
    """Hold the lock of a file while the block runs.

    Raises:
        UnfitError: another process holds it, or another file has the lock's name.
        OSError: the `.lock` file can't be created.
    """
    mark = path.with_name(f"{path.name}.lock")
    with _locked(mark):
        try:
            yield
        finally:
            # Windows can't remove an open file; a leftover lock file does no harm.
            with suppress(OSError):
                mark.unlink()


def _locked(mark: Path) -> TextIO:
    while True:
        file = append_private(mark)
        try:
            _lock(file.fileno())
            _check_empty(file.fileno(), mark)
            if _is_at(file.fileno(), mark):
                return file
        except BlockingIOError:
            file.close()
            raise UnfitError("another process is using it: wait until it ends") from None
        except BaseException:
            file.close()
            raise
        # The previous process removed the lock file after we had opened it.
        file.close()


def _check_empty(handle: int, mark: Path) -> None:
    """Refuse a file that is no mark, since a mark is removed at the end."""
    if os.fstat(handle).st_size:
        raise UnfitError(f"{mark.name} beside it is another file: choose another name")


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
