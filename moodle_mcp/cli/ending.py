"""End a command cleanly that is interrupted, or whose output is no longer read."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TextIO, cast

import click

from moodle_mcp.atomic import reason
from moodle_mcp.cli.common import EXIT_FAILED
from moodle_mcp.terminal import say

EXIT_INTERRUPTED: Final = 130
EXIT_UNREAD: Final = 141
"""A shell's exit status for a program killed by SIGINT or SIGPIPE: 128 plus the signal's number."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_MADE: Final = "If it was a call, it was made: check what it did before repeating it."


@contextmanager
def quiet_end() -> Generator[None]:
    """End silently on Ctrl-C and if the reader, such as `head`, has closed the pipe; print one line
    if the output is a file on a full disk.

    Raises:
        Exit: with a status that distinguishes these cases.
    """
    try:
        yield
    except (KeyboardInterrupt, click.Abort, OSError, BaseExceptionGroup) as error:
        if _holds(error, _is_interrupt):
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
        if _holds(error, _is_unread):
            _drop_output(sys.stdout, sys.stderr)
            raise click.exceptions.Exit(EXIT_UNREAD) from None
        if isinstance(error, OSError) and error.errno in _FULL:
            _drop_output(sys.stdout)
            say(f"moodle-mcp: the output can't be written ({reason(error)}). {_MADE}", err=True)
            raise click.exceptions.Exit(EXIT_FAILED) from None
        raise


def _holds(error: BaseException, matches: Callable[[BaseException], bool]) -> bool:
    """Whether an error matches, or one inside the exception groups of tasks."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).subgroup(matches) is not None
    return matches(error)


def _is_interrupt(error: BaseException) -> bool:
    # click raises Abort for Ctrl-C at one of its prompts, and also for the end of input.
    cause = error.__context__ if isinstance(error, click.Abort) else error
    return isinstance(cause, KeyboardInterrupt)


def _is_unread(error: BaseException) -> bool:
    # Connection errors have other types by now, so the broken pipe is standard output or error.
    if sys.platform == "win32":
        return isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.EINVAL)
    return isinstance(error, BrokenPipeError)


def _drop_output(*streams: TextIO) -> None:
    """Discard further output: Python would report an error when it flushes the streams at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
