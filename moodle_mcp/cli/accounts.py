"""`moodle-mcp login`, `logout` and `sites`: manage the sites that a user has signed in to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from moodle_mcp import __version__
from moodle_mcp.cli.common import EXIT_FAILED, read_input_line, settled
from moodle_mcp.errors import CallError, SettingsError
from moodle_mcp.terminal import ask, say

if TYPE_CHECKING:
    from pydantic import SecretStr

    from moodle_mcp.credentials.kept_sites import Account, Accounts
    from moodle_mcp.site.address import Address
    from moodle_mcp.site.info import SiteInfo

_USER_AGENT = f"moodle-mcp/{__version__}"


def _sendable(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Refuse an option's text that can't be sent: in a shell it may be bytes that are not text."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise click.BadParameter("is not UTF-8") from None
    return text


@click.command()
@click.argument("address")
@click.option("--site", "name", metavar="NAME", help="The name to save it under (default: host).")
@click.option("--user", callback=_sendable, help="The user name; asked for unless given.")
@click.option(
    "--service",
    callback=_sendable,
    help="The short name of the web service (default: moodle_mobile_app).",
)
@click.option("--sso", is_flag=True, help="Sign in through the browser (single sign-on).")
@click.option(
    "--keep-in",
    type=click.Choice(["auto", "keyring", "file"]),
    default="auto",
    show_default=True,
    help="Where to save the token; auto is the system's keyring if there is one.",
)
@settled
def login(
    address: str, name: str | None, user: str | None, service: str | None, sso: bool, keep_in: str
) -> None:
    """Sign in to the Moodle at ADDRESS and save its token for the other commands.

    The password is asked for, sent once and not saved. If standard input is a pipe, user name and
    password (or the link, with --sso) are read from it, one per line.
    """
    import anyio

    from moodle_mcp.credentials.kept_sites import Accounts
    from moodle_mcp.settings import load_settings
    from moodle_mcp.site.address import parse_address, token_warning
    from moodle_mcp.site.login import MOBILE_SERVICE

    settings = load_settings()
    allowed = settings.unsafe_plain_http
    site = parse_address(address, plain_http_allowed=allowed, name="the address")
    if warning := token_warning(site, "the address"):
        say(f"moodle-mcp: {warning}", err=True)
    elif site.base != address.strip().rstrip("/"):
        say(f"moodle-mcp: using {site.base}", err=True)
    accounts = Accounts.of_user()
    kept_as = _free_name(accounts, site, name)
    try:
        if sso:
            token = _token_from_browser(site, service or MOBILE_SERVICE)
        else:
            token = _token_for_password(site, user, service or MOBILE_SERVICE)
        info = anyio.run(_tried, site, token)
    except CallError as error:
        say(f"moodle-mcp: {error.fault.message}", f"  -> {error.fault.advice}", err=True)
        sys.exit(EXIT_FAILED)
    account = _keep(accounts, kept_as, site, info.user_name, token, keep_in)
    _tell(accounts, account, info)
    if settings.moodle_url is not None:
        say("MOODLE_URL is set and overrides saved sites: unset it to use this one.")


@click.command()
@click.argument("name", required=False)
@settled
def logout(name: str | None) -> None:
    """Remove the saved site NAME (or the default one) and its token."""
    from moodle_mcp.credentials.kept_sites import Accounts

    accounts = Accounts.of_user()
    name = name or accounts.default()
    if name is None:
        raise SettingsError("no site is saved")
    account = _get_or_none(accounts, name)
    accounts.forget(name)
    where = account.url if account else "the site"
    say(f"Removed {name} and its token.")
    say(
        f"The token stays valid at {where}: to revoke it, open Preferences > User account > "
        "Security keys there and reset the key of the service, or ask an administrator to delete "
        "it under Site administration > Server > Web services > Manage tokens."
    )


@click.command()
@click.option("--default", "chosen", metavar="NAME", help="Make this one the default.")
@settled
def sites(chosen: str | None) -> None:
    """List the saved sites; * marks the one that is used when none is named."""
    from moodle_mcp.credentials.kept_sites import Accounts

    accounts = Accounts.of_user()
    if chosen is not None:
        accounts.choose(chosen)
    names = accounts.names()
    if not names:
        say("No site is saved: sign in with `moodle-mcp login ADDRESS`.")
    default = _default_or_none(accounts)
    for name in names:
        account = _get_or_none(accounts, name)
        shown = f"{account.url}  {account.username}  ({account.place})" if account else "broken"
        say(f"{'*' if name == default else ' '} {name:30} {shown}")


def _free_name(accounts: Accounts, site: Address, name: str | None) -> str:
    """Return the name to save a site under, which must not be another site's."""
    from moodle_mcp.credentials.kept_sites import checked, name_for

    kept_as = checked(name or name_for(site))
    other = _get_or_none(accounts, kept_as) if kept_as in accounts.names() else None
    if other is not None and other.url != site.base:
        raise SettingsError(
            f"the name {kept_as} is taken by {other.url}: choose another with --site, or run "
            f"`moodle-mcp logout {kept_as}` first"
        )
    return kept_as


