"""The pages, as a browser without scripts sees them."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from inline_snapshot import snapshot
from starlette.responses import Response

from moodle_mcp.auth import attempts
from moodle_mcp.auth.cookies import Cookies
from moodle_mcp.auth.pages import rendering
from moodle_mcp.auth.pages.consent import DOUBLE_CLICK
from moodle_mcp.demo import DEMO_PASSWORD, STUDENT_TOKEN
from tests.support.demo import Demo
from tests.support.hosted import (
    Browser,
    Clock,
    HostedSite,
    agent_of,
    browsing,
    csrf_of,
    hosting,
    problem_of,
    query_of,
)
from tests.support.sign_in import sign_in_link

pytestmark = pytest.mark.anyio

WRONG = "The user name or the password is wrong, or there were too many attempts."
GONE = (
    "This sign-in is over, or it was started in another browser. Go back to the application and "
    "connect again."
)
OTHER = "This form was not sent from its page. Go back, load the page again, and try once more."
TEXTS = Path(rendering.__file__).parent / "texts"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("teacher1", "Guessed-1"),
        ("nobody", "Guessed-1"),
        ("nobody", DEMO_PASSWORD),
        ("", DEMO_PASSWORD),
        ("teacher1", ""),
        ("teacher1", "x" * 1_001),
    ],
)
async def test_a_wrong_sign_in_does_not_say_whether_the_account_exists(
    site: HostedSite, username: str, password: str
) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        page = await browser.sign_in(page, username, password)
        assert (page.status_code, problem_of(page)) == (400, WRONG)
        assert not password or password not in page.text
        # The same page can be used again.
        page = await browser.sign_in(page)
        assert "May Test agent act for you in Moodle?" in page.text


async def test_an_account_is_locked_after_some_wrong_passwords(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        for username in ("teacher1", "nobody"):
            found: list[str] = []
            for spelling in (username, username.upper(), f" {username} "):
                for _ in range(attempts.ACCOUNT // 3 + 1):
                    page = await browser.sign_in(page, spelling, "wrong")
                    found.append(problem_of(page))
            locked = "There were too many attempts. Wait ten minutes, then try again."
            assert found[attempts.ACCOUNT - 1 :] == [
                WRONG,
                *[locked] * (len(found) - attempts.ACCOUNT),
            ]
        # The right password too, or else it would say which one is right.
        page = await browser.sign_in(page)
        assert (page.status_code, problem_of(page)) == (429, locked)
        asked = [each for each in site.moodle.site.requests if each.path == "/login/token.php"]
        assert len(asked) == 2 * attempts.ACCOUNT


async def test_a_right_password_forgets_the_wrong_ones(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        for _ in range(3):
            page = await browser.get(agent.authorize_url())
            for _ in range(attempts.ACCOUNT - 1):
                page = await browser.sign_in(page, "teacher1", "wrong")
            page = await browser.sign_in(page)
            assert page.url.path.startswith("/consent/")


async def test_sign_ins_from_an_address_are_limited(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        for number in range(attempts.ADDRESS):
            page = await browser.sign_in(page, f"user{number}", "wrong")
            assert page.status_code == 400
        page = await browser.sign_in(page, "student1")
        assert page.status_code == 429


async def test_a_site_that_does_not_answer_is_named(site: HostedSite) -> None:
    site.moodle.site.switches.maintenance_page = True
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.sign_in(await browser.get(agent.authorize_url()))
        assert page.status_code == 400
        assert "maintenance" in problem_of(page)


async def test_a_page_belongs_to_the_browser_that_began(site: HostedSite) -> None:
    """Whoever is sent to the consent page of somebody else's sign-in gets nothing."""
    async with agent_of(site) as agent, browsing(site) as browser, browsing(site) as other:
        await agent.register()
        page = await browser.sign_in(await browser.get(agent.authorize_url()))
        consent = str(page.url)
        sign_in = consent.replace("/consent/", "/sign-in/")
        for url in (consent, sign_in, f"{sign_in}/link"):
            assert problem_of(await other.get(url)) == GONE
            form = {"csrf": csrf_of(page), "decision": "allow"}
            assert problem_of(await other.post(url, form)) == GONE
        # With a cookie of their own it is the same.
        await other.get(agent.authorize_url())
        assert problem_of(await other.post(consent, form)) == GONE


