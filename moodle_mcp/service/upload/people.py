"""The rows of a table as people: their account, courses, cohorts and roles; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from moodle_mcp.catalogue.references import Thing
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.service.references.names import Name, number
from moodle_mcp.service.upload.columns import ACCOUNT, PROFILE_FIELD, numbered

_DAY: Final = 86_400
_YES_NO: Final = {"0": False, "1": True}


class RowError(Exception):
    """A row can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A course that a person is to be in; times are Unix seconds, 0 for none."""

    course: str
    role: str
    group: str = ""
    suspended: bool | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """A row. Texts are as in the table; an empty cell changes nothing.

    `profile` are custom fields by short name. `suspended` is None if nothing is said of it.
    `system_roles` are short names, those to take away with a leading minus.
    """

    line: int
    username: str
    account: Mapping[str, str]
    password: str = ""
    profile: Mapping[str, str] = field(default_factory=dict[str, str])
    suspended: bool | None = None
    is_deleted: bool = False
    old_username: str = ""
    enrolments: tuple[Enrolment, ...] = ()
    cohorts: tuple[str, ...] = ()
    system_roles: tuple[str, ...] = ()

    def names(self) -> list[Name]:
        """Return the names of courses, cohorts and roles in the row."""
        names = [Name(Thing.COURSE, each.course) for each in self.enrolments]
        names += [Name(Thing.ROLE, each.role) for each in self.enrolments]
        names += [Name(Thing.ROLE, each.lstrip("-")) for each in self.system_roles]
        return [*names, *map(cohort_name, self.cohorts)]


def cohort_name(text: str) -> Name:
    """Return the name of a cohort: a number is its id, as on Moodle's page."""
    return Name(Thing.COHORT, text, "id" if number(text) is not None else "idnumber")


def person(line: int, cells: Mapping[str, str], now: int) -> Person:
    """Return the person of a row; `now` is in Unix seconds.

    Raises:
        RowError: a value can't be used.
    """
    given = {name: text.strip() for name, text in cells.items() if text.strip()}
    username = given.get("username", "").lower()
    if not username:
        raise RowError("username is empty")
    words: dict[str, dict[int, str]] = {}
    for name, text in given.items():
        found = numbered(name)
        if found is not None:
            words.setdefault(found[0], {})[found[1]] = text
    return Person(
        line,
        username,
        {name: given[name] for name in ACCOUNT if name in given and name != "username"},
        given.get("password", ""),
        {
            name.removeprefix(PROFILE_FIELD): text
            for name, text in given.items()
            if name.startswith(PROFILE_FIELD)
        },
        _flag(given, "suspended"),
        _flag(given, "deleted") or False,
        given.get("oldusername", "").lower(),
        tuple(_enrolment(index, words, now) for index in sorted(words.get("course", {}))),
        tuple(words.get("cohort", {}).values()),
        tuple(words.get("sysrole", {}).values()),
    )


def _flag(given: Mapping[str, str], name: str) -> bool | None:
    if name not in given:
        return None
    if given[name] not in _YES_NO:
        raise RowError(f"{name} must be 0 or 1")
    return _YES_NO[given[name]]


def _enrolment(index: int, words: Mapping[str, Mapping[int, str]], now: int) -> Enrolment:
    def cell(word: str) -> str:
        return words.get(word, {}).get(index, "")

    role = cell("role")
    if not role:
        raise RowError(f"role{index} is empty")
    status = cell("enrolstatus")
    if status not in ("", *_YES_NO):
        raise RowError(f"enrolstatus{index} must be 0 (active) or 1 (suspended)")
    start = _whole(cell("enroltimestart"), f"enroltimestart{index} must be Unix seconds")
    days = _whole(cell("enrolperiod"), f"enrolperiod{index} must be a number of days")
    return Enrolment(
        cell("course"),
        role,
        cell("group"),
        _YES_NO.get(status),
        start,
        (start or now) + days * _DAY if days else 0,
    )


def _whole(text: str, problem: str) -> int:
    found = number(text) if text else 0
    if found is None:
        raise RowError(problem)
    return found


def row_fault(problem: str) -> Fault:
    """Return the fault of a row that can't be used."""
    return Fault(Kind.INVALID_ARGUMENTS, f"{problem}.", hint="Correct the row.")


def new_account(person: Person) -> dict[str, Any]:
    """Return the item of core_user_create_users; without a password Moodle mails one."""
    item: dict[str, Any] = {"username": person.username, **person.account}
    if person.password:
        item["password"] = person.password
    else:
        item["createpassword"] = True
    if person.profile:
        item["customfields"] = _custom(person.profile)
    return item


def missing_for_new(person: Person) -> str | None:
    """Return the first column that a new account lacks; None if there is none."""
    needed = ("firstname", "lastname", "email")
    return next((each for each in needed if each not in person.account), None)


def changes(person: Person, user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item of core_user_update_users with what differs; without differences, only `id`.

    Passwords of existing accounts stay as they are, as by default on Moodle's page.
    """
    item: dict[str, Any] = {"id": user["id"]}
    if user.get("username") != person.username:
        item["username"] = person.username
    item |= {name: text for name, text in person.account.items() if str(user.get(name, "")) != text}
    known = {str(each.get("shortname")): each.get("value") for each in user.get("customfields", [])}
    differing = {name: text for name, text in person.profile.items() if known.get(name) != text}
    if differing:
        item["customfields"] = _custom(differing)
    if person.suspended is not None and bool(user.get("suspended")) != person.suspended:
        item["suspended"] = person.suspended
    return item


def _custom(fields: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"type": name, "value": text} for name, text in fields.items()]
