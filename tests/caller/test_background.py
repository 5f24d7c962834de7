"""Large arguments and answers are processed in a thread, not on the event loop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller import caller as caller_module
from moodle_mcp.caller import executor as run_module
from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.loading import load
from moodle_mcp.demo import InjectedFault
from moodle_mcp.jsontree import most_values
from moodle_mcp.site import session as client_module
from moodle_mcp.site.session import SiteSession
from tests.support.demo import Demo
from tests.support.serving import connection

pytestmark = pytest.mark.anyio

READ = load().get("core_user_get_users_by_field")
STEPS = ("check", "plan", "decode", "fit")


def watch(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Record for each step whether it ran in another thread."""
    seen: dict[str, bool] = {}
    here = threading.get_ident()

    def watched(name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            seen[name] = threading.get_ident() != here
            return inner(*args, **kwargs)

        return step

    for name, owner, attribute in (
        ("check", ArgumentChecker, "check"),
        ("plan", caller_module, "make_plan"),
        ("decode", client_module, "decode"),
        ("fit", Caller, "_coerce"),
    ):
        monkeypatch.setattr(owner, attribute, watched(name, getattr(owner, attribute)))
    return seen


@pytest.mark.parametrize(
    ("ids", "texts", "background"),
    [(1, 1, set[str]()), (3_000, 1, {"check", "plan"}), (1, 200_000, {"decode", "fit"})],
    ids=["small", "large arguments", "large answer"],
)
async def test_large_work_is_done_in_the_background(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, ids: int, texts: int, background: set[str]
) -> None:
    seen = watch(monkeypatch)
    body = json.dumps([{"id": 2, "description": "x" * texts}]).encode()
    demo.site.faults.extend(InjectedFault.answer(body, function=READ.name) for _ in range(ids))
    site = SiteSession(connection(demo.url))
    arguments = {"field": "id", "values": [str(each) for each in range(ids)]}
    outcome = await Caller(site).call(READ, arguments)
    await site.aclose()
    assert outcome.fault is None
    assert seen == {step: step in background for step in STEPS}


async def test_a_run_ends_when_its_answers_become_too_large_together(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "_MAX_ANSWERED", 20)
    site = SiteSession(connection(demo.url))
    arguments = {"field": "id", "values": [str(each) for each in range(2, 5_000)]}
    outcome = await Caller(site).call(READ, arguments)
    await site.aclose()
    assert outcome.fault is not None
    assert outcome.fault.kind.code == "too_large"
    assert outcome.batch is not None
    assert outcome.batch["not_sent"][0][1] == 4_997
    assert outcome.fault.hint == snapshot(
        "Items in `not_sent` (first and last index of each run) were not sent. Pass fewer items in one call."
    )


async def test_the_request_whose_answer_is_too_much_is_the_last_one(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two answers are as large as allowed, so a third request is sent, and no fourth."""
    body = b'[{"id":2}]'
    monkeypatch.setattr(run_module, "_MAX_ANSWERED", 2 * most_values(body))
    demo.site.faults.extend([InjectedFault.answer(body, function=READ.name)] * 4)
    site = SiteSession(connection(demo.url))
    # Five values fit into eight form fields.
    settings = CallSettings(Limits(fields=8), reads=1)
    arguments = {"field": "id", "values": [str(each) for each in range(20)]}
    outcome = await Caller(site, settings).call(READ, arguments)
    await site.aclose()
    assert outcome.batch == snapshot(
        {
            "items": 20,
            "requests": 3,
            "succeeded": 15,
            "failed": [],
            "unknown": [],
            "not_sent": [[15, 19]],
        }
    )
