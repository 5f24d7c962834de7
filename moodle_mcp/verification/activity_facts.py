"""What the checks compare items with: facts about activities and grades, each by its owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from moodle_mcp.verification.compare import Unread, plain
from moodle_mcp.verification.facts import Fact, ids_in, people_of, rows_in, seen, students_in
from moodle_mcp.verification.reads import Reads


async def _assignments(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Mapping[str, Any]]:
    """Assignments by id: those of the caller's own courses, or else by way of their course."""
    found: dict[Any, Mapping[str, Any]] = {}
    for number in ids:
        module = await _module("assign", number, reads)
        if module is None:
            # A caller who can't look an activity up may still participate in its course.
            answer = await reads.ask("mod_assign_get_assignments")
        else:
            answer = await reads.ask(
                "mod_assign_get_assignments",
                courseids=[module["course"]],
                includenotenrolledcourses=True,
            )
        courses = rows_in(answer, "courses")
        rows = [row for course in courses for row in rows_in(course.get("assignments"))]
        found |= {row["id"]: row for row in rows if row["id"] == number}
    return found


async def _module(kind: str, instance: int, reads: Reads) -> Mapping[str, Any] | None:
    name = "core_course_get_course_module_by_instance"
    answer = await reads.ask(name, module=kind, instance=instance)
    return None if answer is None else answer["cm"]


