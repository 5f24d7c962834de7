"""The site without the server: prepares what the jobs need, and makes the second reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import httpx2

from tests.support.demo_client import Wire

_PATIENCE: Final = 300.0
"""Seconds for one request: a copy of a course takes long."""

_AT_ONCE: Final = 100
"""Items of one request: PHP takes 1,000 form fields."""

Item = TypeVar("Item")


class SiteError(Exception):
    """The site refused a call of the preparation."""


class Site:
    """One user's calls of Moodle's functions over REST."""

    def __init__(self, url: str, token: str, http: httpx2.Client) -> None:
        self.url = url
        self.token = token
        self.http = http
        self._wire = Wire(url, http)

    def call(self, function: str, **params: Any) -> Any:
        """Call a function; return its answer.

        Raises:
            SiteError: Moodle refused it.
        """
        answer: Any = self._wire.call(function, token=self.token, **params)
        if isinstance(answer, Mapping) and "exception" in answer:
            raise SiteError(f"{function}: {json.dumps(answer)}")
        return cast("Any", answer)

    def call_with(self, function: str, name: str, items: Sequence[Any]) -> list[Any]:
        """Call a function with a list in as many requests as it needs; return all results."""
        found: list[Any] = []
        for part in parts(items):
            found += self.call(function, **{name: part}) or []
        return found

    def user(self) -> int:
        """Return the id of the token's user."""
        return self.call("core_webservice_get_site_info")["userid"]

    def participants(self, course: int) -> list[dict[str, Any]]:
        """Return the participants of a course."""
        return self.call("core_enrol_get_enrolled_users", courseid=course)

    def role_of(self, course: int) -> dict[int, list[str]]:
        """Return the short names of each participant's roles, by user id."""
        return {
            each["id"]: [role["shortname"] for role in each["roles"]]
            for each in self.participants(course)
        }


def http_client() -> httpx2.Client:
    """Return the client that all users of the site share."""
    return httpx2.Client(timeout=_PATIENCE)


def parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items in lists that fit into a request."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
