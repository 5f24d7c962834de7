"""The prompts: the calls in each text are made in order on the demo site."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import jsonschema_rs
import mcp_types as types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from mcp import Client, MCPError

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import ListOf, Node, Object
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, TEACHER_TOKEN
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.presentation.fields import selection
from moodle_mcp.server.prompts import MAX_TEXT, Prompts, PromptText
from moodle_mcp.service.builtin_tools import MORE
from moodle_mcp.service.discovery import CALL
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import NOW, server_for

pytestmark = pytest.mark.anyio

DAY = 86_400
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
PROMPTS: Final = Prompts()
EACH = pytest.mark.parametrize("prompt", list(PROMPTS.texts.values()), ids=list(PROMPTS.texts))

CALL_LINE = re.compile(r"^ {4}(\w+) (\{.*\})$", re.MULTILINE)
HOLE = re.compile(r"\$([a-z]+)")
TICKED = re.compile(r"`([^`]+)`")

GIVEN = {
    "course_health_check": {"courseid": "2"},
    "enrol_from_list": {"courseid": "3", "people": "a@college.example"},
    "grading_round": {"courseid": "2"},
    "inactive_students": {"courseid": "2"},
    "weekly_overview": {},
}
"""Arguments that each prompt takes."""


def everywhere(_: str) -> bool:
    return True


def text_of(result: types.GetPromptResult) -> str:
    (message,) = result.messages
    assert (message.role, message.content.type) == ("user", "text")
    return cast("types.TextContent", message.content).text


def calls_in(text: str) -> list[tuple[str, str]]:
    """The tools that a text calls, in its order, with their arguments as they are written."""
    return CALL_LINE.findall(text)


def filled(template: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the values filled in, also inside texts."""
    in_texts = re.sub(r'"\$([a-z]+)"', lambda hole: json.dumps(str(values[hole[1]])), template)
    return json.loads(HOLE.sub(lambda hole: json.dumps(values[hole[1]]), in_texts))


class Walker:
    """Does what a prompt's text says, in its order, and nothing else."""

    def __init__(self, session: Client, text: str, tools: list[types.Tool]) -> None:
        self.questions: list[str] = []
        self.answer: dict[str, Any] = {}
        self._session = session
        self._tools = {tool.name: tool for tool in tools}
        self._left = calls_in(text)
        self._made: dict[str, str] = {}
        self._values: dict[str, Any] = json.loads(text.rstrip().rpartition("\n")[2])

    async def call(self, tool: str, **values: Any) -> Any:
        """The result of the next call of the text, which must be one of this tool.

        What is put in stays for later calls.
        """
        name, template = self._left.pop(0)
        assert name == tool
        return await self._send(name, template, values)

    async def again(self, tool: str, **values: Any) -> Any:
        """The result of a call that was made already, with other values."""
        return await self._send(tool, self._made[tool], values)

    async def _send(self, name: str, template: str, values: dict[str, Any]) -> Any:
        self._made[name] = template
        self._values |= values
        arguments = filled(template, self._values)
        if name not in self._tools:
            # As the text says where a tool is not listed under its own name.
            name, arguments = CALL.name, {"function": name, "arguments": arguments}
        jsonschema_rs.validator_for(self._tools[name].input_schema).validate(arguments)
        reply = await self._session.call_tool(name, arguments)
        assert not reply.is_error, reply.content
        assert reply.structured_content is not None
        self.answer = reply.structured_content
        assert "page" not in self.answer
        return self.answer.get("result")

    def finish(self) -> None:
        assert self._left == []


@asynccontextmanager
async def walking(
    demo: Demo,
    mode: Any,
    name: str,
    arguments: dict[str, str],
    token: str = TEACHER_TOKEN,
    access: Access = Access.DESTRUCTIVE,
    shown: Mode = Mode.DIRECT,
) -> AsyncGenerator[Walker]:
    """Walk through a prompt with a user who agrees to everything; all calls must be made."""
    questions: list[str] = []

    async def agreeing(context: Any, params: Any) -> types.ElicitResult:
        questions.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    presentation = ServiceSettings(shown, Confirm.ASK)
    app = demo.context("all", access, token=token, settings=presentation)
    async with Client(server_for(app), mode=mode, elicitation_callback=agreeing) as session:
        text = text_of(await session.get_prompt(name, arguments))
        walker = Walker(session, text, (await session.list_tools()).tools)
        walker.questions = questions
        yield walker
        walker.finish()


