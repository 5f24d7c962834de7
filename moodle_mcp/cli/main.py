"""The command `moodle-mcp`."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import click

from moodle_mcp import __version__
from moodle_mcp.cli.common import (
    EXIT_FAILED,
    chosen_site,
    load,
    print_json,
    read_input,
    settled,
    site_option,
)
from moodle_mcp.cli.ending import quiet_end
from moodle_mcp.cli.loading import loading
from moodle_mcp.jsontree import loaded
from moodle_mcp.regular_files import is_there
from moodle_mcp.terminal import say, say_document

_ELSEWHERE: Final = {
    "admin-script": "moodle_mcp.cli.admin:admin_script",
    "catalogue": "moodle_mcp.cli.admin:catalogue",
    "install": "moodle_mcp.cli.install:install",
    "keys": "moodle_mcp.cli.keys:keys",
    "login": "moodle_mcp.cli.accounts:login",
    "logout": "moodle_mcp.cli.accounts:logout",
    "sites": "moodle_mcp.cli.accounts:sites",
    "upload-users": "moodle_mcp.cli.upload:upload_users",
}
"""Commands in modules of their own, loaded on demand: serving needs none of them."""


_NAMED_DELIMITERS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_IN_HEADERS: Final = '"_[]\r\n '
"""Characters that can't be delimiters: they occur in headers, or quote cells."""


class Commands(click.Group):
    """The commands of this module and of the modules loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, _, name = _ELSEWHERE[cmd_name].partition(":")
        with loading():
            return getattr(import_module(module), name)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with quiet_end():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with quiet_end():
            return super().invoke(ctx)


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(__version__, prog_name="moodle-mcp")
@site_option
@click.pass_context
def main(ctx: click.Context) -> None:
    """A guarded MCP server for Moodle. Without a command it serves on stdio.

    Sign in once with `login`, or set MOODLE_URL and MOODLE_TOKEN_FILE (or MOODLE_TOKEN). Further
    settings are MOODLE_MCP_TOOLS, MOODLE_MCP_ACCESS and more; see the README.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(serve)


@main.command()
@click.option(
    "--http",
    metavar="[HOST:]PORT",
    help="Serve streamable HTTP on a loopback address instead; port 0 takes any free one. With "
    "MOODLE_MCP_AUTH=oauth on any address.",
)
@click.option(
    "--public-url",
    metavar="URL",
    help="Where clients and browsers reach the server, with MOODLE_MCP_AUTH=oauth.",
)
@site_option
@settled
def serve(http: str | None = None, public_url: str | None = None) -> None:
    """Serve MCP on standard input and output (the default), or over HTTP.

    With MOODLE_MCP_AUTH=oauth people sign in with their Moodle account, each for themselves.
    """
    if http is not None:
        _serve_http(http, public_url)
        return
    if public_url is not None:
        raise click.UsageError("--public-url needs --http")
    # Half of the start is creating the MCP library's models; garbage collection takes a tenth.
    gc.disable()
    with loading():
        from moodle_mcp.server.transports.stdio import serve_stdio
        from moodle_mcp.wiring import make_server

    settings, connection = load()
    server = make_server(settings, connection)
    gc.enable()
    gc.freeze()
    serve_stdio(server)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option("--report", is_flag=True, help="Print Markdown without names, hosts and tokens.")
@site_option
@settled
def check(as_json: bool, report: bool) -> None:
    """Check every step to the site and what the token may do; say what to do next."""
    with loading():
        import anyio

        from moodle_mcp.cli import check as checking
        from moodle_mcp.diagnostics import report as reports
        from moodle_mcp.diagnostics.lines import succeeded
        from moodle_mcp.wiring import make_server

    if as_json and report:
        raise click.UsageError("--json and --report exclude each other")
    settings, connection = load()
    # Whatever would stop the server's start must stop this too.
    make_server(settings, connection)
    facts, lines = anyio.run(checking.check, settings, connection)
    if as_json:
        print_json(reports.as_json(facts, lines))
    elif report:
        say_document(f"{reports.as_report(lines)}\n")
    else:
        checking.show(lines)
    if not succeeded(lines):
        sys.exit(EXIT_FAILED)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--all", "everything", is_flag=True, help="Every function, exposed or not, and why.")
@site_option
@settled
def tools(as_json: bool, everything: bool) -> None:
    """Show what is exposed and why, with sizes in bytes and approximate tokens."""
    with loading():
        import anyio

        from moodle_mcp.cli.tools import listing

    settings, connection = load()
    report = anyio.run(listing, settings, connection)
    if as_json:
        print_json(report.as_dict())
    else:
        for text in report.lines(everything=everything):
            say(text)


def _encoding(_: click.Context, __: click.Parameter, name: str) -> str:
    from moodle_mcp.textfile import known_encoding

    try:
        return known_encoding(name)
    except (LookupError, ValueError):
        raise click.BadParameter(f"{name} is not an encoding, such as windows-1252") from None