def _token_for_password(site: Address, user: str | None, service: str) -> SecretStr:
    import anyio
    from pydantic import SecretStr

    from moodle_mcp.site.login import token_for_password

    username = user or _asked("User name")
    password = SecretStr(_asked("Password", secret=True))

    async def ask() -> SecretStr:
        return await token_for_password(site, username, password, service, user_agent=_USER_AGENT)

    return anyio.run(ask)


def _token_from_browser(site: Address, service: str) -> SecretStr:
    import anyio

    from moodle_mcp.site.login import Launch, launch

    async def begin() -> Launch:
        return await launch(site, service, user_agent=_USER_AGENT)

    begun = anyio.run(begin)
    say(
        "Open this page in a browser and sign in:",
        "",
        f"  {begun.page}",
        "",
        "Then copy the address of the link that the page shows (right click > Copy link) and "
        "paste it here. It contains your token: don't show it to anybody.",
        err=True,
    )
    return begun.token_in(_asked("Link", secret=True))


def _asked(label: str, *, secret: bool = False) -> str:
    """Ask the person and return the input, hidden if secret; read one line if it is a pipe."""
    if sys.stdin.isatty():
        return ask(label, secret=secret)
    line = read_input_line()
    if not line:
        raise SettingsError(f"standard input ended before: {label}")
    return line


async def _tried(site: Address, token: SecretStr) -> SiteInfo:
    """Return the site's description of itself, which shows that the token works."""
    from moodle_mcp.site.connection import Connection
    from moodle_mcp.site.session import SiteSession

    client = SiteSession(Connection(site, token), user_agent=_USER_AGENT)
    try:
        return await client.info()
    finally:
        await client.aclose()


def _keep(
    accounts: Accounts, name: str, site: Address, username: str, token: SecretStr, place: str
) -> Account:
    from moodle_mcp.credentials.kept_sites import Account
    from moodle_mcp.credentials.system_keyring import NoKeyringError

    in_keyring = Account(name, site.base, username, "keyring")
    in_file = Account(name, site.base, username, "file")
    if place != "file":
        try:
            accounts.keep(in_keyring, token)
        except NoKeyringError as error:
            if place == "keyring":
                raise SettingsError(f"the token can't be saved in a keyring: {error}") from None
        else:
            return in_keyring
    accounts.keep(in_file, token)
    return in_file


def _tell(accounts: Accounts, account: Account, info: SiteInfo) -> None:
    functions = "all" if info.functions is None else len(info.functions)
    place = "the system's keyring" if account.place == "keyring" else f"{accounts.folder}"
    say(
        f"Signed in to {info.site_name}, Moodle {info.release or 'of unknown release'}, "
        f"{account.url}",
        f"The token acts for {info.user_full_name} ({info.user_name}, id {info.user_id}) with "
        f"{functions} functions.",
        f"Saved as {account.name} in {place}.",
    )
    if account.name == _default_or_none(accounts):
        say("It is the default site; `moodle-mcp check` shows what it can do.")
    else:
        say(
            f"Use it with --site {account.name} or MOODLE_MCP_SITE={account.name}, or make it "
            f"the default with `moodle-mcp sites --default {account.name}`."
        )


def _get_or_none(accounts: Accounts, name: str) -> Account | None:
    """Return a saved site; None if its file is broken."""
    from moodle_mcp.credentials.kept_sites import BrokenSiteError

    try:
        return accounts.get(name)
    except BrokenSiteError:
        return None


def _default_or_none(accounts: Accounts) -> str | None:
    try:
        return accounts.default()
    except SettingsError:
        return None
