"""`moodle-mcp install`: add this server to an MCP client's configuration."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from moodle_mcp.atomic import PRIVATE, reason, write_whole
from moodle_mcp.cli.common import chosen_site, settled, site_option
from moodle_mcp.clients.errors import ClientFileError
from moodle_mcp.clients.known import CLIENTS, Client, Places, System
from moodle_mcp.redaction.names import may_name_secret
from moodle_mcp.regular_files import read_regular, real
from moodle_mcp.terminal import say, say_document
from moodle_mcp.textfile import TextError, decoded

if TYPE_CHECKING:
    from moodle_mcp.clients.entry import Running

_MOST: Final = 64 * 1024 * 1024
"""Maximum bytes of a client's file; some keep their history in it."""

_BY_HAND: Final = "nothing was changed; --print shows the entry to add by hand"
_NAMED: Final = re.compile(
    # Possessive quantifiers: backtracking would search a long word again from each of its letters.
    r"""(?P<start>(?<![\w-])(?P<name>[\w-]++)["']?\s*+[:=]\s*+)"""
    r"""(?:"(?:\\.|[^"\\])*+"|'[^']*+')"""
)
_SERVER_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


@click.command()
@click.argument("client", type=click.Choice(sorted(CLIENTS)))
@click.option("--name", default="moodle", show_default=True, help="The server's name there.")
@click.option("--project", is_flag=True, help="Change the project in this folder, not the user's.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--print", "show", is_flag=True, help="Print the entry; change nothing.")
@click.option("--url", help="The address of a server that people sign in to, ending in /mcp.")
@click.option("--remove", is_flag=True, help="Remove the server.")
@click.option("--example", is_flag=True, hidden=True, help="Invented settings, with --print.")
@site_option
@settled
def install(
    client: str,
    name: str,
    project: bool,
    dry_run: bool,
    show: bool,
    url: str | None,
    remove: bool,
    example: bool,
) -> None:
    """Add this server, with the current settings, to CLIENT's configuration.

    Other entries are unchanged, and the file is backed up first. The token is never written: the
    entry names the saved site (`moodle-mcp login`) or the file with the token. With --url it names
    a server that others run (`serve --http`), to which the client lets you sign in.
    """
    from moodle_mcp.clients import entry as entries
    from moodle_mcp.clients.edit import with_server, without_server

    if not _SERVER_NAME.fullmatch(name):
        raise click.BadParameter("use letters, digits, dashes and underscores", param_hint="--name")
    chosen = CLIENTS[client]
    if remove:
        entry = None
    elif url is not None:
        entry = _remote(chosen, url)
    else:
        entry = _example(chosen) if example else _entry(chosen)
    if show and entry is not None:
        say_document(entries.document(chosen, name, entry))
        return
    file = _file_of(chosen, project=project)
    try:
        before = _read(file)
        if entry is None:
            after = without_server(chosen, before or "", name)
        else:
            after = with_server(chosen, before or "", name, entry)
        if after == (before or ""):
            say(f"{file}: nothing to change")
        elif dry_run:
            say_document(_difference(file, before or "", after))
        else:
            _replace(file, before, after)
            done = "no longer has" if remove else "has"
            say(f"{chosen.title} {done} the server {name}. {chosen.after}")
    except ClientFileError as error:
        raise ClientFileError(f"{file}: {error}; {_BY_HAND}") from None


def _remote(client: Client, url: str) -> dict[str, Any]:
    """Return the client's entry for a server at an address."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if (parts.scheme != "https" and not is_here) or not parts.hostname or "@" in parts.netloc:
        raise click.BadParameter("use an https address without a user name", param_hint="--url")
    entry = client.remote_entry(url)
    if entry is None:
        raise click.BadParameter(
            f"{client.title} has no file for remote servers: add the address under Settings > "
            "Connectors",
            param_hint="--url",
        )
    return entry


def _entry(client: Client) -> dict[str, Any]:
    """Return the client's entry for the current settings, after checking them."""
    from moodle_mcp.clients.entry import environment_for_server, missing_paths
    from moodle_mcp.credentials.kept_sites import Accounts
    from moodle_mcp.settings import load_settings
    from moodle_mcp.site.address import token_warning

    settings = load_settings(chosen_site())
    address = settings.connection().address
    if warning := token_warning(address):
        _warn(warning)
    site = settings.kept_site()
    environment = environment_for_server(os.environ, site, os.path.abspath)
    if "MOODLE_URL" in environment:
        # Whatever was pasted with the address, such as a token, must not be written to a file.
        environment["MOODLE_URL"] = address.base
    in_keyring = site is not None and Accounts.of_user().get(site).place == "keyring"
    bus = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    if in_keyring and bus:
        # Linux keyrings are reached through D-Bus, and clients don't pass this variable on.
        environment["DBUS_SESSION_BUS_ADDRESS"] = bus
    command, args = _running().command("[keyring]" if in_keyring else "")
    for warning in missing_paths(command, environment, os.path.exists):
        _warn(warning)
    return client.entry(command, args, environment)


