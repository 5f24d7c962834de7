"""Completion of course ids: from the user's courses or a search, cached for a short time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, MCPError

from moodle_mcp.demo import STUDENT_TOKEN, TEACHER_TOKEN, InjectedFault
from moodle_mcp.service import course_ids
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.course_ids import KEPT_SECONDS, MOST, CourseIds
from tests.support.demo import Demo
from tests.support.serving import server_for

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
PROMPT = types.PromptReference(name="grading_round")
TEMPLATE = types.ResourceTemplateReference(uri="moodle://course/{courseid}/contents")
OWN = "core_enrol_get_users_courses"
SEARCH = "core_course_search_courses"


async def suggested(
    session: Client,
    typed: str,
    ref: types.PromptReference | types.ResourceTemplateReference = PROMPT,
    argument: str = "courseid",
) -> list[str]:
    result = await session.complete(ref, {"name": argument, "value": typed})
    return result.completion.values


@ERAS
@pytest.mark.parametrize("ref", [PROMPT, TEMPLATE])
async def test_own_courses_by_digits_and_by_words(demo: Demo, mode: Any, ref: Any) -> None:
    async with Client(demo.server(token=TEACHER_TOKEN), mode=mode) as session:
        every = await suggested(session, "", ref)
        one = await suggested(session, "1", ref)
        words = await suggested(session, "INTRODUCTION bio", ref)
    teacher = demo.site.world.user_named("teacher1")
    assert teacher is not None
    own = [str(each.course) for each in demo.site.world.enrolments_of(teacher.id)]
    assert sorted(every) == sorted(own)
    # The ids that begin so, then the courses whose names have it: BIO101, MAT101 and the like.
    assert one[0] == "12"
    assert set(one[1:]) == {"2", "3", "4", "5", "6"}
    assert words == ["2"]


@ERAS
async def test_who_has_no_course_gets_what_a_search_finds(demo: Demo, mode: Any) -> None:
    async with Client(demo.server(), mode=mode) as session:
        assert await suggested(session, "biology") == ["2", "3"]
        assert await suggested(session, "zzz") == []


async def test_a_hidden_course_is_not_suggested_to_a_student(demo: Demo) -> None:
    async with Client(demo.server(token=STUDENT_TOKEN)) as session:
        assert await suggested(session, "regulations") == []


async def test_each_key_costs_one_request_at_most_and_none_if_it_was_asked(demo: Demo) -> None:
    async with Client(demo.server()) as session:
        await suggested(session, "bio")
        assert (demo.calls_of(OWN), demo.calls_of(SEARCH)) == (1, 1)
        await suggested(session, "biol")
        assert (demo.calls_of(OWN), demo.calls_of(SEARCH)) == (1, 2)
        await suggested(session, " BIO ")
        assert (demo.calls_of(OWN), demo.calls_of(SEARCH)) == (1, 2)


async def test_one_letter_does_not_search_the_site(demo: Demo) -> None:
    async with Client(demo.server()) as session:
        assert await suggested(session, "b") == []
    assert demo.calls_of(SEARCH) == 0


@pytest.mark.parametrize(
    ("tools", "calls"),
    [(f"all,-{OWN}", (0, 1)), (f"all,-{SEARCH}", (1, 0)), (f"all,-{OWN},-{SEARCH}", (0, 0))],
)
async def test_withheld_functions_are_not_called(
    demo: Demo, tools: str, calls: tuple[int, int]
) -> None:
    async with Client(demo.server(tools, token=STUDENT_TOKEN)) as session:
        await suggested(session, "silk road")
    assert (demo.calls_of(OWN), demo.calls_of(SEARCH)) == calls


async def test_a_site_that_does_not_answer_suggests_nothing(demo: Demo) -> None:
    demo.site.switches.web_services = False
    async with Client(demo.server()) as session:
        assert await suggested(session, "bio") == []


async def test_other_arguments_have_no_suggestions(demo: Demo) -> None:
    async with Client(demo.server()) as session:
        enrol = types.PromptReference(name="enrol_from_list")
        assert await suggested(session, "biology", enrol, "people") == []
    assert (demo.calls_of(OWN), demo.calls_of(SEARCH)) == (0, 0)


@ERAS
@pytest.mark.parametrize(
    "ref",
    [
        types.PromptReference(name="nothing"),
        types.ResourceTemplateReference(uri="moodle://nothing/{courseid}"),
        types.ResourceTemplateReference(uri="moodle://me/deadlines"),
    ],
)
async def test_what_is_unknown_is_an_error(demo: Demo, mode: Any, ref: Any) -> None:
    async with Client(demo.server(), mode=mode) as session:
        with pytest.raises(MCPError, match="Unknown"):
            await suggested(session, "bio", ref)


async def test_what_was_looked_up_is_in_the_record(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    app = demo.context(audit=Audit(str(path)))
    async with Client(server_for(app)) as session:
        await suggested(session, "bio")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(each["function"], each["outcome"]) for each in lines] == [
        (OWN, "done"),
        (SEARCH, "done"),
    ]
    assert "bio" not in path.read_text(encoding="utf-8")


class Courses:
    """Answers as Moodle does for a user with that many courses, and counts the requests."""

    def __init__(self, count: int) -> None:
        self.asked = 0
        self._courses = [
            {"id": number, "fullname": f"R&amp;D {number}"} for number in range(1, count + 1)
        ]

    async def __call__(self, function: str, arguments: Mapping[str, Any]) -> Any:
        self.asked += 1
        return self._courses if function == OWN else {"total": 0, "courses": []}


async def test_more_than_a_hundred_are_counted_and_not_sent() -> None:
    found = await CourseIds().complete("", 7, Courses(250))
    assert (len(found.values), found.total) == (MOST, 250)


async def test_the_id_itself_comes_before_those_that_begin_with_it() -> None:
    found = await CourseIds().complete("11", 7, Courses(120))
    assert found.values[:3] == ["11", "110", "111"]


async def test_a_name_is_compared_as_it_is_read() -> None:
    assert (await CourseIds().complete("r&d", 7, Courses(1))).values == ["1"]


async def test_what_was_found_is_asked_for_again_after_a_minute() -> None:
    now, courses = 0.0, Courses(1)
    ids = CourseIds(lambda: now)
    await ids.complete("", 7, courses)
    now = KEPT_SECONDS - 1
    await ids.complete("1", 7, courses)
    assert courses.asked == 1
    now = KEPT_SECONDS + 1
    await ids.complete("1", 7, courses)
    assert courses.asked == 2


async def test_what_could_not_be_asked_is_asked_again() -> None:
    courses = Courses(1)
    answers: list[Any] = [None, [], courses]

    async def read(function: str, arguments: Mapping[str, Any]) -> Any:
        answer = answers.pop(0)
        return await answer(function, arguments) if isinstance(answer, Courses) else answer

    ids = CourseIds()
    assert (await ids.complete("r&d", 7, read)).values == []
    assert (await ids.complete("r&d", 7, read)).values == ["1"]


async def test_nobody_waits_long_for_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(function: str, arguments: Mapping[str, Any]) -> Any:
        await anyio.sleep_forever()

    monkeypatch.setattr(course_ids, "PATIENCE", 0)
    assert (await CourseIds().complete("bio", 7, read)).values == []


@given(st.text(max_size=20), st.integers(0, 300))
async def test_whatever_is_typed_at_most_a_hundred_ids_come_back(typed: str, count: int) -> None:
    found = await CourseIds().complete(typed, 7, Courses(count))
    assert len(found.values) == len(set(found.values)) <= MOST
    assert all(1 <= int(value) <= count for value in found.values)
    assert found.total >= len(found.values)


async def test_a_course_without_an_id_is_not_suggested(demo: Demo) -> None:
    answer = json.dumps({"total": 2, "courses": [{"fullname": "x"}, {"id": 7, "fullname": "x"}]})
    demo.site.faults.append(InjectedFault.answer(answer.encode(), function=SEARCH))
    async with Client(demo.server()) as session:
        assert await suggested(session, "xylophone") == ["7"]
