"""What is on the site: places with ids that belong together, found as an agent would."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tests.support.live import Live

Place: TypeAlias = Mapping[str, Any]
"""Values by the name that parameters have for them."""

_DAY: Final = 86_400
_MOST_COURSES: Final = 8
_MOST_USERS: Final = 4
_SITE_HOME: Final = 1


@dataclass(frozen=True, slots=True)
class World:
    """`everywhere` are values of the whole site, `courses` and `modules` those of one place; the
    places of which most is known come first.
    """

    everywhere: Place
    courses: list[Place]
    modules: Mapping[str, list[Place]]

    def places(self, component: str) -> list[Place]:
        """Where a component's functions are tried: in activities of its kind, else in courses."""
        modname = component.removeprefix("mod_")
        found = self.modules.get(modname, []) if component.startswith("mod_") else []
        return [{**self.everywhere, **place} for place in found or self.courses]


# Where ids inside an activity are found: the read, its arguments by names of the place, the list
# in the answer, and the names under which its first item's keys are known.
_INSIDE: Final[Mapping[str, list[tuple[str, dict[str, str], str, dict[str, str]]]]] = {
    "forum": [
        (
            "mod_forum_get_forum_discussions",
            {"forumid": "instance"},
            "discussions",
            {"discussion": "discussionid", "id": "postid"},
        )
    ],
    "glossary": [
        (
            "mod_glossary_get_entries_by_date",
            {"id": "instance"},
            "entries",
            {"id": "entryid", "userid": "authorid"},
        )
    ],
    "data": [
        ("mod_data_get_entries", {"databaseid": "instance"}, "entries", {"id": "entryid"}),
    ],
    "feedback": [
        ("mod_feedback_get_items", {"feedbackid": "instance"}, "items", {"id": "itemid"}),
    ],
    "wiki": [
        ("mod_wiki_get_subwiki_pages", {"wikiid": "instance"}, "pages", {"id": "pageid"}),
    ],
    "scorm": [
        ("mod_scorm_get_scorm_scoes", {"scormid": "instance"}, "scoes", {"id": "scoid"}),
    ],
    "workshop": [
        (
            "mod_workshop_get_submissions",
            {"workshopid": "instance"},
            "submissions",
            {"id": "submissionid"},
        )
    ],
    "h5pactivity": [
        (
            "mod_h5pactivity_get_attempts",
            {"h5pactivityid": "instance"},
            "usersattempts",
            {"userid": "userid"},
        )
    ],
}


async def discover(live: Live) -> World:
    """Find places on the site without changing anything."""
    now = int(time.time())
    everywhere: dict[str, Any] = {
        "now": now,
        "since": now - 30 * _DAY,
        "until": now + 30 * _DAY,
        "self": live.userid,
    }
    everywhere |= _first(await live.found("core_course_get_categories", {}), {"id": "categoryid"})
    cohorts = {"query": "", "context": {"contextid": 1}, "includes": "all"}
    found = await live.found("core_cohort_search_cohorts", cohorts, "cohorts")
    everywhere |= _first(found, {"id": "cohortid"})
    found = await live.found("core_calendar_get_calendar_events", {}, "events")
    everywhere |= _first(found, {"id": "eventid"})
    own = {"userid": live.userid}
    found = await live.found("core_message_get_conversations", own, "conversations")
    everywhere |= _first(found, {"id": "conversationid"})

    found = await live.found("core_course_get_courses", {})
    courses = [course for course in found if course["id"] != _SITE_HOME]
    places: list[Place] = []
    modules: dict[str, list[Place]] = {}
    for course in courses[:_MOST_COURSES]:
        place = await _course(live, course)
        places.append(place)
        sections = await live.found("core_course_get_contents", {"courseid": course["id"]})
        for module in (each for section in sections for each in section["modules"]):
            modules.setdefault(module["modname"], []).append(await _module(live, place, module))
    for found in modules.values():
        found.sort(key=len, reverse=True)
    return World(everywhere, sorted(places, key=len, reverse=True), modules)


async def _course(live: Live, course: Mapping[str, Any]) -> Place:
    place: dict[str, Any] = {
        "courseid": course["id"],
        "coursename": course["fullname"],
        "categoryid": course["categoryid"],
    }
    arguments = {
        "courseid": course["id"],
        "options": [{"name": "limitnumber", "value": str(_MOST_USERS)}],
    }
    people = await live.found("core_enrol_get_enrolled_users", arguments)
    if people:
        ids = [person["id"] for person in people]
        place |= {"userid": ids[0], "people": ids, "email": people[0].get("email", "")}
    own = {"courseid": course["id"]}
    place |= _first(await live.found("core_group_get_course_groups", own), {"id": "groupid"})
    found = await live.found("core_group_get_course_groupings", own)
    place |= _first(found, {"id": "groupingid"})
    sections = await live.found("core_course_get_contents", own)
    place |= _first(sections, {"id": "sectionid"})
    for module in (each for section in sections for each in section["modules"]):
        # The kinds that are in most courses.
        if module["modname"] in ("assign", "forum", "quiz"):
            place.setdefault("cmid", module["id"])
            place.setdefault("contextid", module.get("contextid"))
    enrolments = await live.found("core_enrol_get_course_enrolment_methods", own)
    return place | _first(enrolments, {"id": "enrolid"})


async def _module(live: Live, course: Place, module: Mapping[str, Any]) -> Place:
    place = {
        **course,
        "modname": module["modname"],
        "cmid": module["id"],
        "instance": module["instance"],
        "contextid": module.get("contextid"),
    }
    for read, arguments, key, names in _INSIDE.get(module["modname"], []):
        wanted = {name: place[have] for name, have in arguments.items()}
        place |= _first(await live.found(read, wanted, key), names)
    if module["modname"] == "lesson":
        lesson = {"lessonid": module["instance"]}
        found = await live.found("mod_lesson_get_pages", lesson, "pages")
        place |= _first([each["page"] for each in found], {"id": "pageid"})
    if module["modname"] == "quiz":
        for user in course.get("people", []):
            arguments = {"quizid": module["instance"], "userid": user, "status": "all"}
            found = await live.found("mod_quiz_get_user_attempts", arguments, "attempts")
            if attempt := _first(found, {"id": "attemptid"}):
                return place | attempt | {"userid": user}
    return place


def _first(items: list[dict[str, Any]], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the first item's values under new names; empty if there is no item."""
    first = items[0] if items else {}
    return {name: first[key] for key, name in names.items() if first.get(key)}
