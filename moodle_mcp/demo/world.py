"""The state of the demo site: frozen rows in tables, so that a snapshot costs next to nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, TypeVar

Row = TypeVar("Row")

SITE_COURSE: Final = 1
MANAGER: Final = 1
EDITING_TEACHER: Final = 3
TEACHER: Final = 4
STUDENT: Final = 5
ROLES: Final = MappingProxyType(
    {
        MANAGER: "manager",
        EDITING_TEACHER: "editingteacher",
        TEACHER: "teacher",
        STUDENT: "student",
    }
)
"""The short names of the roles that a course can have, by id."""

SYSTEM_CONTEXT: Final = 1


def course_context(course_id: int) -> int:
    """The context of a course."""
    return 100_000 + course_id


def module_context(cmid: int) -> int:
    """The context of an activity."""
    return 200_000 + cmid


def user_context(user_id: int) -> int:
    """The context of a user."""
    return 300_000 + user_id


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: int
    username: str
    firstname: str
    lastname: str
    email: str
    password: str = field(repr=False)
    auth: str = "manual"
    idnumber: str = ""
    city: str = ""
    country: str = ""
    institution: str = ""
    department: str = ""
    description: str = ""
    phone1: str = ""
    phone2: str = ""
    address: str = ""
    lang: str = "en"
    theme: str = ""
    timezone: str = "99"
    mailformat: int = 1
    suspended: bool = False
    deleted: bool = False
    firstaccess: int = 0
    lastaccess: int = 0
    system_role: str = ""
    """`admin`, `manager` or nothing."""

    @property
    def fullname(self) -> str:
        """The name as Moodle shows it in English."""
        return f"{self.firstname} {self.lastname}"


@dataclass(frozen=True, slots=True)
class Category:
    """A course category."""

    id: int
    name: str
    parent: int = 0
    idnumber: str = ""
    description: str = ""
    descriptionformat: int = 1
    theme: str = ""
    timemodified: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """A course; course 1 is the site itself."""

    id: int
    shortname: str
    fullname: str
    category: int
    created: int
    modified: int
    startdate: int
    enddate: int = 0
    idnumber: str = ""
    summary: str = ""
    summaryformat: int = 1
    format: str = "topics"
    visible: int = 1
    showgrades: int = 1
    newsitems: int = 5
    maxbytes: int = 0
    showreports: int = 0
    hiddensections: int = 1
    groupmode: int = 0
    groupmodeforce: int = 0
    defaultgroupingid: int = 0
    enablecompletion: int = 1
    completionnotify: int = 0
    lang: str = ""
    theme: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a course."""

    id: int
    course: int
    number: int
    name: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """An activity or a resource in a section; `id` is its cmid."""

    id: int
    course: int
    section: int
    modname: str
    instance: int
    name: str
    added: int
    intro: str = ""
    duedate: int = 0
    grade: int = 0
    url: str = ""
    visible: int = 1
    completion: int = 0
    """0 none, 1 by hand, 2 by a rule."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A student's submission to an assignment."""

    id: int
    assignment: int
    user: int
    text: str
    created: int
    status: str = "submitted"


@dataclass(frozen=True, slots=True)
class GradeItem:
    """A column of the gradebook: the course's total, or an activity's."""

    id: int
    course: int
    module: int = 0
    """The cmid; 0 is the course's total."""
    grademax: int = 100


@dataclass(frozen=True, slots=True)
class Grade:
    """A user's grade in a column."""

    id: int
    item: int
    user: int
    value: float
    grader: int
    created: int
    modified: int
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A manual enrolment with the user's roles in the course."""

    course: int
    user: int
    roles: tuple[int, ...]
    timestart: int = 0
    timeend: int = 0
    suspended: bool = False

    def active(self, now: int) -> bool:
        """Whether it lets the user in at that time."""
        over = bool(self.timeend) and self.timeend <= now
        return not self.suspended and self.timestart <= now and not over