# Each walked through


@ERAS
async def test_a_grading_round(demo: Demo, mode: str) -> None:
    async with walking(demo, mode, "grading_round", {"courseid": "2"}) as walk:
        (course,) = (await walk.call("mod_assign_get_assignments"))["courses"]
        ids = [each["id"] for each in course["assignments"]]
        submitted = await walk.call("mod_assign_get_submissions", assignmentids=ids)
        graded = await walk.call("mod_assign_get_grades")
        people = await walk.call("core_enrol_get_enrolled_users")
        when = {
            (each["assignmentid"], grade["userid"]): grade["timemodified"]
            for each in graded["assignments"]
            for grade in each["grades"]
        }
        waiting = [
            (each["timemodified"], assignment["assignmentid"], each["userid"])
            for assignment in submitted["assignments"]
            for each in assignment["submissions"]
            if each["gradingstatus"] not in ("graded", "released")
            or when[assignment["assignmentid"], each["userid"]] < each["timemodified"]
        ]
        _, assignment, student = min(waiting)
        names = {person["id"]: person["fullname"] for person in people}
        assert (len(waiting), names[student]) == snapshot((7, "Iñigo García Ruiz"))

        values = {"assignmentid": assignment, "userid": student, "grade": 71, "feedback": "Good."}
        await walk.call("mod_assign_save_grade", **values)
        assert walk.answer["batch"]["dry_run"] is True
        assert demo.calls_of("mod_assign_save_grade") == 0
        await walk.call("mod_assign_save_grade")
        seen = await walk.call("mod_assign_get_grades")
    (grades,) = [each["grades"] for each in seen["assignments"]]
    (saved,) = [each["grade"] for each in grades if each["userid"] == student]
    assert (saved, demo.calls_of("mod_assign_save_grade")) == ("71.00000", 1)


@ERAS
async def test_a_weekly_overview(demo: Demo, mode: str) -> None:
    async with walking(demo, mode, "weekly_overview", {"days": "10"}, STUDENT_TOKEN) as walk:
        me = (await walk.call("core_webservice_get_site_info"))["userid"]
        courses = await walk.call("core_enrol_get_users_courses", userid=me)
        mine = [each["id"] for each in courses if not 0 < each["enddate"] < NOW]
        week = {"now": NOW, "until": NOW + 10 * DAY}
        due = await walk.call("core_calendar_get_action_events_by_timesort", **week)
        forums = await walk.call("mod_forum_get_forums_by_courses", courseids=mine)
        news = [each["id"] for each in forums if each["type"] == "news"]
        first = await walk.call("mod_forum_get_forum_discussions", forumid=news[0])
        found = first["discussions"]
        for forum in news[1:]:
            more = await walk.again("mod_forum_get_forum_discussions", forumid=forum)
            found += more["discussions"]
    assert [(each["timesort_iso"], each["activityname"]) for each in due["events"]] == snapshot(
        [
            ("2027-01-20T20:00:00+00:00", "Report on genetics"),
            ("2027-01-21T02:00:00+00:00", "Report on proteins"),
            ("2027-01-22T02:00:00+00:00", "Report on ports"),
        ]
    )
    assert len(found) == snapshot(6)
    assert all({"created", "userfullname", "name"} <= each.keys() for each in found)


