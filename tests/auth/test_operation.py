"""What operators look at: health, metrics, logs."""

from __future__ import annotations

import io
import json
import logging
import re
import sys

import pytest

from moodle_mcp.logs import start_logging
from tests.support.demo import Demo
from tests.support.hosted import HostedSite, agent_of, hosting

pytestmark = pytest.mark.anyio


async def test_a_process_says_that_it_lives_and_is_ready(site: HostedSite) -> None:
    async with agent_of(site) as agent:
        for path in ("/healthz", "/readyz"):
            answer = await agent.http.get(f"{site.url}{path}")
            assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_metrics_count_calls_and_name_nobody(demo: Demo) -> None:
    with hosting(demo, metrics_from="127.0.0.0/8") as site:
        async with agent_of(site) as agent:
            token = (await agent.tokens("teacher1"))["access_token"]
            await agent.call(token)
            await agent.call(token, "core_course_search_courses", nonsense=1)
            text = (await agent.http.get(f"{site.url}/metrics")).text
    counts = dict(re.findall(r"^(moodle_mcp_(?:calls_total|users).*) (\S+)$", text, re.M))
    assert counts == {
        'moodle_mcp_calls_total{function="core_webservice_get_site_info",kind="ok"}': "1.0",
        'moodle_mcp_calls_total{function="core_course_search_courses",'
        'kind="invalid_arguments"}': "1.0",
        "moodle_mcp_users": "1.0",
    }
    assert "moodle_mcp_call_seconds_count 2.0" in text
    assert "teacher1" not in text


async def test_metrics_are_for_those_who_may_read_them(demo: Demo, site: HostedSite) -> None:
    async with agent_of(site) as agent:
        assert (await agent.http.get(f"{site.url}/metrics")).status_code == 404
    with hosting(demo, metrics_from="192.0.2.0/24") as other:
        async with agent_of(other) as agent:
            assert (await agent.http.get(f"{other.url}/metrics")).status_code == 404


TOKENS = {
    "0123456789abcdef0123456789abcdef": "0123456789abcdef",
    "mma_" + "0a" * 48: "0a0a",
    "mmr_" + "0a" * 48: "0a0a",
    "mmc_" + "0a" * 32: "0a0a",
    "moodlemobile://token=" + "QUJD" * 20 + "==": "QUJD",
    "mcr.0a0a0a0a." + "Ab-_" * 20: "Ab-_",
}
"""Secrets, and a part of each."""


@pytest.mark.usefixtures("own_log")
@pytest.mark.parametrize(("secret", "part"), TOKENS.items())
@pytest.mark.parametrize("as_json", [False, True])
def test_whatever_looks_like_a_token_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, secret: str, part: str, as_json: bool
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    start_logging("debug", None, as_json=as_json)
    failure = ValueError(secret)
    loud = secret.upper()
    logging.getLogger("moodle_mcp.x").error("seen: %s and %s", secret, loud, exc_info=failure)
    written = stream.getvalue()
    assert part not in written
    assert part.upper() not in written
    assert "seen: " in written
    if as_json:
        entry = json.loads(written)
        assert set(entry) == {"time", "level", "logger", "message"}
        assert (entry["level"], entry["logger"]) == ("error", "moodle_mcp.x")
