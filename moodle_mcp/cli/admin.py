"""`moodle-mcp admin-script` and `moodle-mcp catalogue`: commands for administrators."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from moodle_mcp.cli.common import load, print_json, settled, site_option
from moodle_mcp.errors import SettingsError
from moodle_mcp.terminal import say, say_bytes, say_document

if TYPE_CHECKING:
    from moodle_mcp.catalogue.model import Function


@click.group("admin-script")
def admin_script() -> None:
    """Print what a Moodle administrator runs or installs on the Moodle host."""


@admin_script.command()
@click.option("--profile", help="One profile: default, student, teacher, manager, admin, reports.")
@click.option("--tools", help="Functions as in MOODLE_MCP_TOOLS, instead of a profile.")
@settled
def provision(profile: str | None, tools: str | None) -> None:
    """Print the program that prepares a site for an agent, and can undo that.

    It switches web services on and creates a service with exactly the functions of a profile, a
    role, and a token for one user. Without an option the program includes all profiles.

    On the Moodle host, `php provision.php --help` describes its options; begin with --dry-run.
    """
    from moodle_mcp import admin
    from moodle_mcp.policy.allowlist import PROFILES

    if profile and tools:
        raise SettingsError("give --profile or --tools, not both")
    if profile and profile not in PROFILES:
        raise SettingsError(f"--profile must be one of {', '.join(PROFILES)}")
    if tools:
        lists = {"tools": _functions(tools)}
    else:
        lists = {name: _functions(name) for name in ([profile] if profile else PROFILES)}
    say_document(admin.provision(lists, ",".join((tools or "").replace(",", " ").split())))


@admin_script.command("catalogue")
def export() -> None:
    """Print the program that exports a site's own functions, including those of its plugins.

    It runs on the Moodle host and writes JSON; MOODLE_MCP_CATALOGUE=FILE makes them typed tools.
    """
    from moodle_mcp import admin

    say_document(admin.catalogue())


@admin_script.command("plugin")
@settled
def companion() -> None:
    """Print the companion plugin as a zip: moodle-mcp admin-script plugin > local_mcpcompanion.zip.

    It adds functions that Moodle lacks, such as creating a page or a quiz. A site without it works
    as before. Install it under Site administration, Plugins, Install plugins.
    """
    from moodle_mcp.admin.companion import plugin_zip

    say_bytes(plugin_zip())


@click.group()
def catalogue() -> None:
    """Show what is known of the site's functions."""


@catalogue.command("probe")
@site_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
@settled
def probing(as_json: bool) -> None:
    """Ask the site which functions the token may call, and list those that are untyped."""
    import anyio

    from moodle_mcp.cli.probe import probe

    settings, connection = load()
    found = anyio.run(probe, settings, connection)
    if as_json:
        print_json(found.as_dict())
    else:
        for line in found.lines():
            say(line)


def _functions(tools: str) -> list[Function]:
    """Return the functions that `tools` allows, of all releases, and plugins' named in full."""
    from moodle_mcp.catalogue.classification import Access
    from moodle_mcp.catalogue.loading import RELEASES, every_name
    from moodle_mcp.catalogue.loading import load as load_catalogue
    from moodle_mcp.policy.allowlist import FILE_TOOLS, parse_allowlist
    from moodle_mcp.policy.policy import Policy

    known = every_name()
    policy = Policy(parse_allowlist(tools, known), Access.DESTRUCTIVE)
    newest = load_catalogue(RELEASES[-1])
    for glob in policy.allowlist.included.globs:
        if not any(fnmatchcase(name, glob) for name in known):
            raise SettingsError(f"--tools: {glob} matches no known function: name each in full")
    names = {*filter(policy.names, known), *policy.allowlist.included.full}
    functions = [newest.get(name) for name in sorted(set(names) - set(FILE_TOOLS))]
    return [function for function in functions if policy.allows(function)]
