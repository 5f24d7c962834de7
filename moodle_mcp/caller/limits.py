"""What one request may hold, since PHP drops what of a form is beyond its limits without a word.

Observed on Moodle 4.5.6 with PHP's default `max_input_vars` of 1000: a list of 1,201 ids was
answered with status 200 and the result for those that survived.
"""

from __future__ import annotations

from dataclasses import dataclass

from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.site.protocol import Cost, Request


@dataclass(frozen=True, slots=True)
class Limits:
    """The most form fields and bytes that one request's body may have.

    JSON has no form fields, and PHP reads all of it, also beyond `post_max_size` (observed with
    webservice_restful on 4.5.6); the limit of bytes keeps it below those of web servers, which
    answer 413 (nginx above 1 MiB unless told otherwise).
    """

    fields: int = 900
    body: int = 1_000_000

    def allow(self, cost: Cost) -> bool:
        """Whether a request that costs this keeps to them."""
        return cost.fields <= self.fields and cost.bytes <= self.body


def check_size(request: Request, limits: Limits) -> None:
    """Refuse a request that PHP might cut.

    Raises:
        CallError: `too_large`; nothing was sent.
    """
    if not limits.allow(request.cost):
        raise too_large(request, limits)


def too_large(request: Request, limits: Limits, item: str | None = None) -> CallError:
    """The error for a request over the limits, of which `item` alone may be the cause."""
    who = f"the item {item} alone" if item else "the call"
    cost, in_form = request.cost, request.cost.fields > 0
    if in_form:
        message = (
            f"Nothing was sent: {who} needs {cost.fields} form fields and {cost.bytes} bytes; one "
            f"request may have {limits.fields} fields and {limits.body} bytes, because PHP "
            "silently drops what is beyond its own limits."
        )
    else:
        message = (
            f"Nothing was sent: {who} needs {cost.bytes} bytes; one request may have {limits.body}."
        )
    call_hint = f"{_CALL_HINT} {_RAISE_FORM if in_form else _RAISE_JSON}"
    return CallError.not_sent(
        Fault(
            Kind.TOO_LARGE,
            message,
            hint=_ITEM_HINT if item else call_hint,
            function=request.function,
        )
    )


_ITEM_HINT = "Shorten the texts in this item, or leave it out: no other item is to blame."
_CALL_HINT = (
    "Pass fewer ids or shorter texts, in several calls: this list can't be cut, since its entries "
    "are not independent of each other."
)
_RAISE_FORM = (
    "Where PHP's max_input_vars and post_max_size are known to be higher, the operator can raise "
    "MOODLE_MCP_MAX_FIELDS and MOODLE_MCP_MAX_BODY."
)
_RAISE_JSON = (
    "Where the web server is known to take larger requests, the operator can raise "
    "MOODLE_MCP_MAX_BODY."
)
