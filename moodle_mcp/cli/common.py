"""What the commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import click

from moodle_mcp.errors import MoodleMcpError

EXIT_FAILED: Final = 1
EXIT_SETTINGS: Final = 2

_SITE: Final = "moodle_mcp.site"

P = ParamSpec("P")
R = TypeVar("R")


def settled(command: Callable[P, R]) -> Callable[P, R]:
    """A wrong setting or file ends the command with one line on stderr."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except MoodleMcpError as error:
            click.echo(f"moodle-mcp: {error}", err=True)
            sys.exit(EXIT_SETTINGS)

    return run


def site_option(command: Callable[P, R]) -> Callable[P, R]:
    """`--site NAME`, before or after the command's own name; `chosen_site` gives it."""

    def remember(context: click.Context, _: click.Parameter, name: str | None) -> None:
        if name is not None:
            context.meta[_SITE] = name

    return click.option(
        "--site",
        metavar="NAME",
        expose_value=False,
        callback=remember,
        help="The kept site to act for (see `moodle-mcp sites`).",
    )(command)


def chosen_site() -> str | None:
    """The kept site that the command line names."""
    return click.get_current_context().meta.get(_SITE)
