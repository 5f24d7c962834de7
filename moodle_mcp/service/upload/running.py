"""Plans and makes the calls of an upload, in order, and says what became of each row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, cast

from moodle_mcp.caller.ledger import Fate
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.references import Thing
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.service.references.asking import Ask, objects, plain
from moodle_mcp.service.references.names import Match, Name
from moodle_mcp.service.references.people import USERS
from moodle_mcp.service.references.resolver import Resolver
from moodle_mcp.service.upload.people import (
    Enrolment,
    Person,
    changes,
    cohort_name,
    missing_for_new,
    new_account,
    row_fault,
)

Mode: TypeAlias = Literal["add", "add_update", "update"]
MODES: Final[tuple[Mode, ...]] = ("add", "add_update", "update")

CREATE: Final = "core_user_create_users"
UPDATE: Final = "core_user_update_users"
DELETE: Final = "core_user_delete_users"
COHORTS: Final = "core_cohort_add_cohort_members"
ENROL: Final = "enrol_manual_enrol_users"
MAKE_GROUPS: Final = "core_group_create_groups"
GROUPS: Final = "core_group_add_group_members"
ASSIGN: Final = "core_role_assign_roles"
UNASSIGN: Final = "core_role_unassign_roles"

Call: TypeAlias = Callable[[str, str, list[Any]], Awaitable[Outcome]]
"""Calls a function with the items of one of its arguments."""

_SKIPPED: Final = "skipped"


@dataclass(slots=True)
class Row:
    """A row on its way: the person, their account if there is one, and what was done."""

    person: Person
    user: Mapping[str, Any] | None = None
    state: str = "unchanged"
    user_id: int | None = None
    done: list[str] = field(default_factory=list[str])
    step: str = ""
    fault: Fault | None = None

    @property
    def is_open(self) -> bool:
        """Whether further steps are to be made."""
        return self.fault is None and self.state not in (_SKIPPED, "unknown", "deleted")

    def fail(self, fault: Fault, step: str = "") -> None:
        """End the row with a fault in a step."""
        self.state, self.step, self.fault = "failed", step, fault


@dataclass(slots=True)
class Upload:
    """The rows of an upload with what was found for them. `run` makes the calls."""

    rows: list[Row]
    mode: Mode
    makes_groups: bool
    found: dict[Name, Match] = field(default_factory=dict[Name, Match])

    async def prepare(self, resolver: Resolver) -> None:
        """Find the accounts, and all that the rows name; a row with an unknown name has a fault.

        Raises:
            CallError: a look-up is not allowed or failed; nothing was sent.
        """
        open_rows = [row for row in self.rows if row.is_open]
        users = await _accounts(open_rows, resolver.ask)
        for row in open_rows:
            _decide(row, users, self.mode)
        going_on = [row for row in open_rows if row.is_open]
        named = [name for row in going_on for name in row.person.names()]
        of_roles = [each for each in named if each.thing is Thing.ROLE]
        self.found = dict(await resolver.find(each for each in named if each not in of_roles))
        courses = [match.id for name, match in self.found.items() if name.thing is Thing.COURSE]
        self.found |= await resolver.find(of_roles, [each for each in courses if each is not None])
        groups = [name for row in going_on for _, name in self._groups(row) if name is not None]
        self.found |= await resolver.find(groups)
        for row in going_on:
            _refuse_unknown(row, self._unknown(row))

    def _id(self, name: Name) -> int | None:
        return self.found.get(name, Match()).id

    def _group(self, enrolment: Enrolment) -> Name | None:
        course = self._id(Name(Thing.COURSE, enrolment.course))
        if not enrolment.group or course is None:
            return None
        return Name(Thing.GROUP, enrolment.group, "name", course)

    def _groups(self, row: Row) -> Iterator[tuple[Enrolment, Name | None]]:
        yield from ((each, self._group(each)) for each in row.person.enrolments)

    def _unknown(self, row: Row) -> Iterator[tuple[Name, Match]]:
        for name in row.person.names():
            yield name, self.found.get(name, Match())
        for _, name in self._groups(row):
            match = self.found.get(name, Match()) if name else Match((0,))
            if name and (match.ids or not self.makes_groups):
                yield name, match

    def functions(self) -> list[str]:
        """Return the functions that the open rows need, in the order of the calls."""
        return [function for function, items in self._planned() if items]

    def counts(self) -> dict[str, int]:
        """Return how many items each function would get."""
        return {function: len(items) for function, items in self._planned() if items}

    def _planned(self) -> Iterator[tuple[str, list[Any]]]:
        rows = [row for row in self.rows if row.is_open]
        deleted = [row for row in rows if row.person.is_deleted]
        kept = [row for row in rows if not row.person.is_deleted]
        people = [row.person for row in kept]
        yield DELETE, deleted
        yield CREATE, [row for row in kept if row.user is None]
        yield UPDATE, [row for row in kept if _update(row)]
        yield COHORTS, [each for person in people for each in person.cohorts]
        yield ENROL, [each for person in people for each in person.enrolments]
        yield MAKE_GROUPS, self._new_groups(kept)
        yield GROUPS, [each for row in kept for _, each in self._groups(row) if each]
        signs = [each.startswith("-") for person in people for each in person.system_roles]
        yield ASSIGN, [sign for sign in signs if not sign]
        yield UNASSIGN, [sign for sign in signs if sign]

    def _new_groups(self, rows: Iterable[Row]) -> list[Name]:
        names = (name for row in rows for _, name in self._groups(row) if name is not None)
        return [name for name in dict.fromkeys(names) if not self.found.get(name, Match()).ids]

    async def run(self, call: Call) -> None:
        """Make the calls; a row that fails in one takes no part in the next."""
        for row in self.rows:
            row.user_id = row.user["id"] if row.user else None
        await self._delete(call)
        await self._create(call)
        await self._update(call)
        await self._step(call, "cohort", COHORTS, "members", self._cohort_items)
        await self._step(call, "enrolment", ENROL, "enrolments", self._enrolment_items)
        await self._make_groups(call)
        await self._step(call, "group", GROUPS, "members", self._group_items)
        await self._step(call, "system role", ASSIGN, "assignments", _role_items(self, False))
        await self._step(call, "system role", UNASSIGN, "unassignments", _role_items(self, True))

    async def _step(
        self,
        call: Call,
        step: str,
        function: str,
        argument: str,
        items_of: Callable[[Row], Iterable[Any]],
    ) -> Outcome | None:
        """Make one call with the items of all open rows, and note what became of each row."""
        pairs = [(row, item) for row in self.rows if row.is_open for item in items_of(row)]
        if not pairs:
            return None
        outcome = await call(function, argument, [item for _, item in pairs])
        for index, (row, _) in enumerate(pairs):
            fate, fault = _fate(outcome, index)
            match fate:
                case Fate.SUCCEEDED:
                    row.done.append(step)
                case Fate.UNKNOWN:
                    row.state, row.step, row.fault = "unknown", step, fault
                case _:
                    row.fail(fault or _NOT_SENT, step)
        return outcome

    async def _delete(self, call: Call) -> None:
        await self._step(call, "deletion", DELETE, "userids", _deleted_items)
        for row in self.rows:
            if row.is_open and row.person.is_deleted:
                row.state = "deleted"

    async def _create(self, call: Call) -> None:
        new = [row for row in self.rows if row.is_open and row.user is None]
        outcome = await self._step(call, "account", CREATE, "users", _new_items)
        created = {
            str(each.get("username")): each["id"]
            for each in objects(outcome.result if outcome else None)
        }
        for row in new:
            if not row.is_open:
                continue
            row.state, row.user_id = "created", created.get(row.person.username)
            if row.user_id is None:
                row.state, row.step = "unknown", "account"

    async def _update(self, call: Call) -> None:
        await self._step(call, "update", UPDATE, "users", _update)
        for row in self.rows:
            if row.is_open and "update" in row.done and row.state != "created":
                row.state = "updated"

    def _cohort_items(self, row: Row) -> Iterator[Any]:
        for text in row.person.cohorts:
            yield {
                "cohorttype": {"type": "id", "value": str(self._id(cohort_name(text)))},
                "usertype": {"type": "id", "value": str(row.user_id)},
            }

    def _enrolment_items(self, row: Row) -> Iterator[Any]:
        for each in row.person.enrolments:
            item: dict[str, Any] = {
                "roleid": self._id(Name(Thing.ROLE, each.role)),
                "userid": row.user_id,
                "courseid": self._id(Name(Thing.COURSE, each.course)),
            }
            item |= {"timestart": each.start} if each.start else {}
            item |= {"timeend": each.end} if each.end else {}
            item |= {} if each.suspended is None else {"suspend": int(each.suspended)}
            yield item

    def _group_items(self, row: Row) -> Iterator[Any]:
        for _, name in self._groups(row):
            if name is not None:
                yield {"groupid": self._id(name), "userid": row.user_id}

    async def _make_groups(self, call: Call) -> None:
        """Make the groups that are missing; rows whose group can't be made fail."""
        names = self._new_groups([row for row in self.rows if row.is_open])
        if not names:
            return
        items = [{"courseid": each.course, "name": each.text, "description": ""} for each in names]
        outcome = await call(MAKE_GROUPS, "groups", items)
        made = {
            (each.get("courseid"), plain(each.get("name"))): each["id"]
            for each in objects(outcome.result)
        }
        for index, name in enumerate(names):
            group = made.get((name.course, name.text))
            fate, fault = _fate(outcome, index)
            if group is not None and fate is Fate.SUCCEEDED:
                self.found[name] = Match((group,))
                continue
            for row in self.rows:
                if row.is_open and name in [each for _, each in self._groups(row)]:
                    row.fail(fault or _NOT_SENT, "group")


