"""Helpers shared by the commands."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

import click

from moodle_mcp.errors import MoodleMcpError, SettingsError
from moodle_mcp.terminal import say, say_json
from moodle_mcp.textfile import TextError, decoded

if TYPE_CHECKING:
    from moodle_mcp.settings import Settings
    from moodle_mcp.site.connection import Connection

EXIT_FAILED: Final = 1
EXIT_SETTINGS: Final = 2

_SITE: Final = "moodle_mcp.site"

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


def settled(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command to end with one line on stderr if a setting or file is wrong."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except MoodleMcpError as error:
            say(f"moodle-mcp: {error}", err=True)
            sys.exit(EXIT_SETTINGS)

    return run


def site_option(command: Callable[P, R]) -> Callable[P, R]:
    """Add `--site NAME`, before or after the command's own name; `chosen_site` returns it."""

    def remember(context: click.Context, _: click.Parameter, name: str | None) -> None:
        if name is not None:
            context.meta[_SITE] = name

    return click.option(
        "--site",
        metavar="NAME",
        expose_value=False,
        callback=remember,
        help="The saved site to use (see `moodle-mcp sites`).",
    )(command)


def chosen_site() -> str | None:
    """Return the saved site named on the command line."""
    return click.get_current_context().meta.get(_SITE)


def load() -> tuple[Settings, Connection]:
    """Load the settings and the site to connect to, and set up logging.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    from moodle_mcp.logs import start_logging
    from moodle_mcp.settings import load_settings
    from moodle_mcp.site.address import token_warning

    settings = load_settings(chosen_site())
    connection = settings.connection()
    start_logging(
        settings.log_level,
        connection.token.get_secret_value(),
        as_json=settings.log_format == "json",
    )
    if warning := token_warning(connection.address):
        log.warning("%s", warning)
    return settings, connection


def read_input() -> str:
    """Return all of standard input.

    Raises:
        SettingsError: it is not UTF-8.
    """
    return _decoded_input(sys.stdin.buffer.read())


def read_input_line() -> str:
    """Return the next line of standard input without its line break; "" at the end.

    Raises:
        SettingsError: it is not UTF-8.
    """
    return _decoded_input(sys.stdin.buffer.readline()).rstrip("\r\n")


def _decoded_input(data: bytes) -> str:
    try:
        return decoded(data)
    except TextError as error:
        raise SettingsError(f"standard input {error.problem}; it must be UTF-8") from None


def print_json(data: object) -> None:
    """Print JSON for people and programs."""
    from moodle_mcp.server.results import scrub

    # A character that the terminal can't encode must not hide the result of a write.
    out = cast("io.TextIOWrapper[Any]", sys.stdout)
    out.reconfigure(errors="backslashreplace")
    say_json(json.dumps(scrub(data), ensure_ascii=False, indent=2))