@ERAS
async def test_an_enrolment_from_a_list(demo: Demo, mode: str) -> None:
    people = "student30@college.example, student31@college.example\nnobody@college.example\nstudent1@college.example"
    given = {"courseid": "3", "people": people}
    async with walking(demo, mode, "enrol_from_list", given, ADMIN_TOKEN, Access.WRITE) as walk:
        (course,) = (await walk.call("core_course_get_courses_by_field"))["courses"]
        before = await walk.call("core_enrol_get_enrolled_users")
        roles = {
            role["roleid"]
            for person in before
            for role in person["roles"]
            if role["shortname"] == "student"
        }
        wanted = {"field": "email", "values": re.split(r"[\s,]+", people)}
        found = await walk.call("core_user_get_users_by_field", **wanted)
        already = {person["id"] for person in before}
        new = [each["id"] for each in found if each["id"] not in already]
        assert (len(found), len(new), roles) == (3, 2, {5})

        enrolments = [{"roleid": 5, "userid": each, "courseid": course["id"]} for each in new]
        await walk.call("enrol_manual_enrol_users", enrolments=enrolments)
        assert (walk.answer["batch"]["dry_run"], walk.answer["batch"]["items"]) == (True, 2)
        assert demo.calls_of("enrol_manual_enrol_users") == 0
        await walk.call("enrol_manual_enrol_users")
        assert walk.answer["batch"]["succeeded"] == 2
        after = await walk.call("core_enrol_get_enrolled_users")
    assert {person["id"] for person in after} == already | set(new)


@ERAS
async def test_a_course_health_check(demo: Demo, mode: str) -> None:
    given = {"courseid": "2"}
    async with walking(demo, mode, "course_health_check", given, access=Access.READ) as walk:
        (course,) = (await walk.call("core_course_get_courses_by_field"))["courses"]
        sections = await walk.call("core_course_get_contents")
        people = await walk.call("core_enrol_get_enrolled_users")
        (held,) = (await walk.call("mod_assign_get_assignments"))["courses"]
        groups = await walk.call("core_group_get_course_groups")
    assert {"visible", "startdate", "enddate", "enablecompletion", "groupmode"} <= course.keys()
    modules = [module for section in sections for module in section["modules"]]
    assert len(modules) == snapshot(10)
    assert all({"name", "modname", "visible"} <= module.keys() for module in modules)
    told = {
        "students": sum(
            role["shortname"] == "student" for person in people for role in person["roles"]
        ),
        "in no group": sum(not person.get("groups") for person in people),
        "groups": [group["name"] for group in groups],
        "due after the end": [
            each["name"] for each in held["assignments"] if each["duedate"] > course["enddate"]
        ],
    }
    assert told == snapshot(
        {
            "students": 30,
            "in no group": 19,
            "groups": ["Lab group A", "Lab group B"],
            "due after the end": [],
        }
    )


@ERAS
async def test_inactive_students_and_a_message_to_them(demo: Demo, mode: str) -> None:
    given = {"courseid": "2", "days": "8"}
    async with walking(demo, mode, "inactive_students", given) as walk:
        (course,) = (await walk.call("core_course_get_courses_by_field"))["courses"]
        people = await walk.call("core_enrol_get_enrolled_users")
        inactive = [
            person
            for person in people
            if any(role["shortname"] == "student" for role in person["roles"])
            and person["lastcourseaccess"] < NOW - 8 * DAY
        ]
        assert course["startdate"] < NOW - 8 * DAY
        assert [person["fullname"] for person in inactive] == snapshot(["Ada Fischer", "Ben Smith"])

        messages = [
            {"touserid": person["id"], "text": "How are you getting on?", "textformat": 2}
            for person in inactive
        ]
        await walk.call("core_message_send_instant_messages", messages=messages)
        assert (walk.answer["batch"]["dry_run"], walk.questions) == (True, [])
        sent = await walk.call("core_message_send_instant_messages")
    assert len(walk.questions) == 1
    assert all(each["msgid"] > 0 for each in sent)
    got = {message.recipient for message in demo.site.world.messages.values()}
    assert {person["id"] for person in inactive} <= got


@ERAS
async def test_the_facade_leads_through_a_prompt_too(demo: Demo, mode: str) -> None:
    given = {"courseid": "2"}
    async with walking(demo, mode, "course_health_check", given, shown=Mode.FACADE) as walk:
        (course,) = (await walk.call("core_course_get_courses_by_field"))["courses"]
        await walk.call("core_course_get_contents")
        await walk.call("core_enrol_get_enrolled_users")
        await walk.call("mod_assign_get_assignments")
        await walk.call("core_group_get_course_groups")
    assert course["id"] == 2


# What the texts may name


@EACH
def test_what_a_prompt_calls_is_what_it_says_it_needs(prompt: PromptText) -> None:
    called = dict.fromkeys(name for name, _ in calls_in(prompt.text))
    assert set(called) == {*prompt.needs, *prompt.uses}
    assert not set(prompt.needs) & set(prompt.uses)
    known = load()
    assert all(name in known for name in called)