_NOT_SENT: Final = Fault(
    Kind.DECLINED, "This was not sent, because an earlier request failed.", hint="Run it again."
)


async def _accounts(rows: Sequence[Row], ask: Ask) -> dict[str, Mapping[str, Any]]:
    """Return the accounts with the rows' user names, by user name."""
    names = [name for row in rows for name in (row.person.username, row.person.old_username)]
    values = [each for each in dict.fromkeys(names) if each]
    if not values:
        return {}
    answer = await ask(USERS, {"field": "username", "values": values})
    return {str(row.get("username")): row for row in objects(answer)}


def _decide(row: Row, users: Mapping[str, Mapping[str, Any]], mode: Mode) -> None:
    """Decide what is to be done for a row, as Moodle's page does in its modes."""
    person = row.person
    row.user = users.get(person.username)
    if person.old_username:
        if row.user is not None and person.old_username in users:
            row.fail(row_fault(f"username {person.username} is taken"))
            return
        row.user = row.user or users.get(person.old_username)
    if person.is_deleted:
        if row.user is None:
            row.fail(row_fault("there is no account to delete"))
    elif (row.user is None and mode == "update") or (row.user is not None and mode == "add"):
        row.state = _SKIPPED
    elif row.user is None and (column := missing_for_new(person)):
        row.fail(row_fault(f"{column} is empty, which a new account needs"))
    elif row.user is None and person.old_username:
        row.fail(row_fault(f"there is no account {person.old_username} to rename"))


