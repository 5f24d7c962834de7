"""What the probes act upon: things of their own on the test site."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.errors import CallError
from moodle_mcp.site.protocol import REST
from moodle_mcp.site.session import SiteSession
from tests.support.demo import connection
from tests.support.live import live_user
from tests.support.live_things import Own, own_things
from tests.support.live_world import discover
from tools.probes.database import Database

Who: TypeAlias = Literal["admin", "student", "teacher"]

TIMEOUT: Final = 300.0


class SetupError(Exception):
    """Something that a probe needs could not be made."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that tells of a failure."""

    errorcode: str


@dataclass(frozen=True, slots=True)
class Place:
    """A course with activities, and its people: a student, a teacher, another student, and
    `outsider`, whose account exists and who is no participant.

    `modules` are its activities of each kind in the course's order, each with `id` (cmid) and
    `instance`. `release` is the site's.
    """

    own: Own
    database: Database
    sites: Mapping[Who, SiteSession]
    tokens: Mapping[Who, str]
    modules: Mapping[str, list[Mapping[str, Any]]]
    student: int
    teacher: int
    other: int
    outsider: int
    admin: int
    release: str

    @property
    def course(self) -> int:
        return self.own.course

    async def ask(self, who: Who, function: str, arguments: Mapping[str, Any]) -> Any:
        """What Moodle answers; a `Refused` where that is an exception."""
        try:
            request = REST.encode(function, arguments)
            return (await self.sites[who].send(request, timeout=TIMEOUT)).value
        except CallError as error:
            return Refused(error.fault.errorcode or error.fault.kind.code)

    async def make(self, function: str, arguments: Mapping[str, Any], who: Who = "admin") -> Any:
        """What Moodle answers to a call that must go well."""
        answer = await self.ask(who, function, arguments)
        if isinstance(answer, Refused):
            raise SetupError(f"{function}: {answer.errorcode}")
        return answer


@asynccontextmanager
async def a_place(url: str, token: str, database: Database) -> AsyncGenerator[Place]:
    """Make it, and remove it whatever happens."""
    async with live_user("admin", token) as live, AsyncExitStack() as stack:
        own = await stack.enter_async_context(own_things(live, await discover(live)))
        # The last name of the first is "0", which PHP takes for none: that account may do little.
        outsider, student, teacher, other = own.users
        (role,) = database.run("select id from mdl_role where shortname = 'editingteacher'")
        roles = {student: own.student_role, other: own.student_role, teacher: int(role)}
        enrolments = [
            {"roleid": role, "userid": user, "courseid": own.course} for user, role in roles.items()
        ]
        await live.done("enrol_manual_enrol_users", {"enrolments": enrolments})
        people: dict[Who, str] = {
            "admin": token,
            "student": _token(database, student, token),
            "teacher": _token(database, teacher, token),
        }
        sites: dict[Who, SiteSession] = {
            who: SiteSession(connection(url, of)) for who, of in people.items()
        }
        for site in sites.values():
            stack.push_async_callback(site.aclose)
        modules: dict[str, list[Mapping[str, Any]]] = {}
        for section in await live.found("core_course_get_contents", {"courseid": own.course}):
            for module in section["modules"]:
                modules.setdefault(module["modname"], []).append(module)
        yield Place(
            own=own,
            database=database,
            sites=sites,
            tokens=people,
            modules=modules,
            student=student,
            teacher=teacher,
            other=other,
            outsider=outsider,
            admin=live.userid,
            release=live.release,
        )


def _token(database: Database, user: int, like: str) -> str:
    """A new token for a user, in the service of another one; gone with the user."""
    token = secrets.token_hex(16)
    database.run(
        "insert into mdl_external_tokens "
        "(token, tokentype, userid, externalserviceid, contextid, creatorid, timecreated) "
        f"select '{token}', tokentype, {user}, externalserviceid, contextid, creatorid, "
        f"timecreated from mdl_external_tokens where token = '{like}'"
    )
    return token
