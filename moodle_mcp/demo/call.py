"""The context of a function call: the caller, the site, and the caller's permissions there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from moodle_mcp.demo.errors import course_closed, missing_record, no_permission
from moodle_mcp.demo.records import EDITING_TEACHER, SITE_COURSE, TEACHER, Course, Module, User
from moodle_mcp.demo.world import World

Params: TypeAlias = dict[str, Any]
"""Parameters returned by `validate`."""

Answer: TypeAlias = dict[str, Any]

_REVISION: Final = 1_795_423_205


@dataclass(frozen=True)
class Call:
    """The caller's account and the site.

    `functions` are those of the token's service with their versions; `downloads` and `uploads` say
    whether the service allows files. `pending` is what the user must do on the site first.
    `in_form` says whether the token came as a form field, where Moodle's own functions can find
    it. `exact_case` says whether the database distinguishes case. `run` runs another function of
    the service for the same caller.
    """

    world: World
    user: User
    wwwroot: str
    release: str
    version: str
    functions: Mapping[str, str]
    in_form: bool
    run: Callable[[str, Mapping[str, Any]], Any]
    downloads: bool = True
    uploads: bool = True
    pending: str = ""
    exact_case: bool = False

    @property
    def now(self) -> int:
        """The site's clock, in Unix seconds."""
        return self.world.now

    @property
    def is_staff(self) -> bool:
        """Whether the caller has a role on the whole site: administrators and managers."""
        return bool(self.user.system_role)

    def picture(self, size: str = "f1") -> str:
        """Return the address of a user's picture: everybody has the default one."""
        return self.image("core", f"u/{size}")

    def image(self, component: str, name: str) -> str:
        """Return the address of one of the theme's images."""
        return f"{self.wwwroot}/theme/image.php/boost/{component}/{_REVISION}/{name}"

    def course(self, course_id: int) -> Course:
        """Return a course that the caller may enter."""
        course = self.existing_course(course_id)
        if self.pending:
            raise course_closed(course_id, self.pending)
        if not self.may_enter(course):
            raise course_closed(course_id)
        return course

    def existing_course(self, course_id: int) -> Course:
        """Return a course, whether or not the caller may enter it."""
        course = self.world.courses.get(course_id)
        if course is None:
            raise missing_record("course", course_id)
        return course

    def existing_user(self, user_id: int) -> User:
        """Return an account, whether or not the caller may see it."""
        user = self.world.user(user_id)
        if user is None:
            raise missing_record("user", user_id)
        return user

    def may_enter(self, course: Course) -> bool:
        """Whether the caller may enter a course."""
        if self.is_staff or course.id == SITE_COURSE:
            return True
        enrolment = self.world.enrolments.get((course.id, self.user.id))
        if enrolment is None or not enrolment.active(self.now):
            return False
        return bool(course.visible) or self.teaches(course.id)

    def teaches(self, course_id: int) -> bool:
        """Whether the caller grades in a course."""
        enrolment = self.world.enrolments.get((course_id, self.user.id))
        roles = () if enrolment is None else enrolment.roles
        return self.is_staff or EDITING_TEACHER in roles or TEACHER in roles

    def edits(self, course_id: int) -> bool:
        """Whether the caller changes a course and its people."""
        enrolment = self.world.enrolments.get((course_id, self.user.id))
        return self.is_staff or (enrolment is not None and EDITING_TEACHER in enrolment.roles)

    def require_staff(self, what: str) -> None:
        """Raise an error unless the caller is an administrator or manager."""
        if not self.is_staff:
            raise no_permission(what)

    def require_teacher(self, course_id: int, what: str) -> None:
        """Raise an error unless the caller grades in the course."""
        if not self.teaches(course_id):
            raise no_permission(what)

    def require_editor(self, course_id: int, what: str) -> None:
        """Raise an error unless the caller may change the course."""
        if not self.edits(course_id):
            raise no_permission(what)

    def knows(self, user: User) -> bool:
        """Whether the caller may see somebody's profile: their own, and those of course mates."""
        if self.is_staff or user.id == self.user.id:
            return True
        mine = {each.course for each in self.world.enrolments_of(self.user.id)}
        return any(each.course in mine for each in self.world.enrolments_of(user.id))

    def sees(self, module: Module) -> bool:
        """Whether an activity is visible to the caller."""
        return bool(module.visible) or self.teaches(module.course)


Handler: TypeAlias = Callable[[Call, Params], Any]


def warning(item: str, item_id: int, code: str, message: str) -> Answer:
    """Return a warning in the shape of Moodle's `external_warnings`."""
    return {"item": item, "itemid": item_id, "warningcode": code, "message": message}


def in_transaction(handler: Handler) -> Handler:
    """Run a function in one transaction, as some of Moodle's functions do."""

    def run(call: Call, params: Params) -> Any:
        with call.world.transaction():
            return handler(call, params)

    return run


def option(params: Params, name: str, usual: Any) -> Any:
    """Return a parameter that the caller may leave out, or its default."""
    value = params.get(name)
    return usual if value is None else value


def whole(text: str) -> int:
    """Parse an integer as PHP does: 0 if the text is none."""
    return int(text) if text.isdecimal() else 0


def named_options(options: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Convert Moodle's lists of `{name, value}` to a mapping."""
    return {each["name"]: each["value"] for each in options}
