"""Row types of the demo site's tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

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
    """Return the context id of a course."""
    return 100_000 + course_id


def module_context(cmid: int) -> int:
    """Return the context id of an activity."""
    return 200_000 + cmid


def user_context(user_id: int) -> int:
    """Return the context id of a user."""
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
    """`admin`, `manager` or empty."""

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
    """0 none, 1 manual, 2 automatic."""
    comments: bool = True
    """Whether an assignment takes feedback comments."""


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
    locked: bool = False


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
        """Whether it gives the user access at that time."""
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
    """The cmid of the activity that created it; 0 for an event created by a person."""
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
        """Its path after `pluginfile.php`."""
        return (
            f"/{self.context}/{self.component}/{self.filearea}/{self.itemid}"
            f"{self.filepath}{self.filename}"
        )
