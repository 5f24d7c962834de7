r"""Print to a person's terminal; all terminal output goes through this module.

Names and messages from a site can contain escape sequences that clear the screen, characters that
change the writing direction, and line breaks that forge a line. Each such character is printed as
an escape (`\u001b`), so it is visible and has no effect.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from moodle_mcp.errors import SettingsError
from moodle_mcp.invisible import json_escape, with_visible

if TYPE_CHECKING:
    from rich.progress import Progress

Cell = tuple[str, str]
"""A cell's text and its style."""

_LINE_ENDS: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
_RETURN: Final = str.maketrans({"\r": "\\r"})


def one_line(text: str) -> str:
    """Return the text on one line, with every invisible character escaped."""
    return with_visible(text, _escape).translate(_LINE_ENDS)


def several_lines(text: str) -> str:
    """Return the text with line breaks and tabs kept and other invisible characters escaped."""
    return with_visible(text, _escape).translate(_RETURN)


def say(*lines: str, err: bool = False) -> None:
    """Print texts, each on exactly one line."""
    for line in lines:
        click.echo(one_line(line), err=err)


def say_document(text: str, *, err: bool = False) -> None:
    """Print a text of several lines; no line break is added at its end."""
    click.echo(several_lines(text), nl=False, err=err)


def say_bytes(content: bytes) -> None:
    """Write a file to standard output, unless that is a screen.

    Raises:
        SettingsError: standard output is a terminal, where a file's bytes do harm.
    """
    if sys.stdout.isatty():
        raise SettingsError("this is a file: send it to one with > NAME")
    click.echo(content, nl=False)


def say_json(text: str) -> None:
    """Print JSON with invisible characters as JSON escapes, which leaves its meaning unchanged."""
    click.echo(with_visible(text, json_escape))


def say_table(rows: Sequence[Sequence[Cell]], *, err: bool = False) -> None:
    """Print rows as columns; a cell may have several lines."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for row in rows:
        # Text, not markup: a site's name may contain square brackets.
        table.add_row(*(Text(several_lines(text), style=style) for text, style in row))
    Console(stderr=err).print(table)


def agrees(question: str) -> None:
    """Ask on stderr for a yes; anything else ends the command."""
    click.confirm(one_line(question), abort=True, err=True)


def ask(label: str, *, secret: bool = False) -> str:
    """Ask on stderr and return what the person types; a secret is not echoed."""
    return str(click.prompt(one_line(label), hide_input=secret, err=True))


def progress_bar() -> Progress:
    """Return a progress bar on stderr that counts items."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


class LineFormatter(logging.Formatter):
    """Formats each record as one line, followed by an indented traceback if there is one.

    Text in a record can't start a line that looks like another record.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the record's line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback, indented."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {one_line(line)}" for line in lines)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
