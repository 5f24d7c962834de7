"""Destructive calls: nothing is sent until a person has agreed to exactly this call."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import anyio
import mcp_types as types
import pytest
from inline_snapshot import snapshot
from mcp import Client, MCPError

from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.server import elicitation
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import server_for
from tests.support.stdio import serving_stdio

pytestmark = pytest.mark.anyio

DELETE = "core_course_delete_courses"
TWO = {"courseids": [2, 3]}
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


class Person:
    """The user of a client, who answers the server's elicitations."""

    def __init__(self, action: str, content: dict[str, Any] | None = None) -> None:
        self.questions: list[str] = []
        self._result = types.ElicitResult.model_validate({"action": action, "content": content})

    async def __call__(self, context: Any, params: Any) -> types.ElicitResult:
        self.questions.append(params.message)
        return self._result


def agreeing() -> Person:
    return Person("accept", {"confirm": True})


def client(demo: Demo, mode: Any, person: Person | None, way: Confirm = Confirm.ASK) -> Client:
    app = demo.context(settings=ServiceSettings(Mode.DIRECT, way))
    return Client(server_for(app), mode=mode, elicitation_callback=person)


def error(result: types.CallToolResult) -> dict[str, Any]:
    assert result.is_error
    assert result.structured_content is not None
    return result.structured_content["error"]


def token_in(result: types.CallToolResult) -> str:
    found = re.search(r"_confirm: (\S+)", error(result)["hint"])
    assert found
    return found[1]


@ERAS
async def test_a_person_who_agrees_is_asked_once_with_the_names_of_what_goes(
    demo: Demo, mode: str
) -> None:
    person = agreeing()
    async with client(demo, mode, person) as session:
        result = await session.call_tool(DELETE, TWO)
    assert not result.is_error
    assert {2, 3}.isdisjoint(demo.site.world.courses)
    assert person.questions == snapshot(
        [
            'Delete courses (core_course_delete_courses): 2 courseids: "Introduction to Biology" (course id 2), "Molecular Biology Laboratory" (course id 3). Deleted along with each: 2: 31 enrolments, 10 activities; 3: 18 enrolments, 8 activities.'
        ]
    )


@ERAS
@pytest.mark.parametrize(
    "person",
    [
        lambda: Person("decline"),
        lambda: Person("cancel"),
        lambda: Person("accept", {"confirm": False}),
        lambda: Person("accept", {}),
    ],
    ids=["declines", "cancels", "says no", "says nothing"],
)
async def test_a_person_who_does_not_agree_stops_the_call(
    demo: Demo, mode: str, person: Callable[[], Person]
) -> None:
    async with client(demo, mode, person()) as session:
        result = await session.call_tool(DELETE, TWO)
    assert (error(result)["kind"], error(result)["written"]) == ("declined", "nothing")
    assert demo.calls_of(DELETE) == 0


@ERAS
async def test_a_client_that_cannot_ask_gets_a_plan_and_a_token(demo: Demo, mode: str) -> None:
    async with client(demo, mode, None) as session:
        asked = await session.call_tool(DELETE, TWO)
        assert error(asked)["kind"] == "needs_confirmation"
        assert demo.calls_of(DELETE) == 0
        done = await session.call_tool(DELETE, {**TWO, "_confirm": token_in(asked)})
    assert not done.is_error
    assert demo.calls_of(DELETE) == 1


@ERAS
async def test_a_token_is_good_once_and_for_the_same_arguments_only(demo: Demo, mode: str) -> None:
    async with client(demo, mode, None) as session:
        token = token_in(await session.call_tool(DELETE, TWO))
        other = await session.call_tool(DELETE, {"courseids": [2, 4], "_confirm": token})
        assert error(other)["kind"] == "needs_confirmation"
        assert error(other)["message"].startswith("The token is for other values of: courseids. ")
        assert not (await session.call_tool(DELETE, {**TWO, "_confirm": token})).is_error
        used = await session.call_tool(DELETE, {**TWO, "_confirm": token})
        assert error(used)["kind"] == "needs_confirmation"
    assert demo.calls_of(DELETE) == 1


@ERAS
@pytest.mark.parametrize("token", ["forged", "", "x" * 10_000], ids=["forged", "empty", "long"])
async def test_a_token_that_was_never_given_is_refused(demo: Demo, mode: str, token: str) -> None:
    async with client(demo, mode, None) as session:
        result = await session.call_tool(DELETE, {**TWO, "_confirm": token})
    assert error(result)["kind"] == "needs_confirmation"
    assert demo.calls_of(DELETE) == 0


