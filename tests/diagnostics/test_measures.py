"""Measurements: form fields that arrive, clock difference, round trip."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import RELEASES
from moodle_mcp.demo import ADMIN_TOKEN, DemoSite, InjectedFault, serving
from moodle_mcp.diagnostics.facts import Facts, FieldLimit, Greeting, field_limit
from moodle_mcp.diagnostics.gaps import Wanted
from moodle_mcp.diagnostics.lines import Line
from moodle_mcp.diagnostics.probe import observe
from moodle_mcp.diagnostics.verdicts import judge
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import REST, RESTFUL
from tests.support.demo import Demo
from tests.support.serving import policy

MOST_REQUESTS = 25


async def line_of(demo: Demo, step: str, *, max_fields: int = 900) -> Line:
    site = demo.client()
    try:
        wanted = Wanted("default", policy("default"), max_fields)
        lines = judge(await observe(site), wanted)
    finally:
        await site.aclose()
    return next(line for line in lines if line.step == step)


@given(limit=st.integers(2, 19_999))
async def test_the_exact_number_of_fields_is_found_with_few_requests(limit: int) -> None:
    asked: list[int] = []

    async def arrives(fields: int) -> bool:
        asked.append(fields)
        return fields <= limit

    assert await field_limit(arrives) == FieldLimit(limit, exact=True)
    assert len(asked) <= MOST_REQUESTS


@given(limit=st.integers(20_000, 10**9))
async def test_beyond_what_is_tried_it_is_at_least_that(limit: int) -> None:
    async def arrives(fields: int) -> bool:
        return fields <= limit

    assert await field_limit(arrives) == FieldLimit(20_000, exact=False)


@given(limit=st.integers(1_000, 19_999), lost=st.integers(1_001, 20_000))
async def test_where_a_request_is_refused_it_is_at_least_what_had_arrived(
    limit: int, lost: int
) -> None:
    async def arrives(fields: int) -> bool | None:
        return None if fields >= lost else fields <= limit

    found = await field_limit(arrives)
    assert found is not None
    assert found.fields <= limit
    assert not found.exact or found.fields == limit


async def test_where_nothing_can_be_told_nothing_is_claimed() -> None:
    async def arrives(_: int) -> None:
        return None

    assert await field_limit(arrives) is None


@pytest.mark.parametrize("limit", [600, 1000, 1234, 5000])
async def test_the_sites_limit_is_measured_without_running_a_function(
    demo: Demo, limit: int
) -> None:
    demo.site.switches.max_input_vars = limit
    site = demo.client()
    facts = await observe(site)
    await site.aclose()
    assert isinstance(facts.found, Greeting)
    assert facts.found.fields == FieldLimit(limit, exact=True)
    large = [each.function for each in demo.site.requests if each.fields_sent > 10]
    assert set(large) == {"moodle_mcp_no_such"}


async def test_more_fields_than_arrive_are_a_failure_with_the_number_to_set(demo: Demo) -> None:
    demo.site.switches.max_input_vars = 500
    line = await line_of(demo, "form fields")
    assert line.verdict == "failed"
    assert "MOODLE_MCP_MAX_FIELDS=450" in line.todo


async def test_fewer_fields_than_arrive_are_right_and_the_safe_number_is_told(demo: Demo) -> None:
    demo.site.switches.max_input_vars = 5000
    line = await line_of(demo, "form fields")
    assert line.verdict == "ok"
    assert "MOODLE_MCP_MAX_FIELDS=4500" in line.todo


async def test_the_usual_limit_needs_nothing(demo: Demo) -> None:
    line = await line_of(demo, "form fields")
    assert (line.verdict, line.todo) == ("ok", "")


async def test_what_a_firewall_refuses_leaves_the_limit_open(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.status(413, function="moodle_mcp_no_such"))
    line = await line_of(demo, "form fields")
    assert line.verdict == "skipped"


@pytest.mark.parametrize("demo", [RESTFUL], indirect=True)
async def test_over_restful_nothing_is_measured(demo: Demo) -> None:
    line = await line_of(demo, "form fields")
    assert (line.verdict, line.found) == ("ok", "not limited over RESTful")
    assert all(each.fields_sent < 10 for each in demo.site.requests)


async def test_a_clock_that_is_wrong_is_a_warning(demo: Demo) -> None:
    demo.site.world.now = int(time.time()) - 3600
    line = await line_of(demo, "clock")
    assert line.verdict == "warning"
    assert "behind this machine" in line.found


async def test_a_clock_that_is_right_is_none(demo: Demo) -> None:
    demo.site.world.now = int(time.time())
    assert (await line_of(demo, "clock")).verdict == "ok"


async def test_three_round_trips_are_measured(demo: Demo) -> None:
    assert "the median of 3" in (await line_of(demo, "round trip")).found


@pytest.mark.parametrize("step", ["downloads", "uploads"])
async def test_a_right_that_the_service_lacks_is_named_with_its_place(
    demo: Demo, step: str
) -> None:
    setattr(demo.site.switches, step, False)
    line = await line_of(demo, step)
    assert line.verdict == "warning"
    assert f"Can {step[:-1]} files" in line.todo


@pytest.mark.parametrize("demo", [RESTFUL], indirect=True)
async def test_downloads_are_told_over_restful_too(demo: Demo) -> None:
    demo.site.switches.downloads = False
    assert (await line_of(demo, "downloads")).verdict == "warning"


@pytest.mark.parametrize("release", RELEASES)
async def test_a_release_of_the_catalogue_is_right(release: str) -> None:
    site = DemoSite(release=release)
    with serving(site.app) as url:
        line = await line_of(Demo(site, url), "release")
    assert line.verdict == "ok"
    assert f"catalogue of {release}" in line.found


@pytest.mark.parametrize(
    ("release", "public"),
    [
        ("5.0.6+ (Build: 20260608)", "Moodle 5.0.6+ (Build: 20260608), catalogue of 4.5 to 5.1"),
        ("4.4 of Example school", "Moodle 4.4, catalogue of 4.1 to 4.5"),
        ("3.11.2 (Build: 20210729)", "Moodle 3.11.2 (Build: 20210729), catalogue of 4.1: too old"),
        ("3.9 of Example school", "Moodle 3.9, catalogue of 4.1: too old"),
        ("99.0", "Moodle 99.0, catalogue of 5.1"),
        ("Example school's own", "Moodle of unknown release, catalogue of 4.5"),
    ],
)
def test_another_release_is_a_warning_and_only_its_number_is_public(
    release: str, public: str
) -> None:
    line = release_line(release, frozenset({"core_a"}))
    assert (line.verdict, line.public) == ("warning", public)


def test_a_site_that_is_too_old_is_told_what_still_works() -> None:
    here = frozenset({"core_course_get_courses", "enrol_manual_enrol_users", "core_old_function"})
    assert release_line("3.9.2 (Build: 20200914)", here).todo == snapshot(
        "This server is made for Moodle 4.1 and newer: upgrade the site. 2 of the site's 3 functions are used as Moodle 4.1 declares them. A call works if the site takes its parameters; else the site refuses the whole call as invalidparameter and writes nothing: leave out optional parameters. What is newer than the site is not offered."
    )


def test_a_release_between_two_is_told_what_is_marked() -> None:
    assert release_line("4.3", frozenset()).todo == snapshot(
        "Parameters that only one of these two releases has are marked, because the site may refuse them. MOODLE_MCP_CATALOGUE takes the site's own functions: `moodle-mcp admin-script catalogue`."
    )


def release_line(release: str, functions: frozenset[str]) -> Line:
    """Return what is said of a release."""
    info = SiteInfo(
        "School", "https://m.example", 5, "theo", "Theo T", release, functions,
        may_download=True, may_upload=True,
    )  # fmt: skip
    facts = Facts("https://m.example", REST, 0, Greeting(info))
    lines = judge(facts, Wanted("default", policy("default")))
    (line,) = [line for line in lines if line.step == "release"]
    return line


async def test_nothing_is_written_and_no_secret_is_in_an_address(demo: Demo) -> None:
    await line_of(demo, "functions")
    functions = {each.function for each in demo.site.requests}
    assert functions == {
        None,
        "core_webservice_get_site_info",
        "core_course_get_contents",
        "moodle_mcp_no_such",
    }
    assert all(ADMIN_TOKEN not in each.path + each.query for each in demo.site.requests)


@pytest.mark.parametrize(("days", "verdict"), [(13, "warning"), (15, "ok")])
def test_a_certificate_that_ends_soon_is_a_warning(days: int, verdict: str) -> None:
    info = SiteInfo(
        "School", "https://m.example", 5, "theo", "Theo T", "4.5.6", frozenset({"core_a"}),
        may_download=True, may_upload=True,
    )  # fmt: skip
    facts = Facts("https://m.example", REST, 0, Greeting(info, certificate_end=days * 86_400.0))
    lines = judge(facts, Wanted("default", policy("default")))
    assert [line.verdict for line in lines if line.step == "TLS"] == [verdict]
