"""Jobs about an assignment."""

from __future__ import annotations

from typing import Any

from tools.jobs.agent import Agent
from tools.jobs.checking import failed
from tools.jobs.place import Place

_TEXT = "Please hand in your essay by Friday."
_NOBODY = 900_000_000


def remind(agent: Agent, place: Place) -> str:
    """Send a message to all who have not submitted."""
    shortname = place.shortname
    query = f"courses[?shortname=='{shortname}'].assignments[].[id,name]"
    found = agent.do("mod_assign_get_assignments", _query=query)["query_result"]
    (essay,) = [id_ for id_, name in found if name == place.essay["name"]]
    sent = agent.confirm(
        "bulk_call",
        function="core_message_send_instant_messages",
        read="mod_assign_list_participants",
        read_with=[f"assignid={essay}", "groupid=0", "filter="],
        query=f"[?!submitted && id != `{place.admin}`].{{touserid: id}}",
        defaults=[f"text={_TEXT}"],
    )
    return failed(
        {
            "all are counted": sent["batch"]["succeeded"] == len(place.students),
            "they have the message, each once": _recipients(place) == sorted(place.students),
        }
    )


def _recipients(place: Place) -> list[int]:
    """Return the ids of those who have the reminder from the administrator."""
    found = place.site.call(
        "core_message_get_messages",
        useridto=0,
        useridfrom=place.admin,
        type="conversations",
        read=2,
        limitnum=len(place.people) + 1,
    )
    own = {*place.people, place.owner}
    return sorted(each["useridto"] for each in found["messages"] if each["useridto"] in own)


def grade_five(agent: Agent, place: Place) -> str:
    """Grade five with a comment, of whom one gets more than the maximum and one does not exist."""
    people = [*place.students[:4], _NOBODY]
    grades = [70, 80.5, 90, 1000, 60]
    rows: list[dict[str, Any]] = [
        {
            "userid": person,
            "grade": grade,
            "attemptnumber": -1,
            "addattempt": 0,
            "workflowstate": "",
            "plugindata": {"assignfeedbackcomments_editor": {"text": "Well argued.", "format": 1}},
        }
        for person, grade in zip(people, grades, strict=True)
    ]
    answer = agent.ask(
        "mod_assign_save_grades", assignmentid=place.essay["id"], applytoall=0, grades=rows
    )
    batch = answer["batch"]
    right = dict(zip(people[:3], grades[:3], strict=True))
    return failed(
        {
            "the two wrong ones are named": {each["index"] for each in batch["failed"]} == {3, 4},
            "the others are counted": batch["succeeded"] == 3,
            "grades": _grades(place) == right,
            "comments": all(_comment(place, each) == "Well argued." for each in right),
        }
    )


def _grades(place: Place) -> dict[int, float]:
    given = {"assignmentids": [place.essay["id"]]}
    (found,) = place.site.call("mod_assign_get_grades", **given)["assignments"]
    return {each["userid"]: float(each["grade"]) for each in found["grades"]}


def _comment(place: Place, user: int) -> str:
    """Return the feedback that a student sees in the gradebook."""
    found = place.site.call("gradereport_user_get_grade_items", courseid=place.course, userid=user)
    items: list[dict[str, Any]] = found["usergrades"][0]["gradeitems"]
    essay = [each for each in items if each.get("cmid") == place.essay["cmid"]]
    return essay[0]["feedback"].removeprefix("<p>").removesuffix("</p>")
