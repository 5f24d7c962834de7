"""The companion plugin on a site that has it; skipped on any other."""

from __future__ import annotations

from typing import Any, Final

import pytest

from moodle_mcp.caller.outcome import Outcome
from tests.support.live import Live
from tests.support.live_things import Own

pytestmark = pytest.mark.anyio

HTML: Final = "<p>Grüße <b>there</b></p>"

# The parameters that a kind of activity has, and where Moodle's own reads show them.
KINDS: Final[dict[str, dict[str, Any]]] = {
    "page": {"content": HTML},
    "label": {},
    "url": {"externalurl": "https://example.org/a?b=1"},
    "forum": {"type": "qanda", "duedate": 1_900_000_000},
    "assign": {"activity": HTML, "duedate": 1_900_000_000, "maxattempts": 2},
    "quiz": {"timeclose": 1_900_000_000, "timelimit": 600, "attempts": 3},
    "book": {"numbering": 2},
}
READS: Final = {
    "page": ("mod_page_get_pages_by_courses", "pages"),
    "label": ("mod_label_get_labels_by_courses", "labels"),
    "url": ("mod_url_get_urls_by_courses", "urls"),
    "forum": ("mod_forum_get_forums_by_courses", ""),
    "quiz": ("mod_quiz_get_quizzes_by_courses", "quizzes"),
    "book": ("mod_book_get_books_by_courses", "books"),
}


def full(name: str) -> str:
    return f"local_mcpcompanion_{name}"


async def called(live: Live, name: str, /, **arguments: Any) -> Outcome:
    outcome = await live.plugin(full(name), arguments)
    if outcome.fault is not None and "external_functions" in str(outcome.fault):
        pytest.skip("the site does not have the companion plugin")
    return outcome


async def done(live: Live, name: str, /, **arguments: Any) -> Any:
    outcome = await called(live, name, **arguments)
    assert outcome.fault is None, outcome.fault
    return outcome.result


async def section(admin: Live, own: Own) -> int:
    made = await done(admin, "create_section", courseid=own.course, name="Companion")
    return made["sectionid"]


async def contents(admin: Live, own: Own) -> Any:
    return await admin.result("core_course_get_contents", {"courseid": own.course})


async def stored(admin: Live, own: Own, kind: str, cmid: int) -> dict[str, Any]:
    if kind == "assign":
        wanted = {"courseids": [own.course], "includenotenrolledcourses": True}
        found = await admin.result("mod_assign_get_assignments", wanted)
        rows = found["courses"][0]["assignments"]
        return next(row for row in rows if row["cmid"] == cmid)
    name, key = READS[kind]
    rows = await admin.found(name, {"courseids": [own.course]}, key)
    ids = ("coursemodule", "cmid")
    return next(row for row in rows if cmid in [row.get(each) for each in ids])


async def test_a_section_is_made_changed_moved_and_deleted(admin: Live, own: Own) -> None:
    made = await section(admin, own)
    summary = {"summary": "**Read** <script>x</script>", "textformat": 4}
    changed = await done(admin, "update_section", sectionid=made, name="Week", visible=0, **summary)
    assert changed["removed"] == ["script"]
    assert (await done(admin, "move_section", sectionid=made, position=1))["section"] == 1
    (_, first, *_) = await contents(admin, own)
    assert (first["id"], first["name"], first["visible"]) == (made, "Week", 0)
    assert "<strong>Read</strong>" in first["summary"]
    await done(admin, "delete_section", sectionid=made)
    assert made not in [each["id"] for each in await contents(admin, own)]


async def test_a_section_with_an_activity_is_not_deleted(admin: Live, own: Own) -> None:
    made = await section(admin, own)
    await done(admin, "create_label", sectionid=made, intro=HTML)
    before = await contents(admin, own)
    refused = await called(admin, "delete_section", sectionid=made)
    assert refused.fault is not None
    assert refused.fault.errorcode == "invalidvalue"
    assert await contents(admin, own) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_moodle_shows_every_text_and_setting_that_was_given(
    admin: Live, own: Own, kind: str
) -> None:
    given = dict(KINDS[kind], intro=HTML, visible=False)
    name = {} if kind == "label" else {"name": "Made"}
    at = await section(admin, own)
    made = await done(admin, f"create_{kind}", sectionid=at, **name, **given)
    row = await stored(admin, own, kind, made["cmid"])
    texts = {key for key, value in given.items() if value == HTML}
    assert {key for key in texts if "there" not in str(row[key])} == set()
    plain = {key: value for key, value in given.items() if key not in texts | {"visible"}}
    assert {key: row[key] for key in plain} == plain


