"""core_completion: what a user has completed in a course."""

from __future__ import annotations

from moodle_mcp.demo.call import Answer, Call, Params
from moodle_mcp.demo.errors import no_permission
from moodle_mcp.demo.records import Module


def get_activities_completion_status(call: Call, params: Params) -> Answer:
    """core_completion_get_activities_completion_status."""
    course = call.course(params["courseid"])
    user = call.existing_user(params["userid"])
    if user.id != call.user.id and not call.teaches(course.id):
        raise no_permission("View activity completion reports")
    activities = [each for each in call.world.modules_of(course.id) if each.completion]
    return {"statuses": [_status(call, each, user.id) for each in activities], "warnings": []}


def _status(call: Call, module: Module, user_id: int) -> Answer:
    when = call.world.completions.get((module.id, user_id), 0)
    return {
        "cmid": module.id,
        "modname": module.modname,
        "instance": module.instance,
        "state": int(bool(when)),
        "timecompleted": when,
        "tracking": module.completion,
        "overrideby": None,
        "valueused": False,
        "hascompletion": True,
        "isautomatic": module.completion > 1,
        "istrackeduser": (module.course, user_id) in call.world.enrolments,
        "uservisible": True,
        "details": [],
        "isoverallcomplete": bool(when),
    }
