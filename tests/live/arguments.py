"""Valid arguments for a read, from what is on the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value, scalar
from tests.support.live_world import Place, World

# The key in a place for a parameter with another name.
_MEANT: Final[Mapping[str, str]] = {
    "aftereventid": "eventid",
    "behalfid": "self",
    "categoryids": "categoryid",
    "cmids": "cmid",
    "cohortids": "cohortid",
    "contextids": "contextid",
    "convid": "conversationid",
    "courseids": "courseid",
    "coursemoduleid": "cmid",
    "ctx": "contextid",
    "currentuserid": "self",
    "destinationinstanceid": "instance",
    "eventids": "eventid",
    "eventsfrom": "since",
    "eventsto": "until",
    "fromctx": "contextid",
    "groupids": "groupid",
    "groupingids": "groupingid",
    "module": "modname",
    "moduleid": "cmid",
    "otheruserid": "userid",
    "pagecontextid": "contextid",
    "referenceuserid": "self",
    "sessionend": "until",
    "sessionstart": "since",
    "sourcecourseid": "courseid",
    "timeend": "until",
    "timefrom": "since",
    "timesortfrom": "since",
    "timesortto": "until",
    "timestamp": "now",
    "timestart": "since",
    "touserid": "self",
    "useridfrom": "userid",
    "useridto": "self",
    "userids": "userid",
}

_FIXED: Final[Mapping[str, Any]] = {
    "agent": '{"mbox":"mailto:nobody@site.invalid"}',
    "country": "GB",
    "contextlevel": "course",
    "day": 15,
    "from": 0,
    "groupid": 0,
    "lang": "en",
    "letter": "ALL",
    "limit": 5,
    "limitfrom": 0,
    "limitnum": 5,
    "limitnumber": 5,
    "memberlimit": 5,
    "month": 6,
    "page": 0,
    "perpage": 5,
    "postid": 1,
    "read": 1,
    "skip": 0,
    "themename": "boost",
    "year": 2026,
}

# By Moodle's type, where "a" is not a value of it.
_BY_PARAM: Final[Mapping[str, str]] = {"area": "forum", "component": "mod_forum", "plugin": "forum"}

_BY_TYPE: Final[Mapping[str, Any]] = {"integer": 1, "number": 1.0, "boolean": True, "string": "a"}

# Whole sets of arguments where names and types do not tell what is right; names in braces stand
# for values of the place.
_SETS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "core_check_get_result_admintree": [
        {"admintreeid": "enablewebservices", "settingname": "enablewebservices"}
    ],
    "core_comment_get_comments": [
        {
            "contextlevel": "course",
            "instanceid": "{courseid}",
            "component": "block_comments",
            "itemid": 0,
            "area": "page_comments",
        }
    ],
    "core_course_check_updates": [
        {
            "courseid": "{courseid}",
            "tocheck": [{"contextlevel": "module", "id": "{cmid}", "since": "{since}"}],
        }
    ],
    "core_course_get_courses_by_field": [
        {},
        {"field": "id", "value": "{coursetext}"},
        {"field": "category", "value": "{categorytext}"},
    ],
    "core_course_search_courses": [
        {"criterianame": "search", "criteriavalue": "{coursename}"},
        {"criterianame": "modulelist", "criteriavalue": "forum"},
    ],
    "core_enrol_get_enrolled_users": [
        {"courseid": "{courseid}"},
        {"courseid": "{courseid}", "options": [{"name": "onlyactive", "value": "1"}]},
    ],
    "core_enrol_get_enrolled_users_with_capability": [
        {
            "coursecapabilities": [
                {"courseid": "{courseid}", "capabilities": ["mod/forum:replypost"]}
            ]
        }
    ],
    "core_files_get_files": [
        {
            "contextid": 1,
            "component": "user",
            "filearea": "draft",
            "itemid": 0,
            "filepath": "/",
            "filename": "",
        },
        {
            "contextid": -1,
            "contextlevel": "course",
            "instanceid": "{courseid}",
            "component": "course",
            "filearea": "summary",
            "itemid": 0,
            "filepath": "/",
            "filename": "",
        },
    ],
    "core_filters_get_available_in_context": [
        {"contexts": [{"contextlevel": "course", "instanceid": "{courseid}"}]}
    ],
    "core_get_component_strings": [{"component": "mod_forum"}],
    "core_get_string": [{"stringid": "modulename", "component": "mod_forum"}],
    "core_get_strings": [
        {"strings": [{"stringid": "modulename", "component": "mod_forum", "lang": "en"}]}
    ],
    "core_get_user_dates": [
        {
            "contextlevel": "system",
            "timestamps": [{"timestamp": "{now}", "format": "%d %B %Y"}],
        }
    ],
    "core_output_load_template": [
        {"component": "core", "template": "loading", "themename": "boost"}
    ],
    "core_output_load_template_with_dependencies": [
        {"component": "core", "template": "loading", "themename": "boost"}
    ],
    "core_rating_get_item_ratings": [
        {
            "contextlevel": "course",
            "instanceid": "{courseid}",
            "component": "mod_forum",
            "ratingarea": "post",
            "itemid": 1,
            "scaleid": 1,
            "sort": "timemodified",
        }
    ],
    "core_user_get_users": [
        {"criteria": [{"key": "email", "value": "%@%"}]},
        {"criteria": [{"key": "lastname", "value": "%"}]},
    ],
    "core_user_get_users_by_field": [{"field": "id", "values": ["{selftext}", "{usertext}"]}],
    "mod_lti_is_cartridge": [{"url": "http://127.0.0.1:9/"}],
    "tool_templatelibrary_load_canonical_template": [{"component": "core", "template": "loading"}],
}


def sets_for(function: Function, world: World, userid: int, most: int = 4) -> Iterator[Any]:
    """Sets of arguments: what is required for each place and for the user's own id, then all that
    is optional as well.
    """
    places = world.places(function.component)[:most] or [world.everywhere]
    given = _SETS.get(function.name)
    if given is not None:
        yield from (_filled(each, _named(places[0])) for each in given)
        return
    yield _object(function, function.params, "", places[0], whole=False)
    for place in places[1:]:
        yield _object(function, function.params, "", place, whole=False)
    own = {**places[0], "userid": userid, "self": userid}
    yield _object(function, function.params, "", own, whole=False)
    yield _object(function, function.params, "", places[0], whole=True)


def _named(place: Place) -> Place:
    """Return the place with its ids also as text."""
    return {
        **place,
        "coursetext": str(place.get("courseid", 0)),
        "categorytext": str(place.get("categoryid", 0)),
        "selftext": str(place.get("self", 0)),
        "usertext": str(place.get("userid", place.get("self", 0))),
    }


def _filled(template: Any, place: Place) -> Any:
    match template:
        case dict():
            given = cast("dict[str, Any]", template)
            return {key: _filled(value, place) for key, value in given.items()}
        case list():
            return [_filled(value, place) for value in cast("list[Any]", template)]
        case str() if template.startswith("{"):
            return place.get(template.strip("{}"), 1)
        case _:
            return template


def _object(
    function: Function, node: Object, path: str, place: Place, *, whole: bool
) -> dict[str, Any]:
    if "contextlevel" in node.keys and "instanceid" in node.keys and "contextid" in node.keys:
        # Either the context's id or what it belongs to; Moodle refuses both together.
        return {"contextid": 1}
    # An object whose keys are all optional is sent whole: REST can't carry an empty one.
    whole = whole or (
        path != "" and all(each.presence != "required" for each in node.keys.values())
    )
    return {
        key: _value(function, child, f"{path}.{key}".lstrip("."), place, whole=whole)
        for key, child in node.keys.items()
        if (whole and child != Object({}, child.presence, child.default))
        or child.presence == "required"
    }


def _value(function: Function, node: Node, path: str, place: Place, *, whole: bool) -> Any:
    match node:
        case Value():
            return _scalar(function, node, path, place)
        case ListOf():
            return [_value(function, node.item, f"{path}[]", place, whole=whole)]
        case Object():
            return _object(function, node, path, place, whole=whole)


def _scalar(function: Function, node: Value, path: str, place: Place) -> Any:
    text = function.text.params.get(path)
    if text is not None and text.enum:
        return text.enum[0]
    name = path.rpartition(".")[2].removesuffix("[]")
    value = _known(function, name, place)
    if value is None and node.presence == "default" and node.default is not None:
        value = node.default
    if value is None:
        value = _BY_PARAM.get(node.type, _BY_TYPE[scalar(node)])
    if scalar(node) == "string":
        return str(value)
    return bool(value) if scalar(node) == "boolean" else value


def _known(function: Function, name: str, place: Place) -> Any:
    modname = function.component.removeprefix("mod_")
    if name.removesuffix("s") in (f"{modname}id", "assignmentid", "databaseid") or (
        name == "id" and modname == "glossary"
    ):
        return place.get("instance")
    if name == "id":
        if "module" in function.name:
            return place.get("cmid")
        return place.get("courseid") if "course" in function.name else None
    meant = _MEANT.get(name, name)
    return place.get(meant) if meant in place else _FIXED.get(name)
