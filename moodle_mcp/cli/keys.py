"""`moodle-mcp keys`: the file of keys that encrypt what a server for several people keeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from moodle_mcp.auth.keys import SecretKeys, new_keys, read_keys, rotated, write_keys
from moodle_mcp.cli.common import settled
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import at_home, is_there
from moodle_mcp.terminal import say

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR

_FILE: Final = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def keys() -> None:
    """Make and rotate the keys of MOODLE_MCP_SECRET_KEY_FILE."""


@keys.command()
@_FILE
@settled
def new(file: Path) -> None:
    """Make FILE with one key. Only its owner can read it."""
    if is_there(at_home(file)):
        raise SettingsError(f"{file} exists already; `moodle-mcp keys rotate` adds a key to it")
    made = new_keys(time.time())
    write_keys(file, made)
    _show(made)


@keys.command()
@_FILE
@click.option(
    "--in-hours",
    type=click.FloatRange(0, 24 * 30),
    default=24.0,
    show_default=True,
    help="When the new key comes into use. Restart all replicas before that.",
)
@click.option(
    "--forget",
    type=click.IntRange(1),
    metavar="DAYS",
    help="Remove keys that were replaced so long ago. Whoever has not used a grant since then "
    "signs in again, and clients that registered before connect anew.",
)
@settled
def rotate(file: Path, in_hours: float, forget: int | None) -> None:
    """Add a key to FILE. What older keys have encrypted can still be read."""
    now = time.time()
    before = None if forget is None else now - forget * _DAY
    changed = rotated(read_keys(file), now + in_hours * _HOUR, before)
    write_keys(file, changed)
    _show(changed)


@keys.command()
@_FILE
@settled
def show(file: Path) -> None:
    """Show since when the keys of FILE are used; the keys themselves are never shown."""
    _show(read_keys(file))


def _show(found: SecretKeys) -> None:
    current = found.current(time.time())
    for key in found.keys:
        since = datetime.fromtimestamp(key.since, UTC).strftime("%Y-%m-%d %H:%M UTC")
        say(f"{key.id}  from {since}{'  (in use)' if key is current else ''}")