@pytest.mark.parametrize("csrf", ["", "0" * 64, None])
async def test_a_form_from_elsewhere_does_nothing(site: HostedSite, csrf: str | None) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.sign_in(await browser.get(agent.authorize_url()))
        given = {} if csrf is None else {"csrf": csrf}
        answer = await browser.post(str(page.url), {"decision": "allow", **given})
        assert (answer.status_code, problem_of(answer)) == (403, OTHER)
        cross = await browser.http.post(
            str(page.url),
            data={"decision": "allow", "csrf": csrf_of(page)},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert cross.status_code == 403
        # The page itself still works.
        answer = await browser.submit(page, decision="allow")
        assert "code" in query_of(answer.headers["location"])


async def test_another_sign_ins_form_does_nothing(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        first = await browser.sign_in(await browser.get(agent.authorize_url()))
        second = await browser.sign_in(await browser.get(agent.authorize_url()))
        form = {"decision": "allow", "csrf": csrf_of(first)}
        assert problem_of(await browser.post(str(second.url), form)) == OTHER


async def test_pages_work_when_they_are_loaded_twice(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        again = await browser.get(str(page.url))
        assert csrf_of(page) == csrf_of(again)
        consent = await browser.sign_in(page)
        await browser.get(str(consent.url))
        # Back to the sign-in page, which was left open, and on again as somebody else.
        consent = await browser.sign_in(again, "student1")
        assert "May Test agent act for you" in consent.text
        answer = await browser.submit(consent, decision="allow")
        tokens = (await agent.token(query_of(answer.headers["location"])["code"])).json()
        info = (await agent.call(tokens["access_token"])).text
        assert "student1" in info


async def test_a_second_click_gets_the_first_ones_answer(demo: Demo) -> None:
    clock = Clock()
    with hosting(demo, clock=clock) as site:
        async with agent_of(site) as agent, browsing(site) as browser:
            await agent.register()
            page = await browser.sign_in(await browser.get(agent.authorize_url()))
            first = await browser.submit(page, decision="allow")
            second = await browser.submit(page, decision="deny")
            assert first.headers["location"] == second.headers["location"]
            clock.now += DOUBLE_CLICK + 1
            late = await browser.submit(page, decision="allow")
            assert "You have answered this already." in late.text
            assert "location" not in late.headers
            shown = await browser.get(str(page.url))
            assert "You have answered this already." in shown.text
            assert "<form" not in shown.text
            code = query_of(first.headers["location"])["code"]
            assert (await agent.token(code)).status_code == 200


async def test_consent_is_asked_every_time(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        for _ in range(3):
            page = await browser.get(agent.authorize_url())
            assert page.url.path.startswith("/sign-in/")
            page = await browser.sign_in(page)
            assert page.url.path.startswith("/consent/")
            await browser.submit(page, decision="allow")


async def test_nobody_gets_to_the_consent_page_without_signing_in(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        consent = str(page.url).replace("/sign-in/", "/consent/")
        assert (await browser.get(consent)).url.path.startswith("/sign-in/")
        answer = await browser.post(consent, {"csrf": csrf_of(page), "decision": "allow"})
        assert answer.url.path.startswith("/sign-in/")


async def test_what_is_ticked_is_granted_and_no_more(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        asked = {
            (): "moodle:read",
            ("moodle:write",): "moodle:read moodle:write",
            ("moodle:write", "moodle:destructive"): "moodle:read moodle:write moodle:destructive",
            # Deleting without changing makes no sense.
            ("moodle:destructive",): "moodle:read",
            ("moodle:admin", "openid"): "moodle:read",
        }
        for ticked, granted in asked.items():
            code = await agent.code(browser, scopes=ticked)
            answer = (await agent.token(code)).json()
            assert answer["scope"] == f"{granted} offline_access"
        # Nor what was not asked for.
        code = await agent.code(
            browser, scopes=("moodle:write", "moodle:destructive"), scope="moodle:read"
        )
        assert (await agent.token(code)).json()["scope"] == "moodle:read"


class Page(HTMLParser):
    """What a screen reader or a keyboard finds in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language: str | None = None
        self.headings: list[str] = []
        self.labels: set[str | None] = set()
        self.unnamed: list[str | None] = []
        self.scripts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._in_label = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "html":
            self.language = given["lang"]
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag == "label":
            self.labels.add(given.get("for"))
            self._in_label = True
        is_named = given.get("id") in self.labels or self._in_label
        if tag == "input" and given.get("type") != "hidden" and not is_named:
            self.unnamed.append(given.get("name"))
        if tag in ("script", "style") or any(name.startswith("on") for name in given):
            self.scripts.append(tag)
        if "style" in given:
            self.scripts.append(f"style of {tag}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label = False


async def every_page(site: HostedSite, browser: Browser) -> dict[str, str]:
    """The text of each page, after its headers were looked at."""
    async with agent_of(site) as agent:
        await agent.register()
        sign_in = await browser.get(agent.authorize_url())
        wrong = await browser.sign_in(sign_in, "teacher1", "wrong")
        link = await browser.get(f"{sign_in.url}/link")
        consent = await browser.sign_in(sign_in)
        await browser.submit(consent, decision="allow")
        answered = await browser.get(str(consent.url))
        unknown = await browser.get(agent.authorize_url(client_id="unknown"))
        await agent.tokens()
        first = await browser.get("/connections")
        connections = await browser.sign_in(first)
        ended = await browser.post("/connections", {"csrf": csrf_of(connections), "sign_out": "1"})
    pages = {
        "sign-in": sign_in,
        "wrong": wrong,
        "link": link,
        "consent": consent,
        "answered": answered,
        "unknown": unknown,
        "connections": connections,
        "signed out": ended,
    }
    for name, page in pages.items():
        policy = page.headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            "form-action 'self'"
        ), name
        assert page.headers["cache-control"] == "no-store", name
        assert page.headers["x-frame-options"] == "DENY", name
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert page.headers["referrer-policy"] == "same-origin", name
    return {name: page.text for name, page in pages.items()}


@pytest.mark.parametrize("language", ["en", "de"])
async def test_each_page_can_be_used_without_a_mouse_and_without_eyes(
    site: HostedSite, language: str
) -> None:
    async with browsing(site) as browser:
        browser.http.headers["Accept-Language"] = f"fr;q=0.9, {language}-AT;q=0.8"
        for name, text in (await every_page(site, browser)).items():
            page = Page(text)
            assert page.language == language, name
            assert page.headings[:1] == ["h1"], name
            assert page.headings.count("h1") == 1, name
            assert page.unnamed == [], name
            assert page.scripts == [], name
            assert "\u200b" not in text


def test_each_language_has_all_texts_with_the_same_gaps() -> None:
    texts = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in TEXTS.glob("*.toml")}
    gaps = {
        language: {key: sorted(set(re.findall(r"\{\w+\}", text))) for key, text in table.items()}
        for language, table in texts.items()
    }
    assert set(gaps) == {"en", "de"}
    assert gaps["de"] == gaps["en"]


async def test_what_a_client_calls_itself_is_text(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register(client_name="<b>{t}</b>\u202e{{ 7 * 7 }}")
        page = await browser.get(agent.authorize_url())
        assert "&lt;b&gt;{t}&lt;/b&gt;{{ 7 * 7 }} wants to act" in page.text


async def test_the_cookie_is_for_this_host_and_no_script(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        answer = await agent.http.get(agent.authorize_url())
        cookie = answer.headers["set-cookie"]
        assert re.sub("=[^;]{43};", "=...;", cookie, count=1) == snapshot(
            "moodle-mcp=...; HttpOnly; Max-Age=900; Path=/; SameSite=lax"
        )


async def test_over_https_the_cookie_is_secure() -> None:
    response, cookies = Response(), Cookies(is_secure=True)
    cookies.set(response, cookies.new())
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-moodle-mcp=")
    assert "; Secure" in cookie
    assert "Domain" not in cookie


async def pasted(
    browser: Browser, site: HostedSite, token: str, wwwroot: str | None = None
) -> tuple[httpx2.Response, str, str]:
    """Open the page for the link; return it, Moodle's page, and the link that Moodle would make."""
    async with agent_of(site) as agent:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        page = await browser.get(f"{page.url}/link")
        found = re.search(r'<a href="([^"]+launch\.php[^"]+)"', page.text)
        assert found is not None
        moodle_page = found[1].replace("&amp;", "&")
        link = sign_in_link(moodle_page, wwwroot or site.moodle.url, token)
        return page, moodle_page, link


async def test_the_link_of_moodles_own_page_signs_in(site: HostedSite) -> None:
    async with browsing(site) as browser:
        page, moodle_page, link = await pasted(browser, site, STUDENT_TOKEN)
        assert parse_qs(urlsplit(moodle_page).query)["service"] == ["all"]
        # The page is the same when it is loaded again.
        again = await browser.get(str(page.url))
        assert moodle_page.replace("&", "&amp;") in again.text
        consent = await browser.submit(again, link=link)
        assert consent.url.path.startswith("/consent/")
        assert STUDENT_TOKEN not in consent.text


async def test_a_link_of_another_sign_in_or_another_site_is_refused(site: HostedSite) -> None:
    async with browsing(site) as browser:
        _, _, other = await pasted(browser, site, STUDENT_TOKEN)
        page, _, forged = await pasted(browser, site, STUDENT_TOKEN, "https://evil.example")
        for link in (other, forged, "moodlemobile://token=", "x", ""):
            answer = await browser.submit(page, link=link)
            assert answer.status_code == 400
            assert problem_of(answer).startswith("This is not the address from this sign-in.")
            assert STUDENT_TOKEN not in answer.text


async def test_a_site_without_a_page_of_its_own_says_so(site: HostedSite) -> None:
    site.moodle.site.switches.browser_login = False
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        page = await browser.get(f"{page.url}/link")
        assert problem_of(page) == "The site does not offer signing in through the browser."


async def test_people_see_and_end_their_own_connections(site: HostedSite) -> None:
    async with agent_of(site) as agent, agent_of(site) as other, browsing(site) as browser:
        mine = await agent.tokens("teacher1")
        await other.register(client_name="Agent of a student")
        theirs = await other.tokens("student1")
        page = await browser.sign_in(await browser.get("/connections"), "teacher1")
        assert re.findall("<h2>(.*)</h2>", page.text) == ["Test agent"]
        assert "read and change" in page.text
        found = site.hosted.authorization.provider.grants
        grants = [
            kept.grant.id
            for kept in [
                await found.of_access(mine["access_token"]),
                await found.of_access(theirs["access_token"]),
            ]
            if kept is not None
        ]
        for grant in reversed(grants):
            await browser.post("/connections", {"csrf": csrf_of(page), "end": grant})
        assert (await agent.call(mine["access_token"])).status_code == 401
        assert (await other.call(theirs["access_token"])).status_code == 200
        page = await browser.get("/connections")
        assert "No application is connected." in page.text
        assert (await browser.post("/connections", {"end": grants[1]})).status_code == 403


async def test_signing_in_for_the_connections_takes_a_new_cookie(site: HostedSite) -> None:
    async with browsing(site) as browser:
        page = await browser.get("/connections")
        before = browser.http.cookies["moodle-mcp"]
        page = await browser.sign_in(page)
        after = browser.http.cookies["moodle-mcp"]
        assert before != after
        browser.http.cookies.clear()
        browser.http.cookies.set("moodle-mcp", before)
        assert (await browser.get("/connections")).url.path.startswith("/sign-in/")


async def test_signing_out_forgets_the_browser(site: HostedSite) -> None:
    async with browsing(site) as browser:
        page = await browser.sign_in(await browser.get("/connections"))
        await browser.post("/connections", {"csrf": csrf_of(page), "sign_out": "1"})
        assert (await browser.get("/connections")).url.path.startswith("/sign-in/")