@dataclass(frozen=True, slots=True)
class Group:
    """A group in a course."""

    id: int
    course: int
    name: str
    description: str = ""
    descriptionformat: int = 1
    enrolmentkey: str = ""
    idnumber: str = ""
    visibility: int = 0
    participation: bool = True
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Grouping:
    """A grouping of groups in a course."""

    id: int
    course: int
    name: str
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort of users, site-wide (category 0) or of a category."""

    id: int
    name: str
    idnumber: str
    category: int = 0
    description: str = ""
    descriptionformat: int = 1
    visible: bool = True
    theme: str = ""
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A calendar event."""

    id: int
    name: str
    eventtype: str
    timestart: int
    modified: int
    user: int = 0
    course: int = 0
    group: int = 0
    module: int = 0
    """The cmid of the activity that made it; 0 for one that a person made."""
    description: str = ""
    format: int = 1
    timeduration: int = 0
    visible: int = 1
    sequence: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    """A message from one user to another."""

    id: int
    sender: int
    recipient: int
    conversation: int
    text: str
    format: int
    created: int


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a user."""

    id: int
    user: int
    course: int
    publishstate: str
    text: str
    format: int
    author: int
    created: int


@dataclass(frozen=True, slots=True)
class Discussion:
    """A forum discussion with its first post."""

    id: int
    forum: int
    course: int
    subject: str
    message: str
    user: int
    created: int
    replies: int = 0
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in one of Moodle's file areas."""

    id: int
    context: int
    component: str
    filearea: str
    itemid: int
    filename: str
    content: bytes
    mimetype: str
    user: int
    created: int
    filepath: str = "/"

    @property
    def path(self) -> str:
        """Its path behind `pluginfile.php`."""
        return (
            f"/{self.context}/{self.component}/{self.filearea}/{self.itemid}"
            f"{self.filepath}{self.filename}"
        )


class Table(dict[int, Row]):
    """Rows by id. An id is never given twice, as with a database's sequence."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0

    def __setitem__(self, row_id: int, row: Row) -> None:
        self._last = max(self._last, row_id)
        super().__setitem__(row_id, row)

    def next_id(self) -> int:
        """An id that no row has had."""
        self._last += 1
        return self._last


@dataclass
class World:
    """Everything the site knows."""

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

    def snapshot(self) -> dict[str, dict[Any, Any]]:
        """All rows as they are now."""
        names = [each.name for each in fields(self) if each.name != "now"]
        return {name: dict(getattr(self, name)) for name in names}

    def restore(self, snapshot: dict[str, dict[Any, Any]]) -> None:
        """Go back to a snapshot."""
        for name, rows in snapshot.items():
            table: dict[Any, Any] = getattr(self, name)
            table.clear()
            table.update(rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All that the block writes, or nothing of it."""
        before = self.snapshot()
        try:
            yield
        except BaseException:
            self.restore(before)
            raise

    def people(self) -> Iterator[User]:
        """The accounts that are not deleted."""
        return (user for user in self.users.values() if not user.deleted)

    def user(self, user_id: int) -> User | None:
        """The account with that id, unless it was deleted."""
        user = self.users.get(user_id)
        return None if user is None or user.deleted else user

    def user_named(self, username: str) -> User | None:
        """The account with that username, unless it was deleted."""
        found = (user for user in self.people() if user.username == username)
        return next(found, None)

    def enrolled(self, course_id: int) -> list[Enrolment]:
        """The enrolments of a course, in the order of the users' ids."""
        found = [each for each in self.enrolments.values() if each.course == course_id]
        return sorted(found, key=lambda each: each.user)

    def enrolments_of(self, user_id: int) -> list[Enrolment]:
        """The enrolments of a user, in the order of the courses' ids."""
        found = [each for each in self.enrolments.values() if each.user == user_id]
        return sorted(found, key=lambda each: each.course)

    def modules_of(self, course_id: int, modname: str | None = None) -> list[Module]:
        """The activities of a course, of one kind or all."""
        return [
            module
            for module in self.modules.values()
            if module.course == course_id and modname in (None, module.modname)
        ]

    def module_of(self, modname: str, instance: int) -> Module | None:
        """The activity of that kind with that instance id."""
        found = (
            module
            for module in self.modules.values()
            if module.modname == modname and module.instance == instance
        )
        return next(found, None)

    def groups_of(self, course_id: int) -> list[Group]:
        """The groups of a course."""
        return [group for group in self.groups.values() if group.course == course_id]

    def item_of(self, cmid: int) -> GradeItem | None:
        """The gradebook's column for an activity."""
        return next((item for item in self.grade_items.values() if item.module == cmid), None)

    def grade_of(self, item_id: int, user_id: int) -> Grade | None:
        """A user's grade in a column."""
        found = (
            grade
            for grade in self.grades.values()
            if grade.item == item_id and grade.user == user_id
        )
        return next(found, None)
