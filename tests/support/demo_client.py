"""A plain HTTP client for the demo site, with its own encoding of PHP's forms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import httpx2

from moodle_mcp.demo import ADMIN_TOKEN

REST = "/webservice/rest/server.php"
REST_JSON = f"{REST}?moodlewsrestformat=json"
RESTFUL = "/webservice/restful/server.php"


def fields_of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the form fields of one argument; an empty list has none."""
    match value:
        case Mapping():
            for key, child in cast("Mapping[str, Any]", value).items():
                yield from fields_of(f"{name}[{key}]", child)
        case list():
            for index, child in enumerate(cast("list[Any]", value)):
                yield from fields_of(f"{name}[{index}]", child)
        case bool():
            yield name, str(int(value))
        case _:
            yield name, str(value)


def form(params: Mapping[str, Any]) -> dict[str, str]:
    """Return all form fields of a call's arguments."""
    return {key: text for name, value in params.items() for key, text in fields_of(name, value)}


class Wire:
    """Calls functions over a real socket."""

    def __init__(self, url: str, http: httpx2.Client, *, restful: bool = False) -> None:
        self.http = http
        self.http.base_url = url
        self.restful = restful

    def post(
        self, function: str, params: Mapping[str, Any], token: str = ADMIN_TOKEN
    ) -> httpx2.Response:
        """Call a function; return the response."""
        if self.restful:
            return self.post_json(function, json.dumps(params), token)
        fields = {"wstoken": token, "wsfunction": function, **form(params)}
        return self.http.post(REST_JSON, data=fields)

    def post_json(
        self, function: str, body: str | bytes, token: str = ADMIN_TOKEN, **headers: str
    ) -> httpx2.Response:
        """Call a function over RESTful; return the response."""
        own = {"Accept": "application/json", "Content-Type": "application/json"}
        own |= {"Authorization": token, **headers}
        return self.http.post(f"{RESTFUL}/{function}", content=body, headers=own)

    def call(self, function: str, *, token: str = ADMIN_TOKEN, **params: Any) -> Any:
        """Call a function; return the decoded answer."""
        return self.post(function, params, token).json()