async def _assign_maximum(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """Maximum grades; None for a scale, whose values can't be read."""
    rows = await _assignments(ids, reads)
    return {key: row["grade"] if row["grade"] >= 0 else None for key, row in rows.items()}


async def _people_around(
    kind: str, instance: int, reads: Reads, *fields: str
) -> list[Mapping[str, Any]] | None:
    """The participants of an activity's course; None if they can't be read."""
    module = await _module(kind, instance, reads)
    return None if module is None else await people_of(module["course"], reads, *fields)


async def _assign_features(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    return {key: _features(row) for key, row in (await _assignments(ids, reads)).items()}


def _features(row: Mapping[str, Any]) -> frozenset[str]:
    """The enabled types of submissions and feedback, and the settings that are on."""
    plugins = {
        f"{each['subtype']}_{each['plugin']}"
        for each in rows_in(row.get("configs"))
        if each.get("name") == "enabled" and each.get("value") == "1"
    }
    switches = ("teamsubmission", "markingworkflow", "duedate", "submissiondrafts")
    on = {name for name in switches if row.get(name)}
    reopens = row.get("attemptreopenmethod") != "none" and row.get("maxattempts") != 1
    return frozenset(plugins | on | ({"attempts"} if reopens else set()))


async def _assign_participants(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """Those who submit, and everybody else in the course.

    A teacher can be graded, which is odd but may be meant. Somebody from elsewhere can't have been
    meant.
    """
    found: dict[Any, frozenset[int]] = {}
    for number in ids:
        answer = await reads.ask(
            "mod_assign_list_participants", assignid=number, groupid=0, filter="", onlyids=True
        )
        others = await _people_around("assign", number, reads)
        if answer and others:
            found[number] = ids_in(rows_in(answer)) | ids_in(others)
    return found


async def _submitters(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, frozenset[int]] = {}
    for number in ids:
        answer = await reads.ask(
            "mod_assign_list_participants", assignid=number, groupid=0, filter="", onlyids=True
        )
        if answer:
            found[number] = ids_in(rows_in(answer))
    return found


async def _given_grades(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The latest grades by assignment and user; nobody without one is in the answer."""
    found: dict[Any, Any] = {}
    for number in {assignment for assignment, _ in owners}:
        answer = await reads.ask("mod_assign_get_grades", assignmentids=[number])
        for row in rows_in(answer, "assignments"):
            found |= {(number, each["userid"]): each["grade"] for each in rows_in(row["grades"])}
    return {owner: found[owner] for owner in owners if owner in found}


async def _latest_attempts(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The number of the latest attempt by assignment and user, 0 without a submission."""
    found: dict[Any, int] = {}
    for number in {assignment for assignment, _ in owners}:
        answer = await reads.ask("mod_assign_get_submissions", assignmentids=[number])
        if answer is not None:
            mine = [owner for owner in owners if owner[0] == number]
            found |= dict.fromkeys(mine, 0)
            for row in rows_in(answer, "assignments"):
                for each in rows_in(row["submissions"]):
                    found[number, each["userid"]] = each["attemptnumber"]
    return found


async def _flags(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """A person's lock and extension in an assignment; without a row there is none."""
    found: dict[Any, Mapping[str, Any]] = {}
    for number in {assignment for assignment, _ in owners}:
        answer = await reads.ask("mod_assign_get_user_flags", assignmentids=[number])
        if answer is not None:
            none = {"locked": 0, "extensionduedate": 0}
            found |= dict.fromkeys((owner for owner in owners if owner[0] == number), none)
            for row in rows_in(answer, "assignments"):
                found |= {(number, each["userid"]): each for each in rows_in(row["userflags"])}
    return found


async def _locked(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    return {owner: row["locked"] for owner, row in (await _flags(owners, reads)).items()}


async def _extension(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    return {owner: row["extensionduedate"] for owner, row in (await _flags(owners, reads)).items()}


async def _own_submission(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The state of the caller's own submission, in a set; empty if nothing was begun."""
    found: dict[Any, frozenset[str]] = {}
    for number in ids:
        answer = await reads.ask("mod_assign_get_submission_status", assignid=number)
        if answer is not None and "lastattempt" in answer:
            attempt: Mapping[str, Any] = answer["lastattempt"] or {}
            own: Mapping[str, Any] = (
                attempt.get("teamsubmission") or attempt.get("submission") or {}
            )
            found[number] = frozenset({own["status"]} if own.get("status") else ())
    return found


async def _people_of_module(cmids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, Any] = {}
    for cmid in cmids:
        answer = await reads.ask("core_course_get_course_module", cmid=cmid)
        people = None if answer is None else await people_of(answer["cm"]["course"], reads)
        if people is not None:
            found[cmid] = seen(ids_in(people))
    return found


async def _people_of_quiz(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, Any] = {}
    for number in ids:
        people = await _people_around("quiz", number, reads)
        if people is not None:
            found[number] = seen(ids_in(people))
    return found


async def _students_of_quiz(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, Any] = {}
    for number in ids:
        people = await _people_around("quiz", number, reads, "roles")
        if people is not None:
            found[number] = seen(students_in(people))
    return found


async def _group_mode(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """Whether a forum has groups: a set with `groups`, or an empty one."""
    modules = {number: await _module("forum", number, reads) for number in ids}
    return {
        number: frozenset({"groups"} if module.get("groupmode") else ())
        for number, module in modules.items()
        if module is not None
    }


async def _discussions(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """Discussions by forum and discussion: the newest ones of each forum."""
    found: dict[Any, Mapping[str, Any]] = {}
    for forum in {number for number, _ in owners}:
        answer = await reads.ask("mod_forum_get_forum_discussions", forumid=forum, perpage=100)
        rows = rows_in(answer, "discussions")
        found |= {(forum, row["discussion"]): row for row in rows}
    return {owner: found[owner] for owner in owners if owner in found}


async def _discussion_flags(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _discussions(owners, reads)
    return {
        # `attachment` is a text: "0" without one.
        owner: frozenset(name for name in ("pinned", "attachment") if plain(row.get(name)))
        for owner, row in rows.items()
    }


async def _discussion_lock(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """Whether a discussion is open: 0 if it is locked, in the terms of the function's argument."""
    rows = await _discussions(owners, reads)
    return {owner: int(not row["locked"]) for owner, row in rows.items() if "locked" in row}


async def _post(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, Mapping[str, Any]] = {}
    for number in ids:
        answer = await reads.ask("mod_forum_get_discussion_post", postid=number)
        if answer is not None:
            found[number] = answer["post"]
    return found


async def _choices(ids: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    found: dict[Any, frozenset[int]] = {}
    for number in ids:
        answer = await reads.ask("mod_choice_get_choice_options", choiceid=number)
        if answer is not None:
            rows = rows_in(answer, "options")
            found[number] = frozenset(row["id"] for row in rows if row.get("checked"))
    return found


async def _completions(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The state of activities by cmid and user."""
    found: dict[Any, int] = {}
    for cmid, user in owners:
        module = await reads.ask("core_course_get_course_module", cmid=cmid)
        if module is None:
            continue
        answer = await reads.ask(
            "core_completion_get_activities_completion_status",
            courseid=module["cm"]["course"],
            userid=user,
        )
        rows = rows_in(answer, "statuses")
        states = {row["cmid"]: row["state"] for row in rows}
        if cmid in states:
            found[cmid, user] = states[cmid]
    return found


async def _columns(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    """The gradebook's entries by course, cmid, item number and user.

    The column of a person who has no entry yet is that of any other.
    """
    found: dict[Any, Any] = {}
    for course in {owner[0] for owner in owners}:
        people = {owner[3] for owner in owners if owner[0] == course}
        # One person's entries are short; those of several are only to be had with everybody's.
        user = next(iter(people)) if len(people) == 1 else 0
        answer = await reads.ask("gradereport_user_get_grade_items", courseid=course, userid=user)
        if answer is None:
            continue
        entries = dict(_entries(course, rows_in(answer, "usergrades")))
        columns = {key[:3]: {"grademax": row.get("grademax")} for key, row in entries.items()}
        for owner in owners:
            if owner[0] == course:
                column = columns.get(owner[:3], Unread.GONE)
                found[owner] = entries.get(owner, column)
    return found


def _entries(course: int, people: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, Any]]:
    for person in people:
        for row in rows_in(person.get("gradeitems")):
            yield (course, row.get("cmid"), row.get("itemnumber"), person["userid"]), row


async def _column_maximum(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _columns(owners, reads)
    return {key: row if row is Unread.GONE else row.get("grademax") for key, row in rows.items()}


async def _column_grade(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _columns(owners, reads)
    return {key: row if row is Unread.GONE else row.get("graderaw") for key, row in rows.items()}


async def _column_flags(owners: Sequence[Any], reads: Reads) -> Mapping[Any, Any]:
    rows = await _columns(owners, reads)
    return {
        key: frozenset(name for name in ("gradeisoverridden", "gradeislocked") if row.get(name))
        for key, row in rows.items()
        if row is not Unread.GONE
    }


ACTIVITIES: Final[Mapping[str, Fact]] = {
    "assign_maximum": Fact(_assign_maximum, "the assignment's maximum grade"),
    "assign_features": Fact(_assign_features, "what the assignment has switched on"),
    "assign_people": Fact(_assign_participants, "who participates in the course"),
    "submitters": Fact(_submitters, "who submits in the assignment"),
    "given_grade": Fact(_given_grades, "which grades were saved"),
    "latest_attempt": Fact(_latest_attempts, "which attempt is the latest"),
    "submission_locked": Fact(_locked, "whose submission is locked"),
    "extension": Fact(_extension, "who has which extension"),
    "own_submission": Fact(_own_submission, "whether anything was saved"),
    "people_of_module": Fact(_people_of_module, "who participates in the activity's course"),
    "students_of_quiz": Fact(_students_of_quiz, "who is a student in the quiz's course"),
    "people_of_quiz": Fact(_people_of_quiz, "who participates in the quiz's course"),
    "forum_groups": Fact(_group_mode, "whether the forum has groups"),
    "discussion_flags": Fact(_discussion_flags, "whether the discussion is pinned"),
    "discussion_open": Fact(_discussion_lock, "whether the discussion is open"),
    "post": Fact(_post, "what the post says"),
    "choices": Fact(_choices, "what was chosen"),
    "completion": Fact(_completions, "what is completed"),
    "column": Fact(_columns, "which grade items the activity has"),
    "column_maximum": Fact(_column_maximum, "the maximum of the grade item"),
    "column_grade": Fact(_column_grade, "which grades there are"),
    "column_flags": Fact(_column_flags, "whose grades are overridden or locked"),
}
"""The facts about activities and grades, by name."""
