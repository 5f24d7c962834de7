"""The state of the demo site: frozen rows in tables, so that snapshots are cheap."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from moodle_mcp.demo.records import (
    Category,
    Cohort,
    Course,
    Discussion,
    Enrolment,
    Event,
    Grade,
    GradeItem,
    Group,
    Grouping,
    Message,
    Module,
    Note,
    Section,
    StoredFile,
    Submission,
    User,
)

Row = TypeVar("Row")


class Table(dict[int, Row]):
    """Rows by id. Ids are never reused, as with a database's sequence."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0

    def __setitem__(self, row_id: int, row: Row) -> None:
        self._last = max(self._last, row_id)
        super().__setitem__(row_id, row)

    def next_id(self) -> int:
        """Return an id that no row has had."""
        self._last += 1
        return self._last


@dataclass
class World:
    """The site's complete state."""

    now: int
    users: Table[User] = field(default_factory=Table[User])
    categories: Table[Category] = field(default_factory=Table[Category])
    courses: Table[Course] = field(default_factory=Table[Course])
    sections: Table[Section] = field(default_factory=Table[Section])
    modules: Table[Module] = field(default_factory=Table[Module])
    submissions: Table[Submission] = field(default_factory=Table[Submission])
    grade_items: Table[GradeItem] = field(default_factory=Table[GradeItem])
    grades: Table[Grade] = field(default_factory=Table[Grade])
    groups: Table[Group] = field(default_factory=Table[Group])
    groupings: Table[Grouping] = field(default_factory=Table[Grouping])
    cohorts: Table[Cohort] = field(default_factory=Table[Cohort])
    events: Table[Event] = field(default_factory=Table[Event])
    messages: Table[Message] = field(default_factory=Table[Message])
    notes: Table[Note] = field(default_factory=Table[Note])
    discussions: Table[Discussion] = field(default_factory=Table[Discussion])
    files: Table[StoredFile] = field(default_factory=Table[StoredFile])
    enrolments: dict[tuple[int, int], Enrolment] = field(
        default_factory=dict[tuple[int, int], Enrolment]
    )
    """By course and user."""
    completions: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    """When an activity was completed, by cmid and user."""
    extensions: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    """Later due dates, by assignment and user."""
    locks: dict[tuple[int, int], bool] = field(default_factory=dict[tuple[int, int], bool])
    """Whether a submission is locked, by assignment and user."""

    def snapshot(self) -> dict[str, dict[Any, Any]]:
        """Return all rows in their present state."""
        names = [each.name for each in fields(self) if each.name != "now"]
        return {name: dict(getattr(self, name)) for name in names}

    def restore(self, snapshot: dict[str, dict[Any, Any]]) -> None:
        """Restore a snapshot."""
        for name, rows in snapshot.items():
            table: dict[Any, Any] = getattr(self, name)
            table.clear()
            table.update(rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Keep all that the block writes or, if it raises, nothing."""
        before = self.snapshot()
        try:
            yield
        except BaseException:
            self.restore(before)
            raise

    def people(self) -> Iterator[User]:
        """Yield the accounts that are not deleted."""
        return (user for user in self.users.values() if not user.deleted)

    def user(self, user_id: int) -> User | None:
        """Return the account with that id, unless it was deleted."""
        user = self.users.get(user_id)
        return None if user is None or user.deleted else user

    def user_named(self, username: str) -> User | None:
        """Return the account with that username, unless it was deleted."""
        found = (user for user in self.people() if user.username == username)
        return next(found, None)

    def enrolled(self, course_id: int) -> list[Enrolment]:
        """Return the enrolments of a course, ordered by user id."""
        found = [each for each in self.enrolments.values() if each.course == course_id]
        return sorted(found, key=lambda each: each.user)

    def enrolments_of(self, user_id: int) -> list[Enrolment]:
        """Return the enrolments of a user, ordered by course id."""
        found = [each for each in self.enrolments.values() if each.user == user_id]
        return sorted(found, key=lambda each: each.course)

    def modules_of(self, course_id: int, modname: str | None = None) -> list[Module]:
        """Return the activities of a course, of one kind or all."""
        return [
            module
            for module in self.modules.values()
            if module.course == course_id and modname in (None, module.modname)
        ]

    def module_of(self, modname: str, instance: int) -> Module | None:
        """Return the activity of that kind with that instance id."""
        found = (
            module
            for module in self.modules.values()
            if module.modname == modname and module.instance == instance
        )
        return next(found, None)

    def groups_of(self, course_id: int) -> list[Group]:
        """Return the groups of a course."""
        return [group for group in self.groups.values() if group.course == course_id]

    def item_of(self, cmid: int) -> GradeItem | None:
        """Return the gradebook column of an activity."""
        return next((item for item in self.grade_items.values() if item.module == cmid), None)

    def grade_of(self, item_id: int, user_id: int) -> Grade | None:
        """Return a user's grade in a column."""
        found = (
            grade
            for grade in self.grades.values()
            if grade.item == item_id and grade.user == user_id
        )
        return next(found, None)