def _refuse_unknown(row: Row, named: Iterable[tuple[Name, Match]]) -> None:
    for name, match in named:
        if match.id is None and row.is_open:
            problem = "is unknown" if not match.ids else "means several"
            near = f"; similar: {', '.join(match.near)}" if match.near else ""
            row.fail(row_fault(f"{name.thing.value} {name.text} {problem}{near}"))


def _fate(outcome: Outcome, index: int) -> tuple[Fate, Fault | None]:
    if outcome.ledger is not None:
        return outcome.ledger.fate(index), outcome.ledger.fault(index) or outcome.fault
    if outcome.fault is None:
        return Fate.SUCCEEDED, None
    fate = Fate.UNKNOWN if outcome.fault.written == "unknown" else Fate.FAILED
    return fate, outcome.fault


def _deleted_items(row: Row) -> list[int]:
    return [row.user_id] if row.person.is_deleted and row.user_id is not None else []


def _new_items(row: Row) -> list[Any]:
    return [new_account(row.person)] if row.user is None else []


def _update(row: Row) -> list[Any]:
    """Return the change of an account; of a new one, that it is suspended."""
    if row.user is None:
        wanted = {"id": row.user_id, "suspended": True}
        return [wanted] if row.person.suspended else []
    item = changes(row.person, row.user)
    return [item] if len(item) > 1 else []


def _role_items(upload: Upload, taken: bool) -> Callable[[Row], Iterator[Any]]:
    def items(row: Row) -> Iterator[Any]:
        for text in row.person.system_roles:
            if text.startswith("-") is taken:
                role = upload.found[Name(Thing.ROLE, text.lstrip("-"))].id
                item = {"roleid": role, "userid": row.user_id}
                yield cast("Any", item | {"contextlevel": "system", "instanceid": 0})

    return items