def _delimiter(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    if name is None:
        return None
    character = _NAMED_DELIMITERS.get(name.lower(), name)
    if len(character) != 1 or character.isalnum() or character in _IN_HEADERS:
        raise click.BadParameter("use one character that is in no key, such as ; or tab")
    return character


@main.command()
@click.argument("function")
@click.argument("arguments", default="{}")
@click.option(
    "--items", type=click.Path(path_type=Path), help="Items: .json, .jsonl, .csv or .tsv."
)
@click.option(
    "--encoding",
    callback=_encoding,
    default="utf-8",
    show_default=True,
    help="The items' encoding: windows-1252, utf-16 or another that Python knows.",
)
@click.option(
    "--delimiter",
    callback=_delimiter,
    help="A table's delimiter; , ; and tab are detected.",
)
@click.option(
    "--empty",
    type=click.Choice(["skip", "clear"]),
    default="skip",
    show_default=True,
    help="What a table's empty cell does: nothing, or clear the value.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="HEADER=MEANING",
    help="What a header means, such as E-Mail=user.email; may be repeated.",
)
@click.option(
    "--set",
    "defaults",
    multiple=True,
    metavar="MEANING=VALUE",
    help="The same value for all items, such as role=student; may be repeated.",
)
@click.option("--result", type=click.Path(path_type=Path), help="Where each item's result goes.")
@click.option("--on-error", type=click.Choice(["stop", "continue", "isolate"]))
@click.option("--dry-run", is_flag=True, help="Check and plan; send nothing.")
@site_option
@settled
def call(
    function: str,
    arguments: str,
    items: Path | None,
    encoding: str,
    delimiter: str | None,
    empty: str,
    columns: tuple[str, ...],
    defaults: tuple[str, ...],
    result: Path | None,
    on_error: str | None,
    dry_run: bool,
) -> None:
    """Call FUNCTION once with ARGUMENTS, a JSON object (or - to read it from standard input).

    With --items the function's list comes from a file, and a result file with a line for each
    item is written beside it. Run again, the command continues where it stopped. Ctrl-C stops it
    after the current request.

    A table's first line names the keys, nested ones as customfields[0][type]. In an update an empty
    cell changes nothing; with --empty clear it clears the text. People, courses, roles and more may
    be named instead of given by id: see docs/tables.md.
    """
    with loading():
        import anyio

        from moodle_mcp.cli.call import Job, call_once, call_with_items
        from moodle_mcp.cli.item_file import Reading
        from moodle_mcp.service.bulk.pairs import parsed_pairs

    settings, connection = load()
    text = read_input() if arguments == "-" else arguments
    try:
        parsed = loaded(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="ARGUMENTS") from None
    if not isinstance(parsed, dict):
        raise click.BadParameter("not a JSON object", param_hint="ARGUMENTS")
    own = cast("dict[str, Any]", parsed)
    if dry_run:
        own = {**own, "_dry_run": True}
    if items is None:
        if columns or defaults:
            raise click.UsageError("--column and --set are for --items")
        envelope = anyio.run(call_once, settings, connection, function, own)
    else:
        reading = Reading(encoding, delimiter, clear_empty=empty == "clear")
        named = parsed_pairs("--column", columns, last=True), parsed_pairs("--set", defaults)
        job = Job(function, own, items, result, on_error, reading, *named)
        envelope = anyio.run(call_with_items, settings, connection, job)
        if is_there(job.result_path):
            say(f"The result of each item is in {job.result_path}", err=True)
    print_json(envelope)
    if "error" in envelope:
        sys.exit(EXIT_FAILED)


@main.command()
@click.option("--serve", "keep", is_flag=True, help="Keep the site running; print the settings.")
@click.option(
    "--hosted", is_flag=True, help="Keep the site running, with a server that people sign in to."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default="8980",
    help="The loopback port for --serve.",
)
def demo(keep: bool, hosted: bool, port: int) -> None:
    """Show typical calls on a small Moodle inside this process; nothing leaves the machine."""
    with loading():
        from moodle_mcp.cli import demo as report

    if hosted:
        from moodle_mcp.cli.hosted import serve_demo

        serve_demo(port)
    elif keep:
        report.serve(port)
    else:
        report.show()


def _serve_http(listen: str, public_url: str | None) -> None:
    with loading():
        from moodle_mcp.cli.hosted import serve_hosted
        from moodle_mcp.server.transports.http import Listener, serve_http
        from moodle_mcp.settings import load_settings
        from moodle_mcp.wiring import make_server

    if load_settings(chosen_site()).auth == "oauth":
        serve_hosted(listen, public_url)
        return
    if public_url is not None:
        raise click.UsageError("--public-url needs MOODLE_MCP_AUTH=oauth")
    with Listener.of(listen) as listener:
        settings, connection = load()
        server = make_server(settings, connection, is_shared=True)
        say(f"moodle-mcp: serving MCP at {listener.url}; Ctrl-C ends it", err=True)
        serve_http(server, listener)
