"""`serve --http` with sign-in, and `demo --hosted`."""

from __future__ import annotations

from typing import Any, Final

import click

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.cli.common import chosen_site
from moodle_mcp.demo import DEMO_PASSWORD, DemoSite, serving
from moodle_mcp.hosting import make_hosted
from moodle_mcp.logs import start_logging
from moodle_mcp.server.transports.hosted import HostedConnection
from moodle_mcp.server.transports.http import PATH, Listener, serve_app
from moodle_mcp.settings import Settings, load_settings
from moodle_mcp.settings.hosting import MEMORY
from moodle_mcp.terminal import say

DEMO_PORT: Final = 8990


def serve_hosted(listen: str, public_url: str | None) -> None:
    """Serve the people of a site until a signal comes.

    Raises:
        SettingsError: a setting is wrong, or the port can't be bound.
    """
    settings = load_settings(chosen_site())
    if public_url is not None:
        settings = settings.model_copy(update={"public_url": public_url})
    start_logging(settings.log_level, None, as_json=settings.log_format == "json")
    with Listener.of(listen, anywhere=True) as listener:
        serve_settings(settings, listener)


def serve_settings(settings: Settings, listener: Listener) -> None:
    """Serve with these settings on a port.

    Raises:
        SettingsError: a setting is wrong.
    """
    options = _options(settings)
    hosted = make_hosted(settings)
    url = f"{settings.checked_public_url()}{PATH}"
    if settings.keeps_nothing:
        say(
            "moodle-mcp: MOODLE_MCP_STORE=memory: everybody signs in again after a restart",
            err=True,
        )
    say(f"moodle-mcp: serving MCP at {url}; Ctrl-C ends it", err=True)
    serve_app(hosted.app, listener, HostedConnection, **options)


def serve_demo(port: int) -> None:
    """Serve the demo site and, in front of it, a server that people sign in to."""
    with Listener.of(str(port or DEMO_PORT)) as listener:
        public_url = f"http://localhost:{listener.port}"
        try:
            with serving(DemoSite().app) as moodle:
                settings = Settings(
                    moodle_url=moodle,
                    auth="oauth",
                    public_url=public_url,
                    service="all",
                    store=MEMORY,
                    tools="default,enrol_manual_enrol_users,core_course_delete_courses",
                    access=Access.DESTRUCTIVE,
                )
                start_logging(settings.log_level, None)
                _tell(public_url)
                serve_settings(settings, listener)
        except OSError as error:
            raise click.ClickException(str(error)) from None


def _tell(public_url: str) -> None:
    say("A demonstration Moodle with invented data, and a server that people sign in to.", "")
    say(f"Sign in as teacher1, student1 or admin with the password {DEMO_PASSWORD}.")
    say(f"Your connections: {public_url}/connections", "")
    say("For Claude Code:", f"claude mcp add --transport http moodle {public_url}{PATH}", "")


def _options(settings: Settings) -> dict[str, Any]:
    """The options of uvicorn."""
    proxies, tls = settings.proxies(), settings.tls_files()
    options: dict[str, Any] = {"proxy_headers": bool(proxies), "forwarded_allow_ips": proxies}
    if tls is not None:
        options |= {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
    return options