@pytest.mark.parametrize("kind", KINDS)
async def test_an_update_changes_only_what_was_given(admin: Live, own: Own, kind: str) -> None:
    name = {} if kind == "label" else {"name": "Made"}
    at = await section(admin, own)
    made = await done(admin, f"create_{kind}", sectionid=at, intro=HTML, **name, **KINDS[kind])
    before = await stored(admin, own, kind, made["cmid"])
    await done(admin, f"update_{kind}", cmid=made["cmid"], intro="<p>Other</p>")
    after = await stored(admin, own, kind, made["cmid"])
    changed = {key for key in after if after[key] != before[key]}
    # The name of a label is the beginning of its text.
    assert changed - {"timemodified", "revision"} <= {"intro", "name", "configs"}
    assert "Other" in after["intro"]
    assert kind == "label" or after["name"] == "Made"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("create_page", {"name": "<b>x</b>", "content": "x"}),
        ("create_page", {"name": "x", "content": ""}),
        ("create_page", {"name": "x", "content": "<script>x</script>"}),
        ("create_page", {"name": "x", "content": "x", "textformat": 3}),
        ("create_url", {"name": "x", "externalurl": "javascript:alert(1)"}),
        ("create_quiz", {"name": "x", "timeopen": 2, "timeclose": 1}),
        ("create_quiz", {"name": "x", "preferredbehaviour": "nothing"}),
        ("create_assign", {"name": "x", "duedate": 2, "cutoffdate": 1}),
        ("create_forum", {"name": "x", "type": "chat"}),
        ("create_folder", {"name": "x", "draftitemid": 1}),
    ],
)
async def test_what_is_wrong_is_refused_with_its_name_before_anything_is_written(
    admin: Live, own: Own, name: str, arguments: dict[str, Any]
) -> None:
    at = await section(admin, own)
    before = await contents(admin, own)
    refused = await called(admin, name, sectionid=at, **arguments)
    assert refused.fault is not None
    assert refused.fault.errorcode == "invalidvalue"
    assert await contents(admin, own) == before


async def test_a_student_may_do_nothing(admin: Live, student: Live, own: Own) -> None:
    at = await section(admin, own)
    page = await done(admin, "create_page", sectionid=at, name="Page", content=HTML)
    before = await contents(admin, own)
    for name, arguments in [
        ("create_section", {"courseid": own.course, "name": "x"}),
        ("update_section", {"sectionid": at, "name": "x"}),
        ("create_page", {"sectionid": at, "name": "x", "content": "x"}),
        ("update_page", {"cmid": page["cmid"], "name": "x"}),
        ("show_activity", {"cmid": page["cmid"], "visible": 0}),
        ("duplicate_activity", {"cmid": page["cmid"]}),
    ]:
        refused = await called(student, name, **arguments)
        assert refused.fault is not None, name
    assert await contents(admin, own) == before


async def test_a_copy_comes_after_the_original_and_can_be_moved(admin: Live, own: Own) -> None:
    at, other = await section(admin, own), await section(admin, own)
    page = await done(admin, "create_page", sectionid=at, name="Page", content=HTML)
    copy = await done(admin, "duplicate_activity", cmid=page["cmid"])
    assert copy["sectionid"] == at
    moved = await done(admin, "move_activity", cmid=copy["cmid"], sectionid=other)
    assert moved["sectionid"] == other
    sections = {each["id"]: each["modules"] for each in await contents(admin, own)}
    assert [each["id"] for each in sections[at]] == [page["cmid"]]
    assert [each["id"] for each in sections[other]] == [copy["cmid"]]


async def test_chapters_are_added_in_order(admin: Live, own: Own) -> None:
    book = await done(admin, "create_book", sectionid=await section(admin, own), name="Book")
    chapters = [
        {"title": "One", "content": "a", "subchapter": 1},
        {"title": "Two", "content": "b", "subchapter": 1},
    ]
    added = await done(admin, "add_book_chapters", cmid=book["cmid"], chapters=chapters)
    assert [each["pagenum"] for each in added] == [1, 2]
    await done(admin, "update_book_chapter", chapterid=added[0]["chapterid"], title="First")
    modules = [each for part in await contents(admin, own) for each in part["modules"]]
    (made,) = [each for each in modules if each["id"] == book["cmid"]]
    assert "First" in str(made["contents"])