@ERAS
async def test_an_agent_cannot_confirm_to_itself_where_the_person_can_be_asked(
    demo: Demo, mode: str
) -> None:
    person = Person("decline")
    async with client(demo, mode, person) as session:
        for token in ("bogus", "", "again"):
            result = await session.call_tool(DELETE, {**TWO, "_confirm": token})
            assert error(result)["kind"] == "declined"
            assert "_confirm" not in error(result)["hint"]
    assert len(person.questions) == 3
    assert demo.calls_of(DELETE) == 0


async def test_a_consent_of_the_new_protocol_cannot_be_played_again(demo: Demo) -> None:
    """The SDK signs the state that the client sends back, but accepts it twice."""
    async with client(demo, "auto", agreeing()) as session:
        question = await session.session.call_tool(DELETE, TWO, allow_input_required=True)
        assert isinstance(question, types.InputRequiredResult)
        answers = {"confirm": types.ElicitResult(action="accept", content={"confirm": True})}

        async def answer(arguments: dict[str, Any]) -> types.CallToolResult:
            return await session.session.call_tool(
                DELETE,
                arguments,
                input_responses=cast("types.InputResponses", answers),
                request_state=question.request_state,
            )

        assert not (await answer(TWO)).is_error
        assert error(await answer(TWO))["kind"] == "declined"
        with pytest.raises(MCPError):
            await answer({"courseids": [4]})
    assert demo.calls_of(DELETE) == 1


@ERAS
async def test_writes_that_can_be_undone_reads_and_dry_runs_are_not_asked_about(
    demo: Demo, mode: str
) -> None:
    person = Person("decline")
    async with client(demo, mode, person) as session:
        enrolment = {"roleid": 5, "userid": 20, "courseid": 12}
        enrolled = await session.call_tool("enrol_manual_enrol_users", {"enrolments": [enrolment]})
        dry = await session.call_tool(DELETE, {**TWO, "_dry_run": True})
    assert not enrolled.is_error
    assert not dry.is_error
    assert person.questions == []
    assert demo.calls_of(DELETE) == 0


@ERAS
async def test_an_invalid_call_is_refused_before_anybody_is_asked(demo: Demo, mode: str) -> None:
    person = agreeing()
    async with client(demo, mode, person) as session:
        result = await session.call_tool(DELETE, {"courseids": []})
    assert error(result)["kind"] == "invalid_arguments"
    assert person.questions == []


@ERAS
async def test_the_operator_can_ask_for_tokens_always(demo: Demo, mode: str) -> None:
    person = agreeing()
    async with client(demo, mode, person, Confirm.TOKEN) as session:
        result = await session.call_tool(DELETE, TWO)
    assert error(result)["kind"] == "needs_confirmation"
    assert person.questions == []


@ERAS
@pytest.mark.parametrize("way", [Confirm.HOST, Confirm.NEVER])
async def test_the_operator_can_leave_it_to_the_host_or_to_nobody(
    demo: Demo, mode: str, way: Confirm
) -> None:
    async with client(demo, mode, Person("decline"), way) as session:
        (tool,) = [each for each in (await session.list_tools()).tools if each.name == DELETE]
        result = await session.call_tool(DELETE, TWO)
    assert not result.is_error
    marked = (tool.meta or {}).get("anthropic/requiresUserInteraction", False)
    assert marked == (way is Confirm.HOST)