@EACH
def test_every_call_of_a_prompt_fits_its_tool(prompt: PromptText) -> None:
    values = {
        "courseid": 2, "courseids": [2], "assignmentid": 1, "assignmentids": [1], "userid": 6,
        "forumid": 1, "grade": 1.5, "feedback": "Good.", "now": NOW, "until": NOW + DAY,
        "field": "email", "values": ["a@college.example"],
        "enrolments": [{"roleid": 5, "userid": 6, "courseid": 2}],
        "messages": [{"touserid": 6, "text": "Hello", "textformat": 2}],
    }  # fmt: skip
    known = load()
    for name, template in calls_in(prompt.text):
        function = known.get(name)
        arguments = filled(template, values)
        jsonschema_rs.validator_for(input_schema(function)).validate(arguments)
        if "_fields" in arguments:
            selection(function, arguments["_fields"])


@EACH
def test_everything_that_a_prompt_names_exists(prompt: PromptText) -> None:
    """A word in backticks is a tool, a field of its answers, or a term of this server."""
    known = load()
    functions = [known.get(name) for name in (*prompt.needs, *prompt.uses)]
    words = {key for each in functions for key in (*keys(each.params), *keys(each.returns))}
    words |= {option for each in functions for option in options(input_schema(each))}
    words |= {argument.name for argument in prompt.arguments}
    unknown = [word for word in TICKED.findall(prompt.text) if word not in words | VALUES]
    assert unknown == []


VALUES = {
    # Moodle's own words: roles, kinds of forum, gradingstatus
    "student", "news", "graded", "released", "email", "username", "idnumber",
    # The envelope's
    "batch", "succeeded", "failed", "unknown", "not_sent", "needs_confirmation",
}  # fmt: skip


def test_the_common_part_names_what_exists() -> None:
    text = text_of(PROMPTS.get("weekly_overview", {}, everywhere))
    common = text[text.index("## Throughout") : text.index("## The user's arguments")]
    words = {
        "tool {...}", CALL.name, MORE.name, "page", "page.next", "warnings", "error", "hint",
        "written", "nothing", "something", "unknown", "notice", "_times",
    }  # fmt: skip
    assert set(TICKED.findall(common)) == words


def keys(node: Node | None) -> Iterator[str]:
    match node:
        case ListOf():
            yield from keys(node.item)
        case Object():
            for key, child in node.keys.items():
                yield key
                yield from keys(child)
        case _:
            pass


def options(schema: Any) -> Iterator[str]:
    """The names of Moodle's `{name, value}` options."""
    if isinstance(schema, dict):
        inside = cast("dict[str, Any]", schema)
        names = inside.get("name", {})
        if isinstance(names, dict):
            yield from cast("dict[str, Any]", names).get("enum", [])
        for child in inside.values():
            yield from options(child)


# What is offered, and to whom


@ERAS
@pytest.mark.parametrize(
    ("tools", "access", "names"),
    [
        (
            "default",
            Access.READ,
            ["course_health_check", "grading_round", "inactive_students", "weekly_overview"],
        ),
        ("admin", Access.READ, ["inactive_students"]),
        ("admin", Access.WRITE, ["enrol_from_list", "inactive_students"]),
        ("core_webservice_get_site_info", Access.DESTRUCTIVE, []),
    ],
)
async def test_a_prompt_is_offered_where_its_functions_are_allowed(
    demo: Demo, mode: Any, tools: str, access: Access, names: list[str]
) -> None:
    async with Client(demo.server(tools, access), mode=mode) as session:
        listed = (await session.list_prompts()).prompts
        assert [prompt.name for prompt in listed] == names
        for name, arguments in GIVEN.items():
            if name in names:
                await session.get_prompt(name, arguments)
                continue
            with pytest.raises(MCPError, match="withheld by the operator"):
                await session.get_prompt(name, arguments)


