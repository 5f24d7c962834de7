"""How a command ends that is interrupted, or whose output nobody reads any more."""

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
"""What a shell says of a program that SIGINT or SIGPIPE has ended: 128 and the signal's number."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_MADE: Final = "A call, if it was one, was made: look at what it did before it is repeated."


@contextmanager
def quiet_end() -> Generator[None]:
    """End without a word on Ctrl-C, and when a reader such as `head` has gone; with one line when
    the output is a file on a full disk.

    Raises:
        Exit: with the status that says which of them it was.
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
    """Whether an error matches, or one inside the groups that tasks end with."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).subgroup(matches) is not None
    return matches(error)


def _is_interrupt(error: BaseException) -> bool:
    # click makes an Abort of a Ctrl-C at one of its questions, and of the end of the input too.
    cause = error.__context__ if isinstance(error, click.Abort) else error
    return isinstance(cause, KeyboardInterrupt)


def _is_unread(error: BaseException) -> bool:
    # A connection's errors have other types by now, so the pipe is standard output or error.
    if sys.platform == "win32":
        return isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.EINVAL)
    return isinstance(error, BrokenPipeError)


def _drop_output(*streams: TextIO) -> None:
    """Send the rest nowhere: Python would complain when it flushes the streams at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
