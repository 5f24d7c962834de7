"""The operator's folder, the only place where files are saved to and uploaded from.

Files are never overwritten and symbolic links never followed. The checks apply to the opened file,
so nobody can swap it in between. Windows can't open a file relative to an open directory: there the
check happens shortly before opening.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from moodle_mcp.atomic import is_link
from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault, SettingsError
from moodle_mcp.files.names import safe_name

_HAS_FD: Final = os.open in os.supports_dir_fd
# Flags that a system lacks are 0: Windows has no O_NOFOLLOW, only POSIX has O_NONBLOCK.
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_DIRECTORY: Final = getattr(os, "O_DIRECTORY", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY
_TEMPORARY: Final = ".moodle-mcp-"


@dataclass(frozen=True, slots=True)
class _Place:
    """An open directory; its files are opened relative to it where the system supports that."""

    path: Path
    fd: int | None

    def at(self, name: str) -> str:
        return name if self.fd is not None else str(self.path / name)

    def open(self, name: str, flags: int) -> int:
        return os.open(self.at(name), flags, 0o600, dir_fd=self.fd)

    def unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.at(name), dir_fd=self.fd)

    def replace(self, name: str, by: str) -> None:
        os.replace(self.at(by), self.at(name), src_dir_fd=self.fd, dst_dir_fd=self.fd)


class Saving:
    """A file being written; it gets its final name when complete, and is deleted otherwise."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.kept = False

    def write(self, piece: bytes) -> None:
        """Write the next bytes."""
        self._file.write(piece)

    def keep(self) -> None:
        """Mark the file as complete."""
        self.kept = True


class Folder:
    """The folder that the operator has set."""

    def __init__(self, path: Path) -> None:
        """Use an existing folder.

        Raises:
            SettingsError: it does not exist, is not a folder, or is a symbolic link.
        """
        if is_link(path) or not path.is_dir():
            problem = "must be an existing folder and not a symbolic link"
            raise SettingsError(f"MOODLE_MCP_FILES {problem}: {path}")
        self._path = path.absolute()

    @contextmanager
    def saving(self, name: str) -> Generator[tuple[str, Saving]]:
        """Create a new file; yields its safe name and the file to write to.

        The file is deleted unless the block calls `keep`.

        Raises:
            CallError: `conflict` if the name is taken, at the start or at the end; `internal` if
                the folder is not writable.
        """
        name = safe_name(name)
        temporary = f"{_TEMPORARY}{secrets.token_hex(8)}"
        with _explained(), self._opened() as place:
            _check_free(place, name)
            try:
                with open(place.open(temporary, _NEW), "wb") as file:  # noqa: PTH123 - a descriptor
                    saving = Saving(file)
                    yield name, saving
                if saving.kept:
                    _take_name(place, temporary, name)
            finally:
                place.unlink(temporary)

    @contextmanager
    def reading(self, path: str) -> Generator[tuple[str, BinaryIO]]:
        """Open a regular file inside the folder; yields its name and its content.

        `path` is relative to the folder, with slashes.

        Raises:
            CallError: `invalid_arguments` if the path leads outside or not to a regular file;
                `not_found`.
        """
        parts = _parts(path)
        with contextlib.ExitStack() as stack:
            with _explained_reading():
                place = stack.enter_context(self._opened())
                for part in parts[:-1]:
                    place = stack.enter_context(_inner(place, part))
                flags = os.O_RDONLY | _NO_LINK | _NO_WAIT | _BINARY
                if not _HAS_FD and is_link(place.path / parts[-1]):
                    raise _elsewhere()
                file = stack.enter_context(open(place.open(parts[-1], flags), "rb"))  # noqa: PTH123
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise _elsewhere()
            yield parts[-1], file

    @contextmanager
    def _opened(self) -> Generator[_Place]:
        with _directory(str(self._path), self._path, None) as place:
            yield place


@contextmanager
def _inner(place: _Place, name: str) -> Generator[_Place]:
    with _directory(place.at(name), place.path / name, place.fd) as inner:
        yield inner


@contextmanager
def _directory(name: str, path: Path, within: int | None) -> Generator[_Place]:
    if not _HAS_FD:
        if is_link(path):
            raise _elsewhere()
        yield _Place(path, None)
        return
    fd = os.open(name, os.O_RDONLY | _DIRECTORY | _NO_LINK, dir_fd=within)
    try:
        yield _Place(path, fd)
    finally:
        os.close(fd)


def _check_free(place: _Place, name: str) -> None:
    """Refuse a name that is taken, even by a dangling symbolic link."""
    with contextlib.suppress(FileNotFoundError):
        os.stat(place.at(name), dir_fd=place.fd, follow_symlinks=False)
        raise _taken(name)


def _take_name(place: _Place, temporary: str, name: str) -> None:
    # Creating the name fails if it exists. So the replacement only overwrites our own empty file.
    try:
        os.close(place.open(name, _NEW))
    except FileExistsError:
        raise _taken(name) from None
    try:
        place.replace(name, by=temporary)
    except OSError:
        place.unlink(name)
        raise


def _parts(path: str) -> list[str]:
    """Split a path inside the folder into names, each of them safe and none hidden."""
    parts = path.split("/")
    try:
        if PurePosixPath(path).is_absolute() or any(safe_name(part) != part for part in parts):
            raise _elsewhere()
    except CallError:
        raise _elsewhere() from None
    return parts


def _elsewhere() -> CallError:
    problem = "is not a regular file inside the operator's folder"
    return CallError.not_sent(
        Fault(
            Kind.INVALID_ARGUMENTS,
            f"Nothing was sent: path {problem}.",
            hint="Pass a path relative to that folder, such as reports/essay.pdf, without links, "
            "hidden files or special characters. Or pass `name` and `text`.",
            parameters=(ParameterFault("path", problem),),
        )
    )


def _taken(name: str) -> CallError:
    return CallError.not_sent(
        Fault(
            Kind.CONFLICT,
            f"The operator's folder already has a file {name}; files are never overwritten.",
            hint="Pass another `name` to save it under.",
        )
    )


@contextmanager
def _explained() -> Generator[None]:
    """Turn errors of the operating system into `CallError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CallError.not_sent(
            Fault(
                Kind.INTERNAL,
                f"The file can't be written into the operator's folder: {reason}.",
                hint="The operator checks the folder of MOODLE_MCP_FILES: its permissions and the "
                "free space.",
            )
        ) from None


@contextmanager
def _explained_reading() -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        message = "There is no such file in the operator's folder."
        raise CallError.not_sent(Fault(Kind.NOT_FOUND, message, hint=_LOOK)) from None
    except OSError:
        # A forbidden link, a folder instead of a file or missing permission: same error for all.
        raise _elsewhere() from None


_LOOK: Final = "Ask the user for the file's name; the folder is the operator's."
