"""Functions of profiles and of the allowlist that the token's service lacks."""

from __future__ import annotations

from typing import Any

from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.site_file import SiteFunction
from moodle_mcp.catalogue.site_overrides import SiteOverrides
from moodle_mcp.diagnostics.gaps import Wanted, gaps
from moodle_mcp.diagnostics.lines import Line
from moodle_mcp.policy.allowlist import PROFILES, profile
from moodle_mcp.site.info import SiteInfo
from tests.support.serving import policy


def info(functions: frozenset[str] | None) -> SiteInfo:
    return SiteInfo(
        "School", "https://m.example", 5, "theo", "Theo T", "4.5.6 (Build: 20250811)",
        functions, may_download=True, may_upload=True,
    )  # fmt: skip


def lines(tools: str, functions: frozenset[str] | None, access: Access = Access.READ) -> list[Line]:
    return gaps(Wanted(tools, policy(tools, access)), info(functions))


PLUGIN: dict[str, Any] = {
    "component": "local_school",
    "params": {"kind": "object", "presence": "required", "keys": {}},
}
SMALL = frozenset({"core_webservice_get_site_info", "core_course_get_courses"})


def test_a_named_profile_is_a_warning_with_the_functions_and_their_capabilities() -> None:
    service = profile("teacher") - {"mod_quiz_get_attempt_review", "core_course_get_contents"}
    assert lines("teacher", service) == snapshot(
        [
            Line(
                step="profile teacher",
                verdict="warning",
                found="49 of 51 functions; missing: core_course_get_contents, mod_quiz_get_attempt_review",
                todo="An administrator adds the missing ones under Site administration > Server > Web services > External services > (the token's service) > Functions > Add functions; or all at once, on the Moodle host, with the program that `moodle-mcp admin-script provision` prints: php provision.php --moodle=FOLDER --user=NAME --profile=teacher. The user's roles need mod/quiz:reviewmyattempts, moodle/course:update, moodle/course:viewhiddencourses (Site administration > Users > Permissions > Define roles); provision.php with --dry-run lists the missing ones.",
                public="49 of 51 functions; missing: core_course_get_contents, mod_quiz_get_attempt_review",
                missing=("core_course_get_contents", "mod_quiz_get_attempt_review"),
                capabilities=(
                    "mod/quiz:reviewmyattempts",
                    "moodle/course:update",
                    "moodle/course:viewhiddencourses",
                ),
            ),
            Line(
                step="functions",
                verdict="ok",
                found="49 exposed as tools",
                public="49 exposed as tools",
            ),
        ]
    )


def test_without_a_named_profile_all_six_are_shown_and_none_is_a_warning() -> None:
    shown = lines("core_course_get_courses", SMALL)
    assert [line.step for line in shown] == [*(f"profile {name}" for name in PROFILES), "functions"]
    assert {line.verdict for line in shown} == {"ok"}


def test_only_what_the_access_allows_is_counted() -> None:
    service = frozenset({"core_course_get_contents"})
    read = lines("teacher", service)[0].missing
    everything = lines("teacher", service, Access.DESTRUCTIVE)[0].missing
    assert set(read) < set(everything)


def test_an_excluded_function_is_not_missed() -> None:
    service = profile("teacher") - {"core_course_get_contents"}
    assert lines("teacher,-core_course_get_contents", service)[0].missing == ()


def test_a_function_that_is_named_beside_the_profiles_is_named_once() -> None:
    service = profile("teacher") - {"core_course_get_contents"}
    told = lines("teacher,core_badges_get_user_badges", service)
    assert [(line.step, line.verdict, line.missing) for line in told] == snapshot(
        [
            ("profile teacher", "warning", ("core_course_get_contents",)),
            ("functions", "warning", ("core_badges_get_user_badges",)),
        ]
    )


def test_nothing_exposed_is_a_failure() -> None:
    assert lines("core_course_get_contents", SMALL)[-1].verdict == "failed"


def test_over_restful_no_profile_is_judged() -> None:
    assert [line.step for line in lines("teacher", None)] == ["functions"]


def test_a_plugins_function_is_counted_and_not_named_in_public() -> None:
    known = SiteOverrides({"local_school_get_a": SiteFunction.model_validate(PLUGIN)})
    tools = "core_course_get_courses,local_school_get_a"
    wanted = Wanted(tools, policy(tools, Access.DESTRUCTIVE), overrides=known)
    line = gaps(wanted, info(SMALL))[-1]
    assert line.missing == ("local_school_get_a",)
    assert "local_school" not in line.public
    assert "1 of plugins" in line.public
