"""Getting a token from a site, with a password and through the browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from inline_snapshot import snapshot
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from moodle_mcp.demo import DEMO_PASSWORD
from moodle_mcp.demo.serving import serving
from moodle_mcp.errors import CallError
from moodle_mcp.site.address import Address, parse_address
from moodle_mcp.site.login import Launch, launch, token_for_password
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.serving import connection
from tests.support.sign_in import sign_in_link

pytestmark = pytest.mark.anyio

TOKEN = "0123456789abcdef0123456789abcdef"
PRIVATE = "privatePRIVATE" * 4


async def signed_in(
    demo: Demo, user: str = "teacher1", password: str = DEMO_PASSWORD, service: str = "all"
) -> str:
    address = parse_address(demo.url)
    token = await token_for_password(
        address, user, SecretStr(password), service, user_agent="tests"
    )
    return token.get_secret_value()


async def begun(demo: Demo) -> Launch:
    return await launch(parse_address(demo.url), "all", user_agent="tests")


async def test_a_password_gives_a_token_that_opens_the_site(demo: Demo) -> None:
    site = SiteSession(connection(demo.url, await signed_in(demo)))
    try:
        assert (await site.info()).user_name == "teacher1"
    finally:
        await site.aclose()


async def test_user_name_and_password_are_in_the_body_alone(demo: Demo) -> None:
    await signed_in(demo)
    request = demo.site.requests[0]
    assert (request.method, request.path, request.query) == ("POST", "/login/token.php", "")
    assert DEMO_PASSWORD not in json.dumps(request.headers)
    assert DEMO_PASSWORD.encode() in request.body


async def test_any_letter_may_be_in_a_password(demo: Demo) -> None:
    user = demo.site.world.user_named("teacher1")
    assert user is not None
    password = "a&b=c+d%20 é日\"'"
    demo.site.world.users[user.id] = replace(user, password=password)
    assert await signed_in(demo, password=password)


def web_services_off(demo: Demo) -> None:
    demo.site.switches.web_services = False


def no_tokens(demo: Demo) -> None:
    demo.site.switches.create_tokens = False


def maintenance(demo: Demo) -> None:
    demo.site.switches.maintenance = True


def another_address(demo: Demo) -> None:
    demo.site.switches.wwwroot = "https://moodle.school.example"


def nothing(demo: Demo) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (nothing, {"password": "wrong-password"}),
        (nothing, {"service": "nosuch"}),
        (web_services_off, {}),
        (no_tokens, {}),
        (maintenance, {}),
        (another_address, {}),
    ],
    ids=["password", "service", "web services off", "no tokens", "maintenance", "other address"],
)
async def test_a_refused_sign_in_says_who_must_do_what(
    demo: Demo,
    change: Callable[[Demo], None],
    fields: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    change(demo)
    with pytest.raises(CallError) as caught:
        await signed_in(demo, **fields)
    fault = caught.value.fault
    assert (fault.kind.code, fault.message, fault.advice) == snapshot(
        {
            "password": (
                "invalid_token",
                "Invalid login, please try again",
                "The user name or the password is wrong, or too many attempts have locked the account. Where people sign in on another page (single sign-on), use `moodle-mcp login --sso`.",
            ),
            "service": (
                "access_denied",
                "Web service is not available. (It doesn't exist or might be disabled.)",
                "The external service does not exist or is disabled: Site administration > Server > Web services > External services.",
            ),
            "web services off": (
                "web_services_off",
                "Web services must be enabled in Advanced features.",
                "An administrator must switch on web services (Site administration > General > Advanced features > Enable web services) and REST (Site administration > Server > Web services > Manage protocols).",
            ),
            "no tokens": (
                "no_permission",
                "No permission to create web service token for the service all.",
                "The user may not make a token for this service: an administrator grants the capability moodle/webservice:createtoken (moodle/webservice:createmobiletoken for moodle_mobile_app), or makes the token under Manage tokens. A site administrator gets one only there, unless the service is moodle_mobile_app.",
            ),
            "maintenance": (
                "maintenance",
                "The site is undergoing maintenance and is currently not available",
                "The site is in maintenance mode. Wait until an administrator ends it.",
            ),
            "other address": (
                "wrong_address",
                "The site redirected to https://moodle.school.example/login/token.php. The redirect is not followed, to protect the token.",
                "The operator sets MOODLE_URL to https://moodle.school.example.",
            ),
        }
    )[request.node.callspec.id]


ECHO = b'{"error": "Wrong: s3cret-word for you", "errorcode": "invalidlogin"}'


@pytest.mark.parametrize(
    "body",
    [ECHO, b'{"token": null}', b'{"token": "two words"}', b"[]", b"<html>login</html>"],
    ids=["echo", "no token", "no form of a token", "a list", "a page"],
)
async def test_a_strange_answer_is_an_error_without_the_password(
    body: bytes, request: pytest.FixtureRequest
) -> None:
    async def strange(_: object) -> Response:
        return Response(body)

    app = Starlette(routes=[Route("/login/token.php", strange, methods=["POST"])])
    with serving(app) as url, pytest.raises(CallError) as caught:
        await token_for_password(
            parse_address(url), "u", SecretStr("s3cret-word"), "all", user_agent="tests"
        )
    assert "s3cret-word" not in f"{caught.value!r} {caught.value.fault}"
    assert (
        str(caught.value)
        == snapshot(
            {
                "echo": "invalid_token: Wrong: (removed) for you",
                "no token": "bad_answer: The site's answer holds no token.",
                "no form of a token": "bad_answer: The site's answer holds no token.",
                "a list": "bad_answer: The site's answer holds no token.",
                "a page": "wrong_address: The address answers with a login page instead of Moodle's web service.",
            }
        )[request.node.callspec.id]
    )


async def test_the_browser_is_sent_to_the_sites_page_with_a_new_passport(demo: Demo) -> None:
    pages = [(await begun(demo)).page for _ in range(2)]
    queries = [parse_qs(urlsplit(page).query) for page in pages]
    passports = {query.pop("passport")[0] for query in queries}
    assert len(passports) == 2
    assert queries[0] == snapshot(
        {"service": ["all"], "urlscheme": ["moodlemcp"], "confirmed": ["1"]}
    )
    assert pages[0].startswith(f"{demo.url}/admin/tool/mobile/launch.php?")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as is": lambda link: link,
    "spaces": lambda link: f"  {link}\n",
    "quoted": lambda link: f'"{link}"',
    "slash": lambda link: f"{link}/",
    "hash": lambda link: f"{link}#/",
    "escaped": lambda link: quote(link, safe=":/"),
    "unpadded": lambda link: link.rstrip("="),
    "other scheme": lambda link: link.replace("moodlemobile", "moodlemcp"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_the_pasted_link_gives_the_token_however_it_was_copied(
    demo: Demo, spelling: str
) -> None:
    sign_in = await begun(demo)
    link = sign_in_link(sign_in.page, demo.url, TOKEN)
    assert sign_in.token_in(SPELLINGS[spelling](link)).get_secret_value() == TOKEN


async def test_the_private_token_is_thrown_away(demo: Demo) -> None:
    sign_in = await begun(demo)
    token = sign_in.token_in(sign_in_link(sign_in.page, demo.url, TOKEN, PRIVATE))
    assert token.get_secret_value() == TOKEN


async def test_a_site_behind_a_proxy_may_call_itself_https(demo: Demo) -> None:
    sign_in = await begun(demo)
    https = demo.url.replace("http:", "https:")
    assert sign_in.token_in(sign_in_link(sign_in.page, https, TOKEN)).get_secret_value() == TOKEN


FOREIGN: dict[str, Callable[[str, str], str]] = {
    "another site": lambda page, url: sign_in_link(page, "https://other.example", TOKEN),
    "another sign-in": lambda page, url: sign_in_link("https://m.example?passport=1", url, TOKEN),
    "no token": lambda page, url: sign_in_link(page, url, "not a token"),
    "too many parts": lambda page, url: sign_in_link(page, url, TOKEN, PRIVATE, "more"),
    "too few parts": sign_in_link,
    "the page": lambda page, url: page,
    "no base64": lambda page, url: "moodlemobile://token=%%%",
    "nothing": lambda page, url: "",
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_what_does_not_answer_this_sign_in_is_refused(demo: Demo, case: str) -> None:
    sign_in = await begun(demo)
    with pytest.raises(CallError) as caught:
        sign_in.token_in(FOREIGN[case](sign_in.page, demo.url))
    assert caught.value.fault.kind.code == "bad_answer"
    assert TOKEN not in f"{caught.value!r}"


def no_browser(demo: Demo) -> None:
    demo.site.switches.browser_login = False


@pytest.mark.parametrize(
    "change", [no_browser, web_services_off, another_address],
    ids=["no browser", "web services off", "other address"],
)  # fmt: skip
async def test_a_site_that_does_not_offer_the_browser_says_so_before_it_is_opened(
    demo: Demo, change: Callable[[Demo], None], request: pytest.FixtureRequest
) -> None:
    change(demo)
    with pytest.raises(CallError) as caught:
        await begun(demo)
    fault = caught.value.fault
    assert (fault.kind.code, fault.message, fault.advice) == snapshot(
        {
            "no browser": (
                "moodle_error",
                "The site does not offer signing in through the browser.",
                "Sign in with user name and password (without --sso). Or an administrator sets Site administration > General > Mobile app > Mobile authentication > Type of login to a browser window.",
            ),
            "web services off": (
                "web_services_off",
                "Web services are switched off.",
                "An administrator must switch on web services (Site administration > General > Advanced features > Enable web services) and REST (Site administration > Server > Web services > Manage protocols).",
            ),
            "other address": (
                "wrong_address",
                "The site redirected to https://moodle.school.example/lib/ajax/service-nologin.php. The redirect is not followed, to protect the token.",
                "The operator must set MOODLE_URL to the site's own address, as the browser shows it on the site's front page (https, host and path).",
            ),
        }
    )[request.node.callspec.id]


async def config(**changes: object) -> str:
    """What becomes of a sign-in where the site says this of itself."""

    async def say(request: object) -> Response:
        data = {
            "wwwroot": url, "httpswwwroot": url, "enablewebservices": 1, "typeoflogin": 2,
            "launchurl": f"{url}/launch.php", **changes,
        }  # fmt: skip
        script = url.replace("http:", "javascript:")
        for name, value in data.items():
            if isinstance(value, str):
                data[name] = value.replace("{url}", url).replace("{script}", script)
        return Response(json.dumps([{"error": False, "data": data}]))

    app = Starlette(routes=[Route("/lib/ajax/service-nologin.php", say, methods=["POST"])])
    with serving(app) as url:
        try:
            begun = await launch(Address(url), "all", user_agent="tests")
        except CallError as error:
            return str(error)
        return begun.page.replace(url, "")[:11]


async def test_the_sign_in_page_is_one_of_the_sites_own() -> None:
    assert await config() == "/launch.php"
    assert await config(launchurl="https://evil.example/launch.php") == snapshot(
        "bad_answer: The site's sign-in page is not on the site."
    )
    assert await config(wwwroot="https://evil.example") == snapshot(
        "wrong_address: The site calls itself https://evil.example."
    )


async def test_an_address_of_the_site_that_is_none_of_it_counts_for_nothing() -> None:
    evil = "https://evil.example"
    assert await config(httpswwwroot=evil) == "/launch.php"
    assert "not on the site" in await config(httpswwwroot=evil, launchurl=f"{evil}/launch.php")
    assert "calls itself" in await config(wwwroot="http://[", launchurl="http://[/launch.php")
    assert len(await config(wwwroot=f"{evil}/{'a' * 100_000}")) < 1000


async def test_identity_providers_are_a_browser_sign_in_too() -> None:
    assert await config(typeoflogin=1) == snapshot(
        "moodle_error: The site does not offer signing in through the browser."
    )
    assert await config(typeoflogin=1, identityproviders=[{"name": "X"}]) == "/launch.php"


@pytest.mark.parametrize(
    "page",
    [
        "{url}/launch.php or https://evil.example",
        "{url}/\x1b]8;;https://evil.example",
        "{script}/%0aalert(1)",
    ],
)
async def test_the_sign_in_page_is_one_web_address(page: str) -> None:
    """Also where the site calls itself an address of another scheme, at the same host."""
    assert "not on the site" in await config(httpswwwroot="{script}", launchurl=page)
