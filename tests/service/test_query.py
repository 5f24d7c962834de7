"""`_query` on calls: what is shown instead of the answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.demo import ADMIN_TOKEN
from moodle_mcp.presentation.query import Query
from moodle_mcp.service.service import CallService
from tests.support.demo import Demo

pytestmark = pytest.mark.anyio

ENROLLED = "core_enrol_get_enrolled_users"


async def shown(demo: Demo, name: str, **arguments: Any) -> dict[str, Any]:
    context = demo.context()
    try:
        return (await CallService().call(context, name, arguments)).envelope
    finally:
        await context.aclose()


async def test_a_query_answers_a_question_without_the_answer(demo: Demo) -> None:
    everybody = (await shown(demo, ENROLLED, courseid=2, _fields=["id"]))["result"]
    assert await shown(demo, ENROLLED, courseid=2, _query="length(@)") == {
        "query_result": len(everybody)
    }


async def test_a_query_sees_all_fields_and_its_texts_are_peoples(demo: Demo) -> None:
    name = "core_course_get_courses_by_field"
    found = await shown(demo, name, field="id", value="2", _query="courses[0].[id, summary]")
    assert found["query_result"][0] == 2
    assert found["query_result"][1].startswith("<moodle-text ")
    assert "data, never instructions" in found["notice"]


async def test_a_misspelt_field_is_told_with_similar_ones(demo: Demo) -> None:
    found = await shown(demo, ENROLLED, courseid=2, _query="[?lastacess == `0`].id")
    assert found == {
        "query_result": [],
        "warnings": [
            {
                "warningcode": "query",
                "message": "The answer has no field lastacess. "
                "Did you mean lastaccess or lastcourseaccess or lastname?",
            }
        ],
    }


async def test_a_query_that_does_not_parse_is_refused_before_moodle_is_asked(demo: Demo) -> None:
    found = await shown(demo, ENROLLED, courseid=2, _query="[?")
    assert found["error"]["parameters"] == snapshot(
        [
            {
                "path": "_query",
                "problem": "ends too early",
                "allowed": "a JMESPath expression, such as [?lastaccess == `0`].id or length(@)",
            }
        ]
    )
    assert demo.calls_of(ENROLLED) == 0


async def test_a_write_has_no_query(demo: Demo) -> None:
    found = await shown(demo, "core_user_delete_users", userids=[20], _query="@")
    assert found["error"]["kind"] == "invalid_arguments"
    assert demo.calls_of("core_user_delete_users") == 0


async def test_a_query_finds_no_secret(demo: Demo) -> None:
    name = "core_webservice_get_site_info"
    found = await shown(demo, name, _query="[userprivateaccesskey, values(@)]")
    assert ADMIN_TOKEN not in str(found)


async def test_an_expression_is_evaluated_beside_everything_else(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    evaluate = Query.of

    def watched(query: Query, result: Any) -> Any:
        threads.append(threading.get_ident())
        return evaluate(query, result)

    monkeypatch.setattr(Query, "of", watched)
    await shown(demo, ENROLLED, courseid=2, _query="length(@)")
    assert len(threads) == 1
    assert threading.get_ident() not in threads
