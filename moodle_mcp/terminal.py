r"""The one way to a person's terminal: whatever is printed there passes here.

Names and messages of a site can hold escape sequences that clear the screen, characters that turn
the direction of writing, and line ends that forge a line. Each such character is shown as what it
is (`\u001b`), so that nothing is hidden and nothing takes effect.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from moodle_mcp.invisible import json_escape, with_visible

if TYPE_CHECKING:
    from rich.progress import Progress

Cell = tuple[str, str]
"""A text of a table and its style."""

_LINE_ENDS: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
_RETURN: Final = str.maketrans({"\r": "\\r"})


def one_line(text: str) -> str:
    """The text on one line, with every character in it visible."""
    return with_visible(text, _escape).translate(_LINE_ENDS)


def several_lines(text: str) -> str:
    """The text with its lines and tabs, and every other character in it visible."""
    return with_visible(text, _escape).translate(_RETURN)


def say(*lines: str, err: bool = False) -> None:
    """Print texts, each on a line of its own whatever it holds."""
    for line in lines:
        click.echo(one_line(line), err=err)


def say_document(text: str, *, err: bool = False) -> None:
    """Print a text of ours that has lines; it ends with a line end if it is to be a whole line."""
    click.echo(several_lines(text), nl=False, err=err)


def say_json(text: str) -> None:
    """Print JSON, which stays the same JSON: what shows nothing becomes an escape of its own."""
    click.echo(with_visible(text, json_escape))


def say_table(rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows in columns, for a terminal; a cell may have several lines."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for row in rows:
        # Text, not markup: a site's name may have brackets in it.
        table.add_row(*(Text(several_lines(text), style=style) for text, style in row))
    Console().print(table)


def ask(label: str, *, secret: bool = False) -> str:
    """What the person types after a question on stderr; a secret is not shown."""
    return str(click.prompt(one_line(label), hide_input=secret, err=True))


def progress_bar() -> Progress:
    """A bar on stderr that counts items."""
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
    """Whether standard output is a person's terminal."""
    return sys.stdout.isatty()


class LineFormatter(logging.Formatter):
    """Writes each record as one line; the lines of a traceback are indented below it.

    A text in a record can't begin a line that looks like another record.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The record's line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback, indented."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {one_line(line)}" for line in lines)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
