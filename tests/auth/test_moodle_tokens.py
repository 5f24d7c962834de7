"""Moodle's own tokens: refused ones, kept ones, and that nobody ever sees one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from moodle_mcp.auth.keys import new_keys, rotated, write_keys
from moodle_mcp.demo import DEMO_PASSWORD, InjectedFault
from tests.support.demo import Demo
from tests.support.hosted import (
    Browser,
    Clock,
    HostedSite,
    Person,
    agent_of,
    free_port,
    hosting,
    sdk_client,
)
from tests.support.hosted_users import User, envelope

pytestmark = pytest.mark.anyio

INFO = "core_webservice_get_site_info"
COURSES = "core_course_search_courses"
SEARCH = {"criterianame": "search", "criteriavalue": "bio"}
AGAIN = (
    "Moodle no longer accepts the sign-in of this user. The next request makes the client ask them "
    "to sign in again; then repeat what was not done."
)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def forget_tokens(site: HostedSite) -> None:
    """Moodle forgets the tokens that it has given out, as when they expire."""
    site.moodle.site.tokens.clear()


async def test_an_expired_token_makes_the_client_sign_in_again(site: HostedSite) -> None:
    person = Person("teacher1", [("moodle:write",)])
    async with sdk_client(site, person) as client:
        await client.call_tool(INFO, {})
        forget_tokens(site)
        refused = await client.call_tool(COURSES, SEARCH)
        assert refused.structured_content is not None
        error = refused.structured_content["error"]
        assert (error["kind"], error["hint"], error["written"]) == (
            "invalid_token",
            AGAIN,
            "nothing",
        )
        assert person.asked == 1
        result = await client.call_tool(COURSES, SEARCH)
        assert person.asked == 2
        assert result.structured_content is not None
        assert "result" in result.structured_content


async def test_a_suspended_person_loses_access_at_the_next_call(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens("teacher1")
        someone = User(agent, tokens["access_token"])
        assert "result" in await someone.call(INFO)
        site.moodle.site.switches.user_state["teacher1"] = "suspended"
        assert (await someone.call(COURSES, **SEARCH))["error"]["kind"] == "account_blocked"
        assert (await agent.call(someone.token)).status_code == 401
        assert (await agent.refresh(tokens["refresh_token"])).status_code == 400


@pytest.mark.parametrize("then", [None, 503])
async def test_a_grant_stays_if_only_one_answer_says_that_the_token_is_wrong(
    site: HostedSite, then: int | None
) -> None:
    """PHP that has dropped a body makes Moodle say so, though the token is right."""
    async with agent_of(site) as agent:
        someone = User(agent, (await agent.tokens())["access_token"])
        body = {"exception": "moodle_exception", "errorcode": "invalidtoken", "message": "x"}
        fault = InjectedFault.status(200, function=COURSES, body=json.dumps(body).encode())
        assert "result" in await someone.call(INFO)
        site.moodle.site.faults.append(fault)
        if then is not None:
            site.moodle.site.faults.append(InjectedFault.status(then, function=INFO))
        answer = await someone.call(COURSES, **SEARCH)
        assert answer["error"]["kind"] == "invalid_token"
        assert answer["error"]["hint"] != AGAIN
        assert "result" in await someone.call(COURSES, **SEARCH)


async def test_another_persons_grant_stays(site: HostedSite) -> None:
    async with agent_of(site) as first, agent_of(site) as second:
        teacher = User(first, (await first.tokens("teacher1"))["access_token"])
        student = User(second, (await second.tokens("student1"))["access_token"])
        site.moodle.site.switches.user_state["teacher1"] = "suspended"
        assert "error" in await teacher.call(INFO)
        assert "result" in await student.call(INFO)


async def test_grants_outlive_the_process_and_lie_there_encrypted(
    demo: Demo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keys, audit = tmp_path / "keys", tmp_path / "audit"
    write_keys(keys, new_keys(0))
    kept = {"store": str(tmp_path / "store"), "secret_key_file": keys, "audit": str(audit)}
    seen: list[str] = []
    with hosting(demo, **kept) as site:
        async with agent_of(site) as agent:
            tokens = await agent.tokens("teacher1")
            seen.append((await agent.call(tokens["access_token"])).text)
            fresh = (await agent.refresh(tokens["refresh_token"])).json()
            client_id = agent.client_id
    with hosting(demo, **kept) as site:
        async with agent_of(site, client_id=client_id) as agent:
            # It is another address now, which is another resource.
            grants = site.hosted.authorization.grants
            found = await grants.of_access(fresh["access_token"])
            assert found is not None
            assert grants.moodle_token(found.grant) in demo.site.tokens
    moodle_tokens = [*demo.site.tokens]
    secrets = [
        DEMO_PASSWORD,
        *moodle_tokens,
        *(tokens[name] for name in ("access_token", "refresh_token")),
        *(fresh[name] for name in ("access_token", "refresh_token")),
    ]
    files = files_in(tmp_path)
    assert {path.name for path in files} >= {"grants.sqlite", "passing.sqlite", "audit"}
    kept_bytes = b"".join(path.read_bytes() for path in files)
    logged = "".join(record.getMessage() for record in caplog.records)
    for secret in secrets:
        assert secret.encode() not in kept_bytes
        assert secret not in logged
        assert secret not in "".join(seen)
    assert not any(path.stat().st_mode & 0o077 for path in files)


async def test_the_audit_log_names_people_by_pseudonyms(demo: Demo, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    with hosting(demo, audit=str(audit)) as site:
        async with agent_of(site) as first, agent_of(site) as second:
            for agent, username in ((first, "teacher1"), (second, "student1"), (first, "teacher1")):
                envelope(await agent.call((await agent.tokens(username))["access_token"]))
        vault = site.hosted.authorization.provider.vault
        owners = [f"{demo.url} {_user_id(demo, name)}" for name in ("teacher1", "student1")]
        expected = [vault.pseudonym(owner) for owner in owners]
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [line["user"] for line in lines] == [*expected, expected[0]]
    assert len({line["grant"] for line in lines}) == 3
    assert not any(word in audit.read_text() for word in ("teacher1", "student1", demo.url))


def _user_id(demo: Demo, username: str) -> int:
    user = demo.site.world.user_named(username)
    assert user is not None
    return user.id


async def test_a_rotated_key_signs_nobody_out(demo: Demo, tmp_path: Path) -> None:
    keys, clock = tmp_path / "keys", Clock()
    first = new_keys(clock.now)
    write_keys(keys, first)
    kept = {"store": str(tmp_path / "store"), "secret_key_file": keys, "clock": clock}
    with hosting(demo, **kept) as site:
        async with agent_of(site) as agent:
            tokens = await agent.tokens()
            client_id = agent.client_id
    second = rotated(first, clock.now + 60)
    write_keys(keys, second)
    clock.now += 120
    with hosting(demo, **kept) as site:
        grants = site.hosted.authorization.grants
        found = await grants.of_access(tokens["access_token"])
        assert found is not None
        assert grants.moodle_token(found.grant) in demo.site.tokens
        assert await site.hosted.authorization.provider.get_client(client_id) is not None
        # A refresh seals it anew, and the old key can be forgotten.
        fresh = await grants.refresh(tokens["refresh_token"], ["moodle:read"])
        assert fresh is not None
    write_keys(keys, rotated(second, clock.now + 60, forget_before=clock.now))
    with hosting(demo, **kept) as site:
        grants = site.hosted.authorization.grants
        found = await grants.of_access(fresh.access_token)
        assert found is not None
        assert grants.moodle_token(found.grant) in demo.site.tokens


async def test_whose_key_was_forgotten_signs_in_again(demo: Demo, tmp_path: Path) -> None:
    keys, port = tmp_path / "keys", free_port()
    kept = {"store": str(tmp_path / "store"), "secret_key_file": keys, "port": port}
    write_keys(keys, new_keys(0))
    with hosting(demo, **kept) as site:
        async with agent_of(site) as agent:
            tokens = await agent.tokens()
    write_keys(keys, new_keys(0))
    with hosting(demo, **kept) as site:
        async with agent_of(site) as agent:
            assert (await agent.call(tokens["access_token"])).status_code == 401
            await agent.tokens()


async def test_a_browser_that_signs_in_leaves_no_password_in_any_answer(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        await agent.register()
        browser = Browser(site.url)
        pages = [await browser.get(agent.authorize_url())]
        pages.append(await browser.sign_in(pages[0], "teacher1", "Wrong-Password-9"))
        pages.append(await browser.sign_in(pages[-1]))
        pages.append(await browser.submit(pages[-1], decision="allow"))
        for page in pages:
            text = page.text + str(page.headers)
            assert "Wrong-Password-9" not in text
            assert DEMO_PASSWORD not in text
            assert not any(token in text for token in site.moodle.site.tokens)
        await browser.aclose()
