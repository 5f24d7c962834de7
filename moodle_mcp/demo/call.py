"""One call of a function: who calls, on which site, and what they may do there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from moodle_mcp.demo.errors import course_closed, missing_record, no_permission
from moodle_mcp.demo.records import EDITING_TEACHER, SITE_COURSE, TEACHER, Course, Module, User
from moodle_mcp.demo.world import World

Params: TypeAlias = dict[str, Any]
"""Parameters that `validate` has let through."""

Answer: TypeAlias = dict[str, Any]

_REVISION: Final = 1_795_423_205


@dataclass(frozen=True)
class Call:
    """The caller's account and the site around it.

    `functions` are those of the token's service with their versions, `downloads` and `uploads`
    whether it lets files through; `pending` is what the user must do on the site first; `in_form`
    says whether the token came as a form field, where Moodle's own functions can find it; `run`
    runs another function of it for the same caller.
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

    @property
    def now(self) -> int:
        """The site's clock, in Unix seconds."""
        return self.world.now

    @property
    def is_staff(self) -> bool:
        """Whether the caller has a role on the whole site: administrators and managers."""
        return bool(self.user.system_role)

    def picture(self, size: str = "f1") -> str:
        """The address of a user's picture: everybody has the default one."""
        return self.image("core", f"u/{size}")

    def image(self, component: str, name: str) -> str:
        """The address of one of the theme's images."""
        return f"{self.wwwroot}/theme/image.php/boost/{component}/{_REVISION}/{name}"

    def course(self, course_id: int) -> Course:
        """A course that the caller may enter."""
        course = self.existing_course(course_id)
        if self.pending:
            raise course_closed(course_id, self.pending)
        if not self.may_enter(course):
            raise course_closed(course_id)
        return course

    def existing_course(self, course_id: int) -> Course:
        """A course, whoever may enter it."""
        course = self.world.courses.get(course_id)
        if course is None:
            raise missing_record("course", course_id)
        return course

    def existing_user(self, user_id: int) -> User:
        """An account, whoever may see it."""
        user = self.world.user(user_id)
        if user is None:
            raise missing_record("user", user_id)
        return user

    def may_enter(self, course: Course) -> bool:
        """Whether the caller may see a course from inside."""
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
        """Go on only for administrators and managers."""
        if not self.is_staff:
            raise no_permission(what)

    def require_teacher(self, course_id: int, what: str) -> None:
        """Go on only for those who grade in the course."""
        if not self.teaches(course_id):
            raise no_permission(what)

    def require_editor(self, course_id: int, what: str) -> None:
        """Go on only for those who change the course."""
        if not self.edits(course_id):
            raise no_permission(what)

    def knows(self, user: User) -> bool:
        """Whether the caller may see somebody's profile: their own, and those of course mates."""
        if self.is_staff or user.id == self.user.id:
            return True
        mine = {each.course for each in self.world.enrolments_of(self.user.id)}
        return any(each.course in mine for each in self.world.enrolments_of(user.id))

    def sees(self, module: Module) -> bool:
        """Whether an activity is shown to the caller."""
        return bool(module.visible) or self.teaches(module.course)


Handler: TypeAlias = Callable[[Call, Params], Any]


def warning(item: str, item_id: int, code: str, message: str) -> Answer:
    """A failure inside a success, as Moodle's `external_warnings` shape it."""
    return {"item": item, "itemid": item_id, "warningcode": code, "message": message}


def in_transaction(handler: Handler) -> Handler:
    """The function as Moodle writes those that are one database transaction."""

    def run(call: Call, params: Params) -> Any:
        with call.world.transaction():
            return handler(call, params)

    return run


def option(params: Params, name: str, usual: Any) -> Any:
    """A parameter that the caller may leave out."""
    value = params.get(name)
    return usual if value is None else value


def whole(text: str) -> int:
    """A number in a text, as PHP takes it: 0 where it is none."""
    return int(text) if text.isdecimal() else 0


def named_options(options: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Moodle's lists of `{name, value}` as a mapping."""
    return {each["name"]: each["value"] for each in options}