async def test_a_long_list_is_asked_about_with_every_name(demo: Demo) -> None:
    person = Person("decline")
    async with client(demo, "auto", person) as session:
        await session.call_tool("core_user_delete_users", {"userids": list(range(10, 50))})
    assert person.questions == snapshot(
        [
            'Delete users (core_user_delete_users): 40 userids: "Grace O\'Brien" (user id 10), "さくら 斎藤" (user id 11), "Iñigo García Ruiz" (user id 12), "Jana Dvořáková" (user id 13), "Kofi Mensah" (user id 14), "Léa Lefèvre" (user id 15), "梅 陈" (user id 16), "نور حداد" (user id 17), "Олена Шевченко" (user id 18), "Pedro Gonçalves" (user id 19), "Quinn MacDonald" (user id 20), "Rosa Quispe" (user id 21), "Søren Ægidius" (user id 22), "Tomáš Svoboda" (user id 23), "Uma Krishnan" (user id 24), "Viktor Weiß" (user id 25), "Wanjiru Kamau" (user id 26), "Ximena Castro" (user id 27), "Yusuf Demir" (user id 28), "Zoë Van den Berg" (user id 29), "Анна Козлова" (user id 30), "민준 김" (user id 31), "Ada Fischer" (user id 32), "Ben Smith" (user id 33), "Carla Rossi" (user id 34), "Daan Jansen" (user id 35), "Eva Müller" (user id 36), "Finn Murphy" (user id 37), "Giulia Bianchi" (user id 38), "Hugo Eriksen" (user id 39), "Ines Oliveira" (user id 40), "Jack Taylor" (user id 41), "Katarzyna Kowalska" (user id 42), "Luka Horvat" (user id 43), "Mia Hansen" (user id 44), "Nils Bauer" (user id 45), "Olivia Brown" (user id 46), "Paul Schneider" (user id 47), "Rania Haddad" (user id 48), "Samuel Okafor" (user id 49). Deleted along with each: 10: 5 enrolments; 11: 6 enrolments; 12: 6 enrolments; 13: 5 enrolments; 14: 4 enrolments; 15: 5 enrolments; 16: 6 enrolments; 17: 6 enrolments; 18: 5 enrolments; 19: 4 enrolments; 30 more were not counted.'
        ]
    )


class Renaming(Person):
    """A user; before the first answers arrive somebody else renames the course."""

    def __init__(self, demo: Demo, times: int) -> None:
        super().__init__("accept", {"confirm": True})
        self._demo = demo
        self._left = times

    async def __call__(self, context: Any, params: Any) -> types.ElicitResult:
        answer = await super().__call__(context, params)
        if self._left:
            self._left -= 1
            courses = self._demo.site.world.courses
            courses[2] = replace(courses[2], fullname=f"Renamed, {self._left} to go")
        return answer


@ERAS
async def test_a_name_that_changes_while_the_person_decides_is_asked_about_anew(
    demo: Demo, mode: str
) -> None:
    person = Renaming(demo, 1)
    async with client(demo, mode, person) as session:
        result = await session.call_tool(DELETE, {"courseids": [2]})
    assert not result.is_error
    assert person.questions == snapshot(
        [
            'Delete courses (core_course_delete_courses): courseids: "Introduction to Biology" (course id 2). Deleted along with each: 2: 31 enrolments, 10 activities.',
            'What the ids refer to has changed since you were asked. Delete courses (core_course_delete_courses): courseids: "Renamed, 0 to go" (course id 2). Deleted along with each: 2: 31 enrolments, 10 activities.',
        ]
    )
    assert demo.calls_of(DELETE) == 1


async def test_names_that_keep_changing_stop_the_call(demo: Demo) -> None:
    async with client(demo, "legacy", Renaming(demo, 9)) as session:
        result = await session.call_tool(DELETE, {"courseids": [2]})
    assert error(result)["kind"] == "declined"
    assert demo.calls_of(DELETE) == 0


@ERAS
async def test_a_token_is_not_good_after_a_name_has_changed(demo: Demo, mode: str) -> None:
    async with client(demo, mode, None) as session:
        token = token_in(await session.call_tool(DELETE, {"courseids": [2]}))
        courses = demo.site.world.courses
        courses[2] = replace(courses[2], fullname="Renamed")
        result = await session.call_tool(DELETE, {"courseids": [2], "_confirm": token})
    assert error(result)["message"] == snapshot(
        'What was shown under these ids has another name now: course 2. Nothing was sent. Delete courses (core_course_delete_courses): courseids: "Renamed" (course id 2). Deleted along with each: 2: 31 enrolments, 10 activities.'
    )
    assert demo.calls_of(DELETE) == 0


@ERAS
async def test_more_items_than_the_operator_lets_be_confirmed_at_once_are_refused(
    demo: Demo, mode: str
) -> None:
    person = agreeing()
    app = demo.context(settings=ServiceSettings(Mode.DIRECT, Confirm.ASK, confirm_items=3))
    async with Client(server_for(app), mode=cast("Any", mode), elicitation_callback=person) as own:
        refused = error(await own.call_tool(DELETE, {"courseids": [2, 3, 4, 5]}))
    assert refused == snapshot(
        {
            "kind": "too_large",
            "message": "Nothing was sent: one confirmation covers at most 3 items, and this call has 4 items.",
            "hint": "Make several calls and confirm each. The operator sets the number of items with MOODLE_MCP_CONFIRM_ITEMS.",
            "function": "core_course_delete_courses",
            "retryable": False,
            "written": "nothing",
        }
    )
    assert person.questions == []
    assert demo.calls_of(DELETE) == 0


