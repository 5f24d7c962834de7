"""The authorization endpoint: what it refuses, and whom it tells."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.auth import attempts
from tests.support.hosted import (
    REDIRECT,
    HostedSite,
    agent_of,
    browsing,
    problem_of,
    query_of,
)

pytestmark = pytest.mark.anyio

UNKNOWN = (
    "The application that sent you here is unknown, or wants to continue at an address that is not "
    "its own. Nothing was passed on. Go back to the application, remove the connection and add it "
    "again."
)


async def test_a_good_request_leads_to_the_sign_in_page(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url())
        assert page.status_code == 200
        assert "Test agent wants to act for you" in page.text


@pytest.mark.parametrize(
    "redirect",
    [
        "https://evil.example/callback",
        "http://localhost/callback/more",
        "http://localhost/callback?more=1",
        "http://localhost.evil.example/callback",
        "http://localhost@evil.example/callback",
        "http://user@localhost/callback",
        "https://localhost/callback",
        "http://localhost/callback#fragment",
        "http://localhost/call%62ack",
        "//localhost/callback",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_sent_to_a_redirect_that_was_not_registered(
    site: HostedSite, redirect: str
) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.get(agent.authorize_url(redirect_uri=redirect))
        assert (page.status_code, problem_of(page)) == (400, UNKNOWN)


@pytest.mark.parametrize("port", ["1", "8080", "65535"])
async def test_a_program_on_this_machine_may_listen_on_any_port(
    site: HostedSite, port: str
) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        redirect = f"http://localhost:{port}/callback"
        page = await browser.sign_in(await browser.get(agent.authorize_url(redirect_uri=redirect)))
        answer = await browser.submit(page, decision="allow")
        assert answer.headers["location"].startswith(f"{redirect}?code=")


async def test_another_port_of_a_host_is_another_redirect(site: HostedSite) -> None:
    async with (
        agent_of(site, redirect="https://agent.example/callback") as agent,
        browsing(site) as browser,
    ):
        await agent.register()
        url = agent.authorize_url(redirect_uri="https://agent.example:8443/callback")
        assert problem_of(await browser.get(url)) == UNKNOWN


async def test_an_unknown_client_gets_nothing(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        for client in ("unknown", "mcr.00000000.AAAA", "https://127.0.0.1/client.json", ""):
            agent.client_id = client
            assert problem_of(await browser.get(agent.authorize_url())) == UNKNOWN


async def test_a_changed_registration_is_unknown(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        last = "A" if agent.client_id[-1] != "A" else "B"
        agent.client_id = agent.client_id[:-6] + last + agent.client_id[-5:]
        assert problem_of(await browser.get(agent.authorize_url())) == UNKNOWN


REFUSED = {
    "no PKCE": {"code_challenge": None},
    "no method, which means plain": {"code_challenge_method": None},
    "plain": {"code_challenge_method": "plain"},
    "short challenge": {"code_challenge": "abc"},
    "padded challenge": {"code_challenge": "A" * 43 + "="},
    "implicit flow": {"response_type": "token"},
    "no response type": {"response_type": None},
    "another resource": {"resource": "https://other.example/mcp"},
    "a resource like ours": {"resource": "http://127.0.0.1:1/mcp"},
    "scopes of others only": {"scope": "openid profile"},
    "long state": {"state": "s" * 2_001},
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=[*REFUSED])
async def test_a_wrong_request_is_refused_at_the_redirect_and_says_who_answers(
    site: HostedSite, changed: dict[str, str | None]
) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        answer = await agent.http.get(agent.authorize_url(**changed))
        assert answer.status_code == 302
        assert answer.headers["location"].startswith(f"{REDIRECT}?error=")
        given = query_of(answer.headers["location"])
        assert given["state"] == changed.get("state", "the state")
        assert given["iss"] == site.url
        assert "code" not in given


async def test_the_reasons_for_a_refusal(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        found: dict[str, str] = {}
        for name, changed in REFUSED.items():
            answer = await agent.http.get(agent.authorize_url(**changed))
            found[name] = query_of(answer.headers["location"])["error"]
    assert found == snapshot(
        {
            "no PKCE": "invalid_request",
            "no method, which means plain": "invalid_request",
            "plain": "invalid_request",
            "short challenge": "invalid_request",
            "padded challenge": "invalid_request",
            "implicit flow": "unsupported_response_type",
            "no response type": "unsupported_response_type",
            "another resource": "invalid_target",
            "a resource like ours": "invalid_target",
            "scopes of others only": "invalid_scope",
            "long state": "invalid_request",
        }
    )


async def test_a_parameter_given_twice_is_refused(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        url = agent.authorize_url()
        answer = await agent.http.get(f"{url}&scope=moodle:read")
        assert query_of(answer.headers["location"])["error"] == "invalid_request"
        page = await browser.get(f"{url}&redirect_uri=https://evil.example/")
        assert problem_of(page) == UNKNOWN
        page = await browser.get(f"{url}&client_id=other")
        assert problem_of(page) == UNKNOWN


async def test_each_of_two_resources_must_be_ours(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        answer = await agent.http.get(f"{agent.authorize_url()}&resource=https://other.example")
        assert query_of(answer.headers["location"])["error"] == "invalid_target"


async def test_what_the_operator_withholds_can_not_be_asked_for(site: HostedSite) -> None:
    """Scopes of others are ignored, and a scope without those below it brings them along."""
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        code = await agent.code(browser, scope="openid moodle:write")
        answer = (await agent.token(code)).json()
        assert answer["scope"] == "moodle:read moodle:write"


async def test_a_denial_is_told_to_the_client(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.sign_in(await browser.get(agent.authorize_url()))
        answer = await browser.submit(page, decision="deny")
        assert query_of(answer.headers["location"]) == {
            "error": "access_denied",
            "error_description": "the person declined",
            "state": "the state",
            "iss": site.url,
        }


async def test_a_client_that_posts_its_request_gets_the_same(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        url, _, query = agent.authorize_url().partition("?")
        form = query_of(f"?{query}")
        answer = await agent.http.post(url, data=form)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in/")


async def test_too_many_requests_from_an_address_are_refused(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        for _ in range(attempts.REQUESTS):
            await agent.http.get(agent.authorize_url(resource="other"))
        answer = await agent.http.get(agent.authorize_url())
        assert answer.status_code == 429


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uris": []}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://agent.example/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)//"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a@b.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://a.example/{n}" for n in range(11)]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/" + "a" * 500]}, "invalid_redirect_uri"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
    ],
)
async def test_a_registration_is_refused(
    site: HostedSite, changed: dict[str, object], error: str
) -> None:
    async with agent_of(site) as agent:
        answer = await agent.register(**changed)
        assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_registered_client_is_public_and_nothing_is_kept_of_it(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        answer = await agent.register(
            token_endpoint_auth_method="client_secret_post",
            client_name="A\u200bgent\n" + "x" * 200,
            scope="openid",
        )
        given = answer.json()
        assert given.pop("client_id").startswith("mcr.")
        assert given.pop("client_id_issued_at") > 0
        assert given == snapshot(
            {
                "response_types": ["code"],
                "client_name": "Agent xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "redirect_uris": ["http://localhost/callback"],
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "refresh_token"],
                "application_type": "native",
            }
        )


async def test_registrations_from_an_address_are_limited(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        statuses = [(await agent.register()).status_code for _ in range(attempts.REGISTRATIONS + 1)]
        assert statuses == [201] * attempts.REGISTRATIONS + [429]


async def test_an_application_with_a_scheme_of_its_own_gets_its_answer(site: HostedSite) -> None:
    redirect = "cursor://anysphere.cursor-retrieval/oauth/user-moodle/callback"
    async with agent_of(site, redirect=redirect) as agent, browsing(site) as browser:
        await agent.register()
        page = await browser.sign_in(await browser.get(agent.authorize_url()))
        assert "form-action 'self' cursor:" in page.headers["content-security-policy"]
        answer = await browser.submit(page, decision="allow")
        assert answer.headers["location"].startswith(f"{redirect}?code=")


async def test_a_body_that_is_too_long_is_not_read(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        for path in ("/authorize", "/token", "/register", "/revoke"):
            answer = await agent.http.post(f"{site.url}{path}", content=b"x" * 70_000)
            assert answer.status_code == 413


async def test_programs_in_browsers_may_use_the_endpoints_for_programs(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        asked = {"Origin": "https://inspector.example", "Access-Control-Request-Method": "POST"}
        allowed = {
            path: (await agent.http.options(f"{site.url}{path}", headers=asked)).headers.get(
                "access-control-allow-origin"
            )
            for path in ("/token", "/register", "/revoke", "/authorize", "/mcp")
        }
    assert allowed == {
        "/token": "*",
        "/register": "*",
        "/revoke": "*",
        "/authorize": None,
        "/mcp": None,
    }
