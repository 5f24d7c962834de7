"""The pages in a real browser, and the whole flow with the SDK's client in front of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx2
import pytest
from axe_core_python.selenium import Axe  # pyright: ignore[reportMissingTypeStubs]
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from pydantic import AnyUrl
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from moodle_mcp.demo import DEMO_PASSWORD, serving
from tests.support.chromium import chromium, needs_chromium
from tests.support.hosted import HostedSite, Tokens, agent_of

pytestmark = [pytest.mark.anyio, needs_chromium]

PICTURES = os.environ.get("PICTURES")
"""A folder for pictures of the pages, to be looked at."""


@dataclass
class Callback:
    """The client's own web server, to which the browser comes back."""

    url: str = ""
    answers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def get(self, request: Request) -> Response:
        self.answers.append(dict(request.query_params))
        return PlainTextResponse("You can close this window.")


@pytest.fixture
def callback() -> Iterator[Callback]:
    found = Callback()
    with serving(Starlette(routes=[Route("/callback", found.get)])) as url:
        found.url = f"{url}/callback"
        yield found


def press(driver: Chrome, selector: str) -> None:
    """Press a button or link with the keyboard, and wait for the next page."""
    button = driver.find_element(By.CSS_SELECTOR, selector)
    page = driver.find_element(By.TAG_NAME, "html")
    button.send_keys(Keys.ENTER)
    WebDriverWait(driver, 30).until(lambda _: is_gone(page))


def is_gone(element: WebElement) -> bool:
    """Whether the page of an element was left.

    On a busy machine Chromium says so with another error than a stale reference.
    """
    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


def sign_in(driver: Chrome, username: str, password: str = DEMO_PASSWORD) -> None:
    driver.find_element(By.ID, "username").clear()
    driver.find_element(By.ID, "username").send_keys(username)
    driver.find_element(By.ID, "password").send_keys(password)
    press(driver, "main button")


def tick(driver: Chrome, scope: str) -> None:
    driver.find_element(By.CSS_SELECTOR, f'input[value="{scope}"]').send_keys(Keys.SPACE)


def is_ticked(driver: Chrome, scope: str) -> bool:
    return driver.find_element(By.CSS_SELECTOR, f'input[value="{scope}"]').is_selected()


@dataclass
class Visitor:
    """Somebody at a real browser."""

    driver: Chrome
    callback: Callback
    tick: bool = False
    visits: int = 0

    async def visit(self, url: str) -> None:
        self.visits += 1
        await anyio.to_thread.run_sync(self._visit, url)

    def _visit(self, url: str) -> None:
        driver = self.driver
        driver.get(url)
        sign_in(driver, "admin", "wrong")
        assert "password is wrong" in driver.find_element(By.ID, "problem").text
        sign_in(driver, "admin")
        driver.back()
        driver.forward()
        driver.refresh()
        assert "May Real client act for you" in driver.find_element(By.TAG_NAME, "h1").text
        assert is_ticked(driver, "moodle:write")
        assert not is_ticked(driver, "moodle:destructive")
        if self.tick:
            tick(driver, "moodle:destructive")
        press(driver, 'button[value="allow"]')
        assert "You can close this window." in driver.page_source

    async def answered(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult(**self.callback.answers[-1])


def quiet(driver: Chrome) -> list[Any]:
    """What the browser complained about, other than refused sign-ins and a missing icon."""
    log: list[dict[str, Any]] = driver.get_log("browser")  # type: ignore[no-untyped-call]
    known = re.compile(r"favicon|status of 40[03]")
    return [each["message"] for each in log if not known.search(each["message"])]


async def test_a_person_connects_steps_up_and_ends_the_grant(
    site: HostedSite, callback: Callback
) -> None:
    with chromium() as driver:
        visitor = Visitor(driver, callback)
        auth = OAuthClientProvider(
            site.mcp,
            OAuthClientMetadata(client_name="Real client", redirect_uris=[AnyUrl(callback.url)]),
            Tokens(),
            redirect_handler=visitor.visit,
            callback_handler=visitor.answered,
        )
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(site.mcp, http_client=http)) as client,
        ):
            result = await client.call_tool("core_webservice_get_site_info", {})
            assert result.structured_content is not None
            assert result.structured_content["result"]["username"] == "admin"
            visitor.tick = True
            asked = await client.call_tool("core_course_delete_courses", {"courseids": [3]})
            assert asked.structured_content is not None
            assert asked.structured_content["error"]["kind"] == "needs_confirmation"
            assert visitor.visits == 2
            await anyio.to_thread.run_sync(end_all, driver, site)
            await client.call_tool("core_webservice_get_site_info", {})
            assert visitor.visits == 3
        assert quiet(driver) == []


def end_all(driver: Chrome, site: HostedSite) -> None:
    driver.get(f"{site.url}/connections")
    sign_in(driver, "admin")
    while ends := driver.find_elements(By.NAME, "end"):
        assert ends[0].accessible_name == "End the connection of Real client"
        press(driver, 'button[name="end"]')
    assert "No application is connected." in driver.page_source


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [800, 320])
async def test_no_page_has_a_barrier(site: HostedSite, width: int, dark: bool) -> None:
    name = f"{width}-{'dark' if dark else 'light'}"
    async with agent_of(site) as agent:
        await agent.register(client_name="An assistant with quite a long name, made by somebody")
        url = agent.authorize_url()
        unknown = agent.authorize_url(client_id="unknown")
        await agent.tokens()

    def look() -> dict[str, Any]:
        with chromium(width=width, dark=dark) as driver:
            found: dict[str, Any] = {}

            def page(title: str) -> None:
                axe: Any = Axe()
                results: Any = axe.run(driver)
                found[title] = [
                    (each["id"], [node["html"] for node in each["nodes"]])
                    for each in results["violations"]
                ]
                wide = driver.execute_script(  # pyright: ignore[reportUnknownMemberType]
                    "return document.documentElement.scrollWidth > window.innerWidth"
                )
                if wide:
                    found[title].append("wider than the window")
                if PICTURES:
                    (Path(PICTURES) / f"{title}-{name}.png").write_bytes(
                        driver.get_screenshot_as_png()
                    )

            driver.get(url)
            page("sign-in")
            press(driver, 'a[href$="/link"]')
            page("link")
            driver.back()
            sign_in(driver, "teacher1", "wrong")
            page("wrong")
            sign_in(driver, "teacher1")
            page("consent")
            driver.get(f"{site.url}/connections")
            sign_in(driver, "teacher1")
            page("connections")
            press(driver, 'button[name="sign_out"]')
            page("signed-out")
            driver.get(unknown)
            page("error")
            found["log"] = quiet(driver)
            return found

    found = await anyio.to_thread.run_sync(look)
    assert len(found) == 8
    assert {title: barriers for title, barriers in found.items() if barriers} == {}
