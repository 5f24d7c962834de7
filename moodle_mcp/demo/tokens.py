"""The demo site's services and the tokens that open them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# 16 letters each, and so 32 hexadecimal digits, as Moodle's tokens have.
ADMIN_TOKEN: Final = b"demo-admin-token".hex()
"""The administrator's, for the service with every function."""
TEACHER_TOKEN: Final = b"demo-teach-token".hex()
"""A teacher's, for the service with every function."""
STUDENT_TOKEN: Final = b"demo-pupil-token".hex()
"""A student's, for the service with every function."""
SMALL_TOKEN: Final = b"demo-small-token".hex()
"""The administrator's, for a service with two functions."""

SERVICES: Final[Mapping[str, frozenset[str] | None]] = MappingProxyType(
    {
        "all": None,
        "small": frozenset({"core_webservice_get_site_info", "core_course_get_courses"}),
    }
)
"""The functions of each service; None is every function of the release."""

DEMO_PASSWORD: Final = "demo-PASSWORD-1".title()
"""Every seeded user's."""


@dataclass(frozen=True, slots=True)
class Token:
    """Who calls with a token, and through which service."""

    username: str
    service: str


def seeded_tokens() -> dict[str, Token]:
    """The tokens of a fresh site."""
    return {
        ADMIN_TOKEN: Token("admin", "all"),
        TEACHER_TOKEN: Token("teacher1", "all"),
        STUDENT_TOKEN: Token("student1", "all"),
        SMALL_TOKEN: Token("admin", "small"),
    }
