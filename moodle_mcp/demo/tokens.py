"""The demo site's services and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# 16 letters each, which makes 32 hexadecimal digits, like Moodle's tokens.
ADMIN_TOKEN: Final = b"demo-admin-token".hex()
"""The administrator's token for the service with every function."""
TEACHER_TOKEN: Final = b"demo-teach-token".hex()
"""A teacher's token for the service with every function."""
STUDENT_TOKEN: Final = b"demo-pupil-token".hex()
"""A student's token for the service with every function."""
SMALL_TOKEN: Final = b"demo-small-token".hex()
"""The administrator's token for a service with two functions."""

SERVICES: Final[Mapping[str, frozenset[str] | None]] = MappingProxyType(
    {
        "all": None,
        "small": frozenset({"core_webservice_get_site_info", "core_course_get_courses"}),
    }
)
"""The functions of each service; None is every function of the release."""

DEMO_PASSWORD: Final = "demo-PASSWORD-1".title()
"""The password of every seeded user."""


@dataclass(frozen=True, slots=True)
class Token:
    """The user and the service of a token."""

    username: str
    service: str


def seeded_tokens() -> dict[str, Token]:
    """Return the tokens of a fresh site."""
    return {
        ADMIN_TOKEN: Token("admin", "all"),
        TEACHER_TOKEN: Token("teacher1", "all"),
        STUDENT_TOKEN: Token("student1", "all"),
        SMALL_TOKEN: Token("admin", "small"),
    }
