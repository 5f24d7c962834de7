"""Resources: the answers of read functions under URIs, such as moodle://course/2/contents.

A resource is the same JSON as the answer of the function's tool: `page`, `notice` and the marks
around people's texts mean the same, and more_results continues a long one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least

from moodle_mcp.errors import Kind
from moodle_mcp.presentation.clean import clean
from moodle_mcp.server.results import to_text
from moodle_mcp.service.reply import Reply

_MIME: Final = "application/json"
_MOST_EVENTS: Final = 50
"""Moodle's own limit of core_calendar_get_action_events_by_timesort."""

_MODERN: Final = "2026-07-28"
_OLD_NOT_FOUND: Final = -32002
"""The error code for an unknown resource in the protocols before 2026-07-28."""

_FIELD: Final = re.compile(r"\{(\w+)\}")
_ID: Final = r"([1-9][0-9]{0,9})"

Allowed: TypeAlias = Callable[[str], bool]
"""Whether a function may be called here."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads and when: `now` in Unix seconds; `user_id` is None if the site is unknown."""

    now: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class ResourceSpec:
    """A resource, or a resource template with an id in its `uri`, and the call that reads it.

    If the answer's list `needs` is empty, the resource does not exist.
    """

    name: str
    uri: str
    title: str
    description: str
    function: str
    arguments: Callable[[int, Reader], Mapping[str, Any]]
    needs: str | None = None

    @property
    def fields(self) -> list[str]:
        """The names of the ids in the URI."""
        return _FIELD.findall(self.uri)

    def id_in(self, uri: str) -> int | None:
        """The id in a URI of this resource, 0 if it has none; None for the URI of another one."""
        found = re.fullmatch(_FIELD.sub(lambda _: _ID, self.uri), uri)
        return int(found[1] if found.re.groups else 0) if found else None


def _deadlines(user_id: int, reader: Reader) -> Mapping[str, Any]:
    """The arguments for a user's deadlines.

    If a user id is passed, Moodle requires moodle/calendar:manageentries, even for the user's own
    (observed on 4.5.6: a student's own id is refused).
    """
    whose = {"userid": user_id} if user_id not in (0, reader.user_id) else {}
    return {"timesortfrom": reader.now, "limitnum": _MOST_EVENTS, **whose, "_times": True}


_DEADLINES: Final = "core_calendar_get_action_events_by_timesort"

RESOURCES: Final = (
    ResourceSpec(
        "course",
        "moodle://course/{courseid}",
        "A course",
        "Names, category, dates, format and teachers of one course.",
        "core_course_get_courses_by_field",
        lambda course_id, _: {"field": "id", "value": str(course_id), "_times": True},
        needs="courses",
    ),
    ResourceSpec(
        "course_contents",
        "moodle://course/{courseid}/contents",
        "What is in a course",
        "Sections and activities of one course, with links and dates.",
        "core_course_get_contents",
        lambda course_id, _: {"courseid": course_id, "_times": True},
    ),
    ResourceSpec(
        "user_deadlines",
        "moodle://user/{userid}/deadlines",
        "A user's deadlines",
        "What a user still has to do in all their courses, soonest first. Another user's deadlines "
        "require the right to manage that user's calendar.",
        _DEADLINES,
        _deadlines,
    ),
    ResourceSpec(
        "my_deadlines",
        "moodle://me/deadlines",
        "My deadlines",
        "What the token's user still has to do in all courses, soonest first.",
        _DEADLINES,
        _deadlines,
    ),
)


def resources(allowed: Allowed) -> list[types.Resource]:
    """The resources without an id in their URI whose function is allowed."""
    return [
        types.Resource(
            name=spec.name,
            uri=spec.uri,
            title=spec.title,
            description=spec.description,
            mime_type=_MIME,
        )
        for spec in RESOURCES
        if not spec.fields and allowed(spec.function)
    ]


def templates(allowed: Allowed) -> list[types.ResourceTemplate]:
    """The resource templates whose function is allowed."""
    return [
        types.ResourceTemplate(
            name=spec.name,
            uri_template=spec.uri,
            title=spec.title,
            description=spec.description,
            mime_type=_MIME,
        )
        for spec in RESOURCES
        if spec.fields and allowed(spec.function)
    ]


def known_template(uri: str) -> None:
    """Check that a resource template exists.

    Raises:
        MCPError: it does not exist.
    """
    if not any(spec.fields and spec.uri == uri for spec in RESOURCES):
        raise MCPError(types.INVALID_PARAMS, f"Unknown resource template: {uri[:200]}")


def reading(uri: str, reader: Reader, version: str) -> tuple[ResourceSpec, dict[str, Any]]:
    """The resource of a URI, and the arguments of the function that reads it.

    Raises:
        MCPError: no resource has this URI; its code depends on the protocol `version`.
    """
    for spec in RESOURCES:
        found = spec.id_in(uri)
        if found is not None:
            return spec, dict(spec.arguments(found, reader))
    known = ", ".join(spec.uri for spec in RESOURCES)
    raise _not_found(f"Unknown resource; there are {known}.", {"uri": clean(uri[:200])}, version)


def to_resource(
    uri: str, spec: ResourceSpec, reply: Reply, version: str
) -> types.ReadResourceResult:
    """Convert a reply to the contents of a resource.

    Raises:
        MCPError: the call failed; its data has the `error` of the envelope.
    """
    text, envelope = to_text(reply.envelope)
    if "error" in envelope:
        raise _failure(uri, envelope["error"], version)
    # A result of the wrong type has a warning; the list of a long answer may be on a later page.
    found = cast("Mapping[str, Any] | None", envelope.get("result"))
    is_whole = "page" not in envelope
    if spec.needs and is_whole and found is not None and not found.get(spec.needs):
        message = "Nothing with this id exists, or the token's user may not see it."
        raise _not_found(message, {"uri": uri}, version)
    contents = types.TextResourceContents(uri=uri, mime_type=_MIME, text=text)
    return types.ReadResourceResult(contents=[contents])


def _failure(uri: str, error: Mapping[str, Any], version: str) -> MCPError:
    message = f"{error['message']} {error['hint']}"
    data = {"uri": uri, "error": error}
    match error["kind"]:
        case Kind.NOT_FOUND.code:
            return _not_found(message, data, version)
        case Kind.INVALID_ARGUMENTS.code | Kind.INVALID_PARAMETER.code | Kind.NOT_ALLOWED.code:
            return MCPError(types.INVALID_PARAMS, message, data)
        case _:
            return MCPError(types.INTERNAL_ERROR, message, data)


def _not_found(message: str, data: Mapping[str, Any], version: str) -> MCPError:
    code = types.INVALID_PARAMS if is_version_at_least(version, _MODERN) else _OLD_NOT_FOUND
    return MCPError(code, message, data)
