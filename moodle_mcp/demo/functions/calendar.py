"""core_calendar: events, and what a student has to do next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import (
    REQUIRED_CAPABILITY,
    MoodleError,
    invalid_parameter,
    moodle_error,
    no_permission,
)
from moodle_mcp.demo.functions.course import course_image
from moodle_mcp.demo.records import SITE_COURSE, STUDENT, Course, Event, Module

_DAY: Final = 86_400
_EVENTS_AT_ONCE: Final = 50
_TYPES: Final = ("user", "group", "course", "site", "category")


def get_action_events_by_timesort(call: Call, params: Params) -> Answer:
    """core_calendar_get_action_events_by_timesort."""
    user_id = option(params, "userid", 0) or call.user.id
    if params.get("userid") and not call.is_staff:
        # Moodle compares a number with a text here, so that even one's own id is refused.
        raise MoodleError(REQUIRED_CAPABILITY, "nopermission", "error/nopermission")
    limit = option(params, "limitnum", 20)
    if not 1 <= limit <= _EVENTS_AT_ONCE:
        raise moodle_error("limitnum must be between 1 and 50 (inclusive)", "Limit out of range")
    events = _actions(call, user_id, params)
    after = option(params, "aftereventid", 0)
    ids = [event.id for event, _ in events]
    if after in ids:
        events = events[ids.index(after) + 1 :]
    events = events[:limit]
    return {
        "events": [_action(call, event, module) for event, module in events],
        "firstid": events[0][0].id if events else 0,
        "lastid": events[-1][0].id if events else 0,
    }


def create_calendar_events(call: Call, params: Params) -> Answer:
    """core_calendar_create_calendar_events."""
    created: list[Answer] = []
    for item in params["events"]:
        eventtype = option(item, "eventtype", "user")
        course_id = option(item, "courseid", 0)
        if eventtype not in _TYPES:
            raise invalid_parameter(f"Invalid event type: {eventtype}")
        if eventtype in ("course", "group"):
            course = call.course(course_id)
            call.require_editor(course.id, "Manage calendar entries")
        elif eventtype != "user":
            call.require_staff("Manage any calendar entries")
        if not item["name"].strip():
            raise no_permission("Manage own calendar entries")
        event_id = call.world.events.next_id()
        event = Event(
            event_id,
            item["name"],
            eventtype,
            option(item, "timestart", call.now),
            call.now,
            call.user.id,
            SITE_COURSE if eventtype == "site" else course_id,
            option(item, "groupid", 0),
            description=option(item, "description", ""),
            format=option(item, "format", 1),
            timeduration=option(item, "timeduration", 0),
            visible=option(item, "visible", 1),
            sequence=option(item, "sequence", 1),
        )
        call.world.events[event_id] = event
        created.append(_created(event))
    return {"events": created, "warnings": []}


def _actions(call: Call, user_id: int, params: Params) -> list[tuple[Event, Module]]:
    """Return the due dates of what the user still has to do, in order."""
    search = option(params, "searchvalue", "").casefold()
    found: list[tuple[Event, Module]] = []
    for event in call.world.events.values():
        module = call.world.modules.get(event.module)
        enrolment = call.world.enrolments.get((event.course, user_id))
        if module is None or enrolment is None or STUDENT not in enrolment.roles:
            continue
        done = (module.id, user_id) in call.world.completions
        begins = option(params, "timesortfrom", 0) <= event.timestart
        ends = event.timestart <= option(params, "timesortto", event.timestart)
        if not done and begins and ends and search in event.name.casefold():
            found.append((event, module))
    return sorted(found, key=lambda pair: (pair[0].timestart, pair[0].id))


def _created(event: Event) -> Answer:
    return {
        "id": event.id,
        "name": event.name,
        "description": event.description,
        "format": event.format,
        "courseid": event.course,
        "groupid": event.group,
        "userid": event.user,
        "repeatid": None,
        "modulename": "",
        "instance": 0,
        "eventtype": event.eventtype,
        "timestart": event.timestart,
        "timeduration": event.timeduration,
        "visible": event.visible,
        "uuid": "",
        "sequence": event.sequence,
        "timemodified": event.modified,
        "subscriptionid": None,
    }


def _action(call: Call, event: Event, module: Module) -> Answer:
    course = call.world.courses[event.course]
    view = f"{call.wwwroot}/mod/{module.modname}/view.php?id={module.id}"
    calendar = f"{call.wwwroot}/calendar"
    assignment = module.modname == "assign"
    when = datetime.fromtimestamp(event.timestart, UTC)
    return {
        "id": event.id,
        "name": event.name,
        "description": event.description,
        "descriptionformat": event.format,
        "location": "",
        "categoryid": None,
        "groupid": None,
        "userid": event.user or None,
        "repeatid": None,
        "eventcount": None,
        "component": f"mod_{module.modname}",
        "modulename": module.modname,
        "activityname": module.name,
        "activitystr": f"{'Assignment' if assignment else 'Quiz'} {event.eventtype}",
        "instance": module.instance,
        "eventtype": event.eventtype,
        "timestart": event.timestart,
        "timeduration": 0,
        "timesort": event.timestart,
        "timeusermidnight": event.timestart - event.timestart % _DAY,
        "visible": 1,
        "timemodified": event.modified,
        "overdue": event.timestart < call.now,
        "icon": {
            "key": "monologo",
            "component": module.modname,
            "alttext": "Activity event",
            "iconurl": call.image(module.modname, "monologo?filtericon=1"),
            "iconclass": "",
        },
        "course": _course(call, course),
        "subscription": {"displayeventsource": False},
        "canedit": False,
        "candelete": False,
        "deleteurl": f"{calendar}/managesubscriptions.php?id={event.id}",
        "editurl": f"{call.wwwroot}/course/mod.php?update={module.id}",
        "viewurl": f"{calendar}/view.php?view=day&course={course.id}&time={event.timestart}",
        "formattedtime": f"{when:%A, %d %B, %H:%M}",
        "formattedlocation": "",
        "isactionevent": True,
        "iscourseevent": False,
        "iscategoryevent": False,
        "groupname": None,
        "normalisedeventtype": "course",
        "normalisedeventtypetext": "Course event",
        "action": {
            "name": "Add submission" if assignment else "Attempt quiz",
            "url": view,
            "itemcount": 1,
            "actionable": True,
            "showitemcount": False,
        },
        "purpose": "assessment",
        "branded": False,
        "url": view,
    }


def _course(call: Call, course: Course) -> Answer:
    return {
        "id": course.id,
        "fullname": course.fullname,
        "shortname": course.shortname,
        "idnumber": course.idnumber,
        "summary": course.summary,
        "summaryformat": course.summaryformat,
        "startdate": course.startdate,
        "enddate": course.enddate,
        "visible": bool(course.visible),
        "showactivitydates": True,
        "showcompletionconditions": True,
        "pdfexportfont": "",
        "fullnamedisplay": course.fullname,
        "viewurl": f"{call.wwwroot}/course/view.php?id={course.id}",
        "courseimage": course_image(call, course),
        "progress": 0,
        "hasprogress": True,
        "isfavourite": False,
        "hidden": False,
        "showshortname": False,
        "coursecategory": call.world.categories[course.category].name,
    }
