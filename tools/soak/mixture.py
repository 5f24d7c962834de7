"""The mixture of calls: reads with known answers, writes that can be verified, invalid calls."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.control_arguments import ON_ERROR
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.demo.world import World

Key: TypeAlias = tuple[Any, ...]
"""Identifies a written item in the site's tables."""

Sort: TypeAlias = Literal["read", "write", "list", "mistake"]

MISSING: Final = 9_000_000
"""Ids from here on do not exist."""

_MOST_ITEMS: Final = 12
_LISTS: Final = {
    "core_message_send_instant_messages": "messages",
    "core_notes_create_notes": "notes",
    "core_user_create_users": "users",
    "enrol_manual_enrol_users": "enrolments",
}
_MISTAKES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("core_course_get_contents", {"courseid": "the first"}),
    ("core_course_get_contents", {"courseid": 2, "cousreid": 3}),
    ("core_user_create_users", {"users": [{"username": "half"}]}),
    ("no_such_function", {}),
)


@dataclass(frozen=True)
class Job:
    """One call; `keys` identify the items of a write, `expected` are the ids in a read's answer."""

    sort: Sort
    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    keys: tuple[Key, ...] = ()
    expected: tuple[int, ...] | None = None
    cancelled: bool = False


class Mixture:
    """An endless sequence of calls, the same for the same seed; no two write the same item."""

    def __init__(self, world: World, seed: int) -> None:
        # Not used for secrets.
        self._random = random.Random(seed)  # noqa: S311
        self._users = [user.id for user in world.people()]
        self._courses = sorted(world.courses)[1:]
        self._modules = {
            course: tuple(module.id for module in world.modules_of(course))
            for course in self._courses
        }
        taken = world.enrolments
        free = [pair for pair in product(self._courses, self._users) if pair not in taken]
        self._random.shuffle(free)
        self._free = iter(free)
        self._names = count()
        self._modes = {
            name: input_schema(load().get(name))["properties"][ON_ERROR]["enum"] for name in _LISTS
        }

    def __iter__(self) -> Iterator[Job]:
        while True:
            yield self._random.choices(
                (self._read_user, self._read_course, self._write, self._list, self._mistake),
                (35, 15, 42, 2, 6),
            )[0]()

    def _read_user(self) -> Job:
        users = sorted(self._random.sample(self._users, self._random.randint(1, 4)))
        arguments = {"field": "id", "values": users}
        return self._job("read", "core_user_get_users_by_field", arguments, expected=tuple(users))

    def _read_course(self) -> Job:
        course = self._random.choice(self._courses)
        arguments = {"courseid": course, "_fields": ["modules.id"]}
        return self._job(
            "read", "core_course_get_contents", arguments, expected=self._modules[course]
        )

    def _list(self) -> Job:
        return Job("list", "")

    def _mistake(self) -> Job:
        name, arguments = self._random.choice(_MISTAKES)
        return Job("mistake", name, dict(arguments))

    def _write(self) -> Job:
        name = self._random.choice(list(_LISTS))
        many = self._random.randint(1, _MOST_ITEMS)
        bad = self._random.random() < 0.15
        numbers = range(many)
        wrong = self._random.choice(numbers) if bad else -1
        items, keys = zip(*(self._item(name, number == wrong) for number in numbers), strict=True)
        arguments = {_LISTS[name]: list(items), ON_ERROR: self._random.choice(self._modes[name])}
        return self._job("write", name, arguments, keys=keys)

    def _job(self, sort: Sort, name: str, arguments: dict[str, Any], **more: Any) -> Job:
        return Job(sort, name, arguments, cancelled=self._random.random() < 0.02, **more)

    def _item(self, name: str, bad: bool) -> tuple[dict[str, Any], Key]:
        text = f"soak{next(self._names)}"
        user = MISSING if bad else self._random.choice(self._users)
        match name:
            case "core_message_send_instant_messages":
                return {"touserid": user, "text": text, "textformat": 0}, ("message", text)
            case "core_notes_create_notes":
                note = {"userid": user, "courseid": 2, "publishstate": "site", "text": text}
                return note | {"format": 1}, ("note", text)
            case "core_user_create_users":
                return _ledger(text, bad), ("user", text)
            case _:
                course, user = next(self._free)
                user = MISSING if bad else user
                item = {"roleid": 5, "userid": user, "courseid": course}
                return item, ("enrolment", course, user)


def _ledger(username: str, bad: bool) -> dict[str, Any]:
    return {
        "username": username,
        "password": "weak" if bad else "Good-pass-1",
        "firstname": "Soa",
        "lastname": username,
        "email": f"{username}@school.example",
    }


def written(world: World) -> Counter[Key]:
    """Return how often each item is in the site's tables."""
    keys: Counter[Key] = Counter()
    keys.update(("message", each.text) for each in world.messages.values())
    keys.update(("note", each.text) for each in world.notes.values())
    keys.update(("user", each.username) for each in world.people())
    keys.update(("enrolment", *pair) for pair in world.enrolments)
    return keys
