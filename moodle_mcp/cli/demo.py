"""`moodle-mcp demo`: show typical calls in the terminal, with a real MCP client and sockets."""

from __future__ import annotations

import json
import sys
import textwrap
import threading
from contextlib import suppress
from typing import Any, Final

import anyio
import click
from mcp import Client
from mcp.server import Server
from pydantic import SecretStr

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import ADMIN_TOKEN, DEMO_PASSWORD, DemoSite, serving
from moodle_mcp.settings import Settings
from moodle_mcp.terminal import say, say_json
from moodle_mcp.wiring import make_server

TOOLS: Final = "default,enrol_manual_enrol_users"
DEFAULT_PORT: Final = 8980
_WIDTH: Final = 96
_SHOWN: Final = 480
"""Maximum characters of an answer to show."""

_INTRODUCTION: Final = """\
This is a demonstration: a small Moodle inside this process, with invented people and courses, on
a loopback port. An MCP client talks to the real server, which talks HTTP to that site."""


def show() -> None:
    """List tools, read, write, and fail in two ways, as an agent would see it."""
    with serving(DemoSite().app) as url:
        anyio.run(_tell, url)


def serve(port: int) -> None:
    """Keep the demo site running and print how to connect a client."""
    try:
        with serving(DemoSite().app, port or DEFAULT_PORT) as url:
            _tell_how_to_connect(url)
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    except OSError as error:
        raise click.ClickException(str(error)) from None


def _tell_how_to_connect(url: str) -> None:
    server = {
        "command": sys.executable,
        "args": ["-P", "-m", "moodle_mcp"],
        "env": {"MOODLE_URL": url, "MOODLE_TOKEN": ADMIN_TOKEN},
    }
    say(f"A demonstration Moodle with invented data is at {url}; press Ctrl-C to stop it.", "")
    say("For a client that reads a JSON configuration:")
    say_json(json.dumps({"mcpServers": {"moodle": server}}, indent=2))
    say("", "For Claude Code:")
    say(
        f"claude mcp add moodle --env MOODLE_URL={url} --env MOODLE_TOKEN={ADMIN_TOKEN} -- "
        f"{sys.executable} -P -m moodle_mcp"
    )
    say("", "To sign in as a teacher (or as student1, or admin):")
    say(f"moodle-mcp login {url} --service all   # teacher1, {DEMO_PASSWORD}")


async def _tell(url: str) -> None:
    say(*_INTRODUCTION.splitlines())
    async with Client(_server(url)) as client:
        await _list(client)
        await _call(
            client,
            "A read, typed by the catalogue",
            "core_course_search_courses",
            {"criterianame": "search", "criteriavalue": "bio"},
        )
        await _call(
            client,
            "A write: two people into course 3 as students",
            "enrol_manual_enrol_users",
            {"enrolments": [{"roleid": 5, "userid": user, "courseid": 3} for user in (20, 21)]},
        )
        await _call(
            client,
            "A list with e-mail addresses and a course's short name: nothing is looked up by hand",
            "bulk_call",
            {
                "function": "enrol_manual_enrol_users",
                "csv": "E-Mail;Kurs\nstudent30@college.example;PHY120\n"
                "student31@college.example;PHY120\n",
                "columns": ["Kurs=course"],
                "defaults": ["role=student"],
            },
        )
        await _call(
            client,
            "A misspelt argument: refused before anything is sent",
            "enrol_manual_enrol_users",
            {"enrolments": [{"roleid": 5, "user": 20, "courseid": 3}]},
        )
        await _call(
            client,
            "A user who does not exist: Moodle's one transaction, nothing was written",
            "enrol_manual_enrol_users",
            {"enrolments": [{"roleid": 5, "userid": user, "courseid": 3} for user in (22, 9999)]},
        )
        await _call(
            client, "A function that the operator withholds", "core_user_delete_users",
            {"userids": [20]},
        )  # fmt: skip


def _server(url: str) -> Server[Any]:
    settings = Settings(
        moodle_url=url, moodle_token=SecretStr(ADMIN_TOKEN), tools=TOOLS, access=Access.WRITE
    )
    return make_server(settings, settings.connection())


async def _list(client: Client) -> None:
    tools = (await client.list_tools()).tools
    _heading(f"tools/list: {len(tools)} tools")
    names = ", ".join(tool.name for tool in tools)
    say(textwrap.shorten(names, 3 * _WIDTH, placeholder=" ..."))


async def _call(client: Client, title: str, name: str, arguments: dict[str, Any]) -> None:
    _heading(title)
    say(f"{name} {json.dumps(arguments, ensure_ascii=False)}")
    result = await client.call_tool(name, arguments)
    text = json.dumps(result.structured_content, ensure_ascii=False)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ... ({len(text)} characters)"
    verdict = "failed" if result.is_error else "done"
    for line in textwrap.wrap(f"{verdict}: {shown}", _WIDTH, break_long_words=True):
        say(f"  {line}")


def _heading(text: str) -> None:
    say("", f"== {text}")