def _warn(warning: str) -> None:
    """Warn on stderr: stdout may be the entry itself."""
    say(f"moodle-mcp: warning: {warning}", err=True)


def _example(client: Client) -> dict[str, Any]:
    from moodle_mcp.clients.entry import EXAMPLE_COMMAND, EXAMPLE_ENVIRONMENT

    return client.entry(EXAMPLE_COMMAND, (), EXAMPLE_ENVIRONMENT)


def _running() -> Running:
    from moodle_mcp.clients.entry import Running

    script = Path(shutil.which(sys.argv[0]) or sys.argv[0])
    uv = os.environ.get("UV")
    # Links are not resolved: pipx and uv keep the links when they update what is behind them.
    return Running(
        script=Path(os.path.abspath(script)),  # noqa: PTH100
        python=Path(os.path.abspath(sys.executable)),  # noqa: PTH100
        prefix=Path(sys.prefix),
        uv=Path(uv) if uv else None,
    )


def _file_of(client: Client, *, project: bool) -> Path:
    """Return the client's file with links resolved."""
    if project:
        if client.project is None:
            raise click.BadParameter(f"{client.title} has none", param_hint="--project")
        return _in_project(Path.cwd(), client.project)
    places = Places(System.named(sys.platform), str(Path.home()), os.environ)
    *others, usual = (Path(file) for file in client.files(places))
    return real(next((file for file in others if file.parent.is_dir()), usual))


def _in_project(folder: Path, name: str) -> Path:
    """Return a file of the project in a folder, with links resolved inside the folder.

    The project may be somebody else's, so links out of it are refused.
    """
    file = real(folder / name)
    if not file.is_relative_to(real(folder)):
        raise ClientFileError(f"{folder / name} leads out of the project, to {file}; {_BY_HAND}")
    return file


def _read(file: Path) -> str | None:
    """Return the file's text with line endings and byte-order mark; None if there is no file."""
    try:
        data = read_regular(file, _MOST)
        decoded(data)
    except FileNotFoundError:
        return None
    except TextError as error:
        raise ClientFileError(str(error)) from None
    except OSError as error:
        raise ClientFileError(f"can't be read ({reason(error)})") from None
    # The byte-order mark is kept, because the file is written back as it was.
    return data.decode()


def _difference(file: Path, before: str, after: str) -> str:
    """Return a unified diff, without secrets of other entries in the file."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(file), str(file)
    )
    ended = (line if line.endswith("\n") else f"{line}\n" for line in lines)
    return _NAMED.sub(_hidden, "".join(ended))


def _hidden(found: re.Match[str]) -> str:
    """Hide a line's value if it may be a secret; other programs' names are unknown to us."""
    name = found["name"].lower()
    is_secret = (may_name_secret(name) or "auth" in name) and "token_file" not in name
    return f'{found["start"]}"(not shown)"' if is_secret else found[0]


def _replace(file: Path, before: str | None, after: str) -> None:
    """Replace the file in one step, after backing it up.

    The file is the client's, so its mode is kept, and so is a link to it (as dotfiles often are).
    """
    try:
        if before is None:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, after.encode(), PRIVATE)
            say(f"Created {file}")
            return
        mode = stat.S_IMODE(file.stat().st_mode)
        if not mode & stat.S_IWUSR:
            raise ClientFileError("is read-only")
        backup = _backup(file, before, mode)
        if _read(file) != before:
            raise ClientFileError("was changed by another program just now: run it again")
        write_whole(file, after.encode(), mode)
    except OSError as error:
        raise ClientFileError(f"can't be written ({reason(error)})") from None
    say(f"Changed {file}", f"The previous version is in {backup}")


def _backup(file: Path, text: str, mode: int) -> Path:
    """Back up the text beside the file, under an unused name."""
    number = 1
    while True:
        backup = file.with_name(f"{file.name}.before-moodle-mcp-{number}")
        try:
            handle = os.open(backup, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "wb") as copy:
            copy.write(text.encode())
        return backup
