"""The web-service protocols of a Moodle site, and everything in which they differ.

REST is part of Moodle; RESTful comes with the plugin webservice_restful. Both run the same
functions with the same checks and answer failures with the same bodies. Statements about RESTful
were observed with the plugin (2024050601) on Moodle 4.5.6.
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
    """What a request, or one item of it, uses of PHP's limits."""

    fields: int
    bytes: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.fields + other.fields, self.bytes + other.bytes)


_TOKEN_FIELD: Final = Cost(1, len("wstoken=&") + 32)
"""What the token adds to a form; Moodle's tokens have 32 characters."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a function in a protocol, complete except for the token.

    `cost` counts what PHP receives: the form fields (JSON has none) and the bytes of the body, each
    including the token where the body contains it. `secrets` are the passwords and keys among the
    arguments, which are redacted from the answer.
    """

    protocol: Protocol
    function: str
    body: bytes = field(repr=False)
    cost: Cost
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """An HTTP request as sent. It contains the token, so `repr` shows only the address."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Protocol(ABC):
    """How to call a site: the entry point, the body's format and the limits.

    Protocols have no state: there is one object of each, `REST` and `RESTFUL`.
    """

    name: str
    """The name in Moodle's own pages."""
    capability: str
    """The capability that the token's user needs."""
    entry: str
    """The script's path below the site's address."""
    batch_size: int
    """Maximum items of one request if no other limit applies."""
    hint_if_off: str | None = None
    """What to do if the site has it switched off; None if the kind's default hint fits."""
    hint_if_absent: str | None = None
    """What to do if the site has no such script."""

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def encode(self, function: str, arguments: Mapping[str, Any]) -> Request:
        """Return the request that calls a function with checked arguments."""

    @abstractmethod
    def item_cost(self, lists: Mapping[str, Any], position: int) -> Cost:
        """Return what one item adds at a position; `lists` holds that item alone, by argument."""

    @abstractmethod
    def post(self, request: Request, address: Address, token: str) -> Post:
        """Return the HTTP request with the token, as sent to a site."""


class _Rest(Protocol):
    name = "REST"
    capability = "webservice/rest:use"
    entry = REST_ENTRY
    # Observed on Moodle 4.5.6: enrolling in batches of 100 took 6.5 ms a user, one by one 61 ms.
    # Larger batches gain little, because the fixed cost is only 45 ms a request.
    batch_size = 100

    def encode(self, function: str, arguments: Mapping[str, Any]) -> Request:
        fields = [("wsfunction", function), *form_fields(arguments)]
        body = form_body(fields)
        cost = Cost(len(fields), len(body)) + _TOKEN_FIELD
        return Request(self, function, body, cost, secret_texts(arguments))

    def item_cost(self, lists: Mapping[str, Any], position: int) -> Cost:
        fields = list(form_fields(lists))
        # Each field name contains the position: `members[0][userid]`, `members[57][userid]`.
        return Cost(len(fields), form_size(fields) + len(fields) * (len(str(position)) - 1))

    def post(self, request: Request, address: Address, token: str) -> Post:
        # The format is in the query: if PHP drops an oversized body, a format in the body would be
        # lost and Moodle would answer in XML. The token is the first field, because PHP keeps the
        # first fields when it drops those over its limit.
        return Post(
            f"{address.base}{self.entry}?moodlewsrestformat=json",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"wstoken=" + token.encode("ascii") + b"&" + request.body,
        )


class _Restful(Protocol):
    name = "RESTful"
    capability = "webservice/restful:use"
    entry = RESTFUL_ENTRY
    # Limited by time instead of form fields: the outcome of a request that outlasts a proxy's usual
    # 60 seconds is unknown. Observed on 4.5.6 on a busy machine: 1,000 enrolments took as long in
    # requests of 100 as of 1,000. The longest request took 2 to 7 seconds with 100 items, 6 with
    # 250, 8 to 17 with 500, 12 to 30 with 1,000.
    batch_size = 250
    hint_if_off = (
        "An administrator must switch on web services (Site administration > General > Advanced "
        "features > Enable web services) and RESTful (Site administration > Server > Web "
        "services > Manage protocols); or the operator sets MOODLE_PROTOCOL to rest or auto."
    )
    hint_if_absent = (
        "An administrator must install the plugin webservice_restful, or the operator sets "
        "MOODLE_PROTOCOL to rest or auto. If the plugin is installed, the operator sets MOODLE_URL "
        "to the site's own address, as the browser shows it on the front page."
    )

    def encode(self, function: str, arguments: Mapping[str, Any]) -> Request:
        if not _FUNCTION.fullmatch(function):
            # The name becomes part of the URL's path, where a dot or slash would change the target.
            message = "Nothing was sent: this is not a valid name of a Moodle function."
            raise CallError.not_sent(Fault(Kind.NOT_FOUND, message))
        body = json_body(arguments)
        return Request(self, function, body, Cost(0, len(body)), secret_texts(arguments))

    def item_cost(self, lists: Mapping[str, Any], position: int) -> Cost:
        comma = int(position > 0)
        return Cost(0, sum(len(json_body(item)) + comma for (item,) in lists.values()))

    def post(self, request: Request, address: Address, token: str) -> Post:
        # The content type must be exactly this: with a charset the plugin parses the body as a
        # form. The header names must have exactly this case: under Apache's mod_php the plugin
        # compares them case-sensitively (read).
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
"""The allowed protocols by the operator's setting, in order of preference."""