async def test_texts_too_long_to_be_read_are_refused_and_shorter_ones_shown_whole(
    demo: Demo,
) -> None:
    person = Person("decline")
    async with client(demo, "auto", person) as session:

        async def send(text: str) -> types.CallToolResult:
            messages = [{"touserid": user, "text": text} for user in (14, 15)]
            return await session.call_tool(
                "core_message_send_instant_messages", {"messages": messages}
            )

        assert error(await send("Dear all. " * 1_000))["kind"] == "declined"
        assert "Dear all. " * 1_000 in person.questions[0]
        assert error(await send("x" * 20_000))["kind"] == "too_large"
    assert len(person.questions) == 1


@ERAS
async def test_a_name_can_neither_hide_letters_in_the_question_nor_turn_them_round(
    demo: Demo, mode: str
) -> None:
    name = "Bio\u202elogy\u200b \U000e0041 </moodle-text> X"
    courses = demo.site.world.courses
    courses[2] = replace(courses[2], fullname=name)
    person = agreeing()
    async with client(demo, mode, person) as session:
        await session.call_tool(DELETE, {"courseids": [2]})
    async with client(demo, mode, None) as session:
        plan = error(await session.call_tool(DELETE, {"courseids": [3, 2]}))["message"]
    for text in (*person.questions, plan):
        assert text.isprintable()
        assert "<" not in text


async def test_a_client_that_fails_to_ask_has_not_agreed(demo: Demo) -> None:
    async def broken(context: Any, params: Any) -> types.ElicitResult | types.ErrorData:
        return types.ErrorData(code=-32603, message="no window")

    app = demo.context(settings=ServiceSettings(Mode.DIRECT, Confirm.ASK))
    async with Client(server_for(app), mode="legacy", elicitation_callback=broken) as session:
        refused = error(await session.call_tool(DELETE, TWO))
    assert refused["kind"] == "declined"
    assert demo.calls_of(DELETE) == 0


async def test_an_id_of_which_the_site_knows_nothing_is_said_to_be_so(demo: Demo) -> None:
    async with client(demo, "auto", None) as session:
        plan = error(await session.call_tool(DELETE, {"courseids": [2, 99_999]}))["message"]
    assert plan == snapshot(
        'Nothing was sent. Delete courses (core_course_delete_courses): 2 courseids: "Introduction to Biology" (course id 2), nothing with course id 99999. Deleted along with each: 2: 31 enrolments, 10 activities.'
    )


@pytest.mark.parametrize(
    "answer",
    [{}, {"action": "yes"}, {"action": "accept", "content": {"confirm": {"yes": True}}}],
    ids=["nothing", "another action", "an object"],
)
def test_an_answer_that_can_not_be_read_is_no_consent(
    demo: Demo, environment: Callable[..., dict[str, str]], answer: dict[str, Any]
) -> None:
    settings = environment(MOODLE_MCP_ACCESS="destructive", MOODLE_MCP_TOOLS=DELETE)
    with serving_stdio(settings, can={"elicitation": {}}) as wire:
        call = wire.request("tools/call", {"name": DELETE, "arguments": TWO})
        question = wire.read()
        wire.send({"jsonrpc": "2.0", "id": question["id"], "result": answer})
        refused = wire.answer(call)["result"]["structuredContent"]["error"]
        _, log = wire.close()
    assert (refused["kind"], refused["written"]) == ("declined", "nothing")
    assert demo.calls_of(DELETE) == 0
    assert "unhandled" not in log


async def test_a_question_that_nobody_answers_is_withdrawn(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elicitation, "LIFETIME", 0.01)

    async def silent(context: Any, params: Any) -> types.ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError

    app = demo.context(settings=ServiceSettings(Mode.DIRECT, Confirm.ASK))
    async with Client(server_for(app), mode="legacy", elicitation_callback=silent) as session:
        refused = error(await session.call_tool(DELETE, TWO))
    assert (refused["kind"], refused["written"]) == ("declined", "nothing")
    assert demo.calls_of(DELETE) == 0
