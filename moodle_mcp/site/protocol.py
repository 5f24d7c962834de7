"""The protocols in which a Moodle site takes calls, and all in which they differ.

REST is Moodle's own; RESTful comes with the plugin webservice_restful. Both run the same functions
with the same checks and answer failures with the same bodies. What is said of RESTful was observed
with the plugin (2024050601) on Moodle 4.5.6.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.redaction.arguments import secret_texts
from moodle_mcp.site.address import REST_ENTRY, RESTFUL_ENTRY, Address
from moodle_mcp.site.encoding import form_body, form_fields, form_size, json_body

_FUNCTION = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request, or an item in one, takes of PHP's limits."""

    fields: int
    bytes: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.fields + other.fields, self.bytes + other.bytes)


_TOKEN_FIELD: Final = Cost(1, len("wstoken=&") + 32)
"""What the token adds to a form; Moodle's tokens have 32 characters."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a function in a protocol, complete but for the token.

    `cost` counts what arrives at PHP: the form fields, of which JSON has none, and the bytes of
    the body, both with the token where it is part of them. `secrets` are the passwords and keys
    among the arguments, which the site must not be able to bring into an answer.
    """

    protocol: Protocol
    function: str
    body: bytes = field(repr=False)
    cost: Cost
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """What goes over the wire; it holds the token, so that only its address may be shown."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Protocol(ABC):
    """How a site is called: where, with which body, and within which limits.

    The protocols have no state: there is one object of each, `REST` and `RESTFUL`.
    """

    name: str
    """As Moodle's own pages call it."""
    capability: str
    """What the token's user must be allowed to."""
    entry: str
    """The script's path below the site's address."""
    batch_size: int
    """Items of one request where nothing else limits them."""
    hint_if_off: str | None = None
    """What to do when the site has it switched off; None where the kind's own advice is right."""
    hint_if_absent: str | None = None
    """What to do when the site has no such script."""

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def encode(self, function: str, arguments: Mapping[str, Any]) -> Request:
        """The request that calls a function with checked arguments."""

    @abstractmethod
    def item_cost(self, lists: Mapping[str, Any], position: int) -> Cost:
        """What one item adds at a position in its request; `lists` hold it alone, by argument."""

    @abstractmethod
    def post(self, request: Request, address: Address, token: str) -> Post:
        """The request with the token, as it is sent to a site."""


class _Rest(Protocol):
    name = "REST"
    capability = "webservice/rest:use"
    entry = REST_ENTRY
    # Observed on Moodle 4.5.6: enrolling in batches of 100 took 6.5 ms a user, one by one 61 ms; a
    # larger batch gains little, since only 45 ms a request are fixed.
    batch_size = 100

    def encode(self, function: str, arguments: Mapping[str, Any]) -> Request:
        fields = [("wsfunction", function), *form_fields(arguments)]
        body = form_body(fields)
        cost = Cost(len(fields), len(body)) + _TOKEN_FIELD
        return Request(self, function, body, cost, secret_texts(arguments))

    def item_cost(self, lists: Mapping[str, Any], position: int) -> Cost:
        fields = list(form_fields(lists))
        # The name of each field holds the position: `members[0][userid]`, `members[57][userid]`.
        return Cost(len(fields), form_size(fields) + len(fields) * (len(str(position)) - 1))

    def post(self, request: Request, address: Address, token: str) -> Post:
        # The format is in the query: when PHP drops an oversized body, a request with the format
        # in the body alone is answered in XML. The token is the first field: PHP keeps the first
        # ones when it drops those over a limit.
        return Post(
            f"{address.base}{self.entry}?moodlewsrestformat=json",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"wstoken=" + token.encode("ascii") + b"&" + request.body,
        )


class _Restful(Protocol):
    name = "RESTful"
    capability = "webservice/restful:use"
    entry = RESTFUL_ENTRY
    # Not bounded by form fields, but by time: a request that outlasts a proxy's usual 60 seconds
    # is in doubt. Observed on 4.5.6 on a busy machine: 1,000 enrolments took as long in requests of
    # 100 as of 1,000, and the longest request 2 to 7 seconds with 100 items, 6 with 250, 8 to 17
    # with 500, 12 to 30 with 1,000.
    batch_size = 250
    hint_if_off = (
        "An administrator must switch on web services (Site administration > General > Advanced "
        "features > Enable web services) and RESTful (Site administration > Server > Web "
        "services > Manage protocols); or the operator sets MOODLE_PROTOCOL to rest or auto."
    )
    hint_if_absent = (
        "An administrator must install the plugin webservice_restful, or the operator sets "
        "MOODLE_PROTOCOL to rest or auto. If the plugin is there, the operator sets MOODLE_URL to "
        "the site's own address, as the browser shows it on the front page."
    )

    def encode(self, function: str, arguments: Mapping[str, Any]) -> Request:
        if not _FUNCTION.fullmatch(function):
            # It becomes a part of the address, where a dot or a slash would lead elsewhere.
            message = "Nothing was sent: no function of Moodle's has such a name."
            raise CallError.not_sent(Fault(Kind.NOT_FOUND, message))
        body = json_body(arguments)
        return Request(self, function, body, Cost(0, len(body)), secret_texts(arguments))

    def item_cost(self, lists: Mapping[str, Any], position: int) -> Cost:
        comma = int(position > 0)
        return Cost(0, sum(len(json_body(item)) + comma for (item,) in lists.values()))

    def post(self, request: Request, address: Address, token: str) -> Post:
        # The type is exactly this: with a charset behind it the plugin takes the body for a form.
        # The names are written exactly so: under Apache's own PHP it compares them letter by
        # letter (read).
        return Post(
            f"{address.base}{self.entry}/{request.function}",
            {"Authorization": token, "Content-Type": "application/json"},
            request.body,
        )


REST: Final[Protocol] = _Rest()
RESTFUL: Final[Protocol] = _Restful()

PROTOCOLS: Final[Mapping[str, tuple[Protocol, ...]]] = {
    "rest": (REST,),
    "restful": (RESTFUL,),
    "auto": (RESTFUL, REST),
}
"""By the operator's setting: the protocols that may be used, the preferred one first."""
