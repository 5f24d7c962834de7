"""Codes and tokens: single use, rotation, revocation, audience."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from moodle_mcp.auth.grants import GRANTS
from moodle_mcp.store.base import Key
from tests.support.demo import Demo
from tests.support.hosted import Agent, Clock, HostedSite, agent_of, browsing, hosting

pytestmark = pytest.mark.anyio


async def works(agent: Agent, token: str) -> bool:
    """Whether an access token is accepted."""
    status = (await agent.call(token)).status_code
    assert status in (200, 401)
    return status == 200


async def test_a_code_is_valid_once_and_its_second_use_ends_the_grant(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        code = await agent.code(browser)
        tokens = (await agent.token(code)).json()
        assert await works(agent, tokens["access_token"])
        again = await agent.token(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert not await works(agent, tokens["access_token"])
        assert (await agent.refresh(tokens["refresh_token"])).status_code == 400


async def test_of_many_who_use_a_code_at_once_at_most_one_gets_tokens(site: HostedSite) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        code = await agent.code(browser)
        statuses: list[int] = []

        async def use() -> None:
            statuses.append((await agent.token(code)).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(use)
        assert statuses.count(200) <= 1
        assert statuses.count(400) >= 9


WRONG: dict[str, dict[str, str | None]] = {
    "no verifier": {"code_verifier": None},
    "wrong verifier": {"code_verifier": "w" * 43},
    "short verifier": {"code_verifier": "w"},
    "another redirect": {"redirect_uri": "http://localhost/other"},
    "another port": {"redirect_uri": "http://localhost:1/callback"},
    "no redirect": {"redirect_uri": None},
    "another resource": {"resource": "https://other.example/mcp"},
    "unknown client": {"client_id": "unknown"},
    "no client": {"client_id": None},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=[*WRONG])
async def test_a_wrong_exchange_gets_nothing(
    site: HostedSite, changed: dict[str, str | None]
) -> None:
    async with agent_of(site) as agent, browsing(site) as browser:
        await agent.register()
        answer = await agent.token(await agent.code(browser), **changed)
        assert answer.status_code in (400, 401)
        assert "access_token" not in answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_another_clients_code_is_of_no_use(site: HostedSite) -> None:
    async with agent_of(site) as agent, agent_of(site) as other, browsing(site) as browser:
        await agent.register()
        await other.register(client_name="Other")
        code = await agent.code(browser)
        answer = await other.token(code, code_verifier=agent.verifier)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_code_is_valid_for_a_minute(demo: Demo) -> None:
    clock = Clock()
    with hosting(demo, clock=clock) as site:
        async with agent_of(site) as agent, browsing(site) as browser:
            await agent.register()
            code = await agent.code(browser)
            clock.now += 61
            assert (await agent.token(code)).json()["error"] == "invalid_grant"


async def test_a_refresh_replaces_the_refresh_token(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        fresh = (await agent.refresh(tokens["refresh_token"])).json()
        assert fresh["refresh_token"] != tokens["refresh_token"]
        assert fresh["scope"] == tokens["scope"]
        assert await works(agent, fresh["access_token"])
        # Requests that are under way with the old one are still accepted.
        assert await works(agent, tokens["access_token"])


async def test_a_refresh_token_that_is_used_again_ends_the_grant(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        fresh = (await agent.refresh(tokens["refresh_token"])).json()
        again = await agent.refresh(tokens["refresh_token"])
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        for dead in (tokens["access_token"], fresh["access_token"]):
            assert not await works(agent, dead)
        assert (await agent.refresh(fresh["refresh_token"])).status_code == 400


async def test_of_many_who_refresh_at_once_at_most_one_succeeds(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        statuses: list[int] = []

        async def use() -> None:
            statuses.append((await agent.refresh(tokens["refresh_token"])).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(use)
        assert statuses.count(200) <= 1


async def test_a_refresh_may_ask_for_less_and_not_for_more(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens(scopes=("moodle:write",))
        more = await agent.refresh(tokens["refresh_token"], scope="moodle:destructive")
        assert more.json()["error"] == "invalid_scope"
        less = (await agent.refresh(tokens["refresh_token"], scope="moodle:read")).json()
        assert less["scope"] == "moodle:read"
        refused = await agent.call(
            less["access_token"],
            "enrol_manual_enrol_users",
            enrolments=[{"roleid": 5, "userid": 20, "courseid": 3}],
        )
        assert refused.status_code == 403


async def test_a_refresh_for_another_resource_is_refused(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        answer = await agent.refresh(tokens["refresh_token"], resource="https://other.example/")
        assert answer.json()["error"] == "invalid_target"
        # Nothing was used up.
        assert (await agent.refresh(tokens["refresh_token"])).status_code == 200


async def test_another_clients_refresh_token_is_of_no_use(site: HostedSite) -> None:
    async with agent_of(site) as agent, agent_of(site) as other:
        tokens = await agent.tokens()
        await other.register(client_name="Other")
        assert (await other.refresh(tokens["refresh_token"])).status_code == 400
        assert (await agent.refresh(tokens["refresh_token"])).status_code == 200


async def test_tokens_end_with_their_time(demo: Demo) -> None:
    clock = Clock()
    with hosting(demo, clock=clock) as site:
        async with agent_of(site) as agent:
            tokens = await agent.tokens()
            clock.now += 3599
            assert await works(agent, tokens["access_token"])
            clock.now += 2
            assert not await works(agent, tokens["access_token"])
            clock.now += 30 * 86_400 - 3700
            tokens = (await agent.refresh(tokens["refresh_token"])).json()
            assert await works(agent, tokens["access_token"])
            clock.now += 30 * 86_400 + 1
            assert (await agent.refresh(tokens["refresh_token"])).status_code == 400


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_revoking_a_token_ends_the_grant_at_once(site: HostedSite, which: str) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        assert (await agent.revoke(tokens[which])).status_code == 200
        assert not await works(agent, tokens["access_token"])
        assert (await agent.refresh(tokens["refresh_token"])).status_code == 400
        # As the standard wants, an unknown token is no error.
        assert (await agent.revoke(tokens[which])).status_code == 200


async def test_a_client_can_not_revoke_anothers_token(site: HostedSite) -> None:
    async with agent_of(site) as agent, agent_of(site) as other:
        tokens = await agent.tokens()
        await other.register(client_name="Other")
        assert (await other.revoke(tokens["access_token"])).status_code == 200
        assert (await other.revoke(tokens["refresh_token"])).status_code == 200
        assert await works(agent, tokens["access_token"])


def changed(token: str) -> list[str]:
    """Tokens that are nearly right."""
    other = "0" if token[-1] != "0" else "1"
    return [
        token[:-1] + other,
        token[:-1],
        token + "0",
        token.upper(),
        token.replace("mma_", "mmr_"),
        "mma_" + token[4:36] + "0" * 64,
        "null",
        "é" * 10,
    ]


async def test_a_token_that_is_not_exactly_right_is_refused(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        for wrong in [*changed(tokens["access_token"]), tokens["refresh_token"]]:
            given = wrong.encode("utf-8").decode("latin-1")
            answer = await agent.http.post(
                site.mcp,
                headers={"Authorization": f"Bearer {given}".encode("latin-1")},  # type: ignore[dict-item]
            )
            assert answer.status_code == 401, wrong


async def test_a_token_in_the_address_is_not_looked_at(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens()
        answer = await agent.http.post(f"{site.mcp}?access_token={tokens['access_token']}")
        assert answer.status_code == 401


async def test_tokens_of_another_server_are_not_ours(demo: Demo) -> None:
    """The audience: two servers with one store, as after a change of the public address."""
    with hosting(demo) as first, hosting(demo) as second:
        async with agent_of(first) as agent:
            tokens = await agent.tokens()
            moved = Agent(second)
            kept = first.hosted.authorization.provider.grants
            found = await kept.of_access(tokens["access_token"])
            assert found is not None
            there: Any = second.hosted.authorization.provider.grants
            await there._store.put(Key(found.grant.id, GRANTS, "grant"), found.packed)
            assert await there.of_access(tokens["access_token"]) is not None
            assert not await works(moved, tokens["access_token"])
            await moved.aclose()


async def test_the_challenges(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        tokens = await agent.tokens(scopes=())
        without = await agent.call(None)
        wrong = await agent.call("wrong")
        delete = await agent.call(
            tokens["access_token"], "core_course_delete_courses", courseids=[3]
        )
        facade = await agent.call(
            tokens["access_token"],
            "call_function",
            function="core_course_delete_courses",
            arguments={"courseids": [3]},
        )
    about = f'resource_metadata="{site.url}/.well-known/oauth-protected-resource/mcp"'
    every = 'scope="moodle:read moodle:write moodle:destructive"'
    assert without.status_code == 401
    assert without.headers["www-authenticate"] == f"Bearer {every}, {about}"
    assert wrong.headers["www-authenticate"] == (
        'Bearer error="invalid_token", error_description="The token is not valid.", '
        f"{every}, {about}"
    )
    for more in (delete, facade):
        assert more.status_code == 403
        assert more.headers["www-authenticate"] == (
            'Bearer error="insufficient_scope", '
            'error_description="The call needs moodle:destructive.", '
            f"{every}, {about}"
        )