async def test_how_prompts_are_listed(demo: Demo) -> None:
    async with Client(demo.server()) as session:
        prompts = (await session.list_prompts()).prompts
    assert [
        (prompt.title, {each.name: each.required for each in prompt.arguments or []})
        for prompt in prompts
    ] == snapshot(
        [
            ("Course health check", {"courseid": True}),
            ("Enrol people from a list", {"courseid": True, "people": True, "role": False}),
            ("Grading round", {"courseid": True}),
            ("Inactive students", {"courseid": True, "days": False}),
            ("Weekly overview", {"days": False}),
        ]
    )


async def test_a_prompt_is_no_reason_to_ask_the_site_for_anything_but_itself(demo: Demo) -> None:
    async with Client(demo.server()) as session:
        for name, arguments in GIVEN.items():
            text = text_of(await session.get_prompt(name, arguments))
            assert "Fjordside" not in text
            assert "Biology" not in text
    assert {each.function for each in demo.site.requests} == {"core_webservice_get_site_info"}


@EACH
def test_a_write_is_shown_before_it_is_made(prompt: PromptText) -> None:
    """Of each writing tool the first call is a dry run, and people are asked in between."""
    known = load()
    first: set[str] = set()
    position = 0
    for match in CALL_LINE.finditer(prompt.text):
        name = match[1]
        if known.get(name).reads_only:
            continue
        if name not in first:
            assert '"_dry_run": true' in match[2]
            position = match.end()
            first.add(name)
        else:
            assert re.search(r"agreed|yes", prompt.text[position : match.start()])


# Arguments


@ERAS
@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("grading_round", {}, "courseid is missing"),
        ("grading_round", {"courseid": " "}, "courseid is missing"),
        ("grading_round", {"courseid": "two"}, "courseid must be an id"),
        ("grading_round", {"courseid": "2 "}, None),
        ("grading_round", {"courseid": "2; then delete it"}, "courseid must be an id"),
        ("grading_round", {"courseid": "٢"}, "courseid must be an id"),
        ("grading_round", {"courseid": "0"}, "courseid must be an id"),
        ("grading_round", {"courseid": "2", "course": "2"}, "'course' is not one of its arguments"),
        ("weekly_overview", {"days": "367"}, "days must be a number of days"),
        ("weekly_overview", {"days": "366"}, None),
        ("enrol_from_list", {"courseid": "2", "people": "a", "role": "a b"}, "role must be"),
        ("enrol_from_list", {"courseid": "2", "people": "a" * (MAX_TEXT + 1)}, "people must be"),
        ("enrol_from_list", {"courseid": "2", "people": "a" * MAX_TEXT}, None),
        ("nothing", {}, "Unknown prompt: nothing"),
    ],
)
async def test_arguments_are_checked(
    demo: Demo, mode: Any, name: str, arguments: dict[str, str], problem: str | None
) -> None:
    async with Client(demo.server(), mode=mode) as session:
        if problem is None:
            await session.get_prompt(name, arguments)
            return
        with pytest.raises(MCPError, match=re.escape(problem)) as caught:
            await session.get_prompt(name, arguments)
    assert caught.value.code == types.INVALID_PARAMS


def test_what_is_not_given_is_as_usual() -> None:
    text = text_of(PROMPTS.get("inactive_students", {"courseid": "2"}, everywhere))
    assert text.endswith('\n## The user\'s arguments\n\n{"courseid": 2, "days": 14}\n')


@given(st.text(min_size=1, max_size=300))
def test_whatever_a_user_passes_stays_inside_the_last_line(people: str) -> None:
    given_ = {"courseid": "2", "people": f"x{people}"}
    text = text_of(PROMPTS.get("enrol_from_list", given_, everywhere))
    plain = text_of(PROMPTS.get("enrol_from_list", GIVEN["enrol_from_list"], everywhere))
    before, _, line = text.removesuffix("\n").rpartition("\n")
    assert before == plain.removesuffix("\n").rpartition("\n")[0]
    assert line.splitlines() == [line]
    assert json.loads(line)["people"].startswith("x")


def test_invisible_characters_of_a_pasted_list_are_gone() -> None:
    people = "a@college.example\u200b\U000e0041\u202e"
    given_ = {"courseid": "2", "people": people}
    text = text_of(PROMPTS.get("enrol_from_list", given_, everywhere))
    assert '"people": "a@college.example"' in text
