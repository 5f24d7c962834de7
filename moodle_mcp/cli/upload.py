"""`moodle-mcp upload-users`: accounts from a table as for Moodle's page "Upload users"."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import click

from moodle_mcp.atomic import reason, write_whole
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.control_arguments import DRY_RUN
from moodle_mcp.cli.call import opened_context
from moodle_mcp.cli.common import EXIT_FAILED, load, print_json, settled, site_option
from moodle_mcp.cli.item_file import file_text
from moodle_mcp.errors import CallError
from moodle_mcp.service.upload.running import MODES
from moodle_mcp.service.upload.tool import PreparedUpload
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection
from moodle_mcp.terminal import agrees, say
from moodle_mcp.textfile import known_encoding


@click.command("upload-users")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=MODES[0],
    show_default=True,
    help="Add new accounts, add and update, or only update.",
)
@click.option(
    "--column", "columns", multiple=True, metavar="HEADER=COLUMN", help="What a header means."
)
@click.option(
    "--set", "defaults", multiple=True, metavar="COLUMN=VALUE", help="The same value for all rows."
)
@click.option("--make-groups", is_flag=True, help="Make groups that are missing.")
@click.option("--encoding", default="utf-8", show_default=True, help="The file's encoding.")
@click.option(
    "--on-error",
    type=click.Choice(["stop", "continue"]),
    default="stop",
    show_default=True,
    help="Whether rows that are not understood stop all others.",
)
@click.option("--yes", is_flag=True, help="Delete and suspend accounts without asking.")
@click.option("--dry-run", is_flag=True, help="Check and plan; send nothing.")
@site_option
@settled
def upload_users(
    file: Path,
    mode: str,
    columns: tuple[str, ...],
    defaults: tuple[str, ...],
    make_groups: bool,
    encoding: str,
    on_error: str,
    yes: bool,
    dry_run: bool,
) -> None:
    """Create and update the accounts in FILE, and put them into cohorts, courses and groups.

    FILE is a table with the columns of Moodle's page for uploading users; see docs/tables.md. Run
    again with --mode add_update, the command goes on where it stopped. The result of each row is in
    FILE.result.jsonl.
    """
    try:
        text = file_text(file, known_encoding(encoding))
    except (LookupError, ValueError):
        raise click.BadParameter(f"{encoding} is not an encoding, such as windows-1252") from None
    arguments: dict[str, Any] = {
        "csv": text,
        "mode": mode,
        "make_groups": make_groups,
        "on_error": on_error,
    }
    arguments |= {"columns": list(columns)} if columns else {}
    arguments |= {"defaults": list(defaults)} if defaults else {}
    arguments |= {DRY_RUN: True} if dry_run else {}
    settings, connection = load()
    outcome = anyio.run(_run, settings, connection, arguments, file, yes)
    print_json(outcome.envelope)
    if outcome.fault is not None:
        sys.exit(EXIT_FAILED)


async def _run(
    settings: Settings, connection: Connection, arguments: dict[str, Any], file: Path, yes: bool
) -> Outcome:
    async with opened_context(settings, connection) as context:
        await context.learn_at_first()
        try:
            prepared = await context.uploads.prepare(arguments)
        except CallError as error:
            return Outcome(fault=error.fault)
        if prepared.is_dry:
            return prepared.planned()
        if prepared.is_refused:
            return prepared.refused()
        if prepared.harm and not yes:
            _ask(prepared)
        outcome = await prepared.run(context.part)
        _save(file.with_name(f"{file.name}.result.jsonl"), prepared)
        return outcome


def _ask(prepared: PreparedUpload) -> None:
    harm = prepared.harm
    parts = [
        f"{words} {len(harm[name])} accounts"
        for name, words in (("userids", "delete"), ("users", "suspend"))
        if name in harm
    ]
    agrees(f"This will {' and '.join(parts)}. Go on?")


def _save(path: Path, prepared: PreparedUpload) -> None:
    try:
        write_whole(path, prepared.result_lines())
    except OSError as error:
        say(f"{path} can't be written ({reason(error)}): keep this answer", err=True)
    else:
        say(f"The result of each row is in {path}", err=True)
