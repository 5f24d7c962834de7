"""Size limits of one request, because PHP silently drops form fields beyond its own limits.

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
    webservice_restful on 4.5.6). The byte limit keeps it below the limits of web servers, which
    answer 413 (nginx by default above 1 MiB).
    """

    fields: int = 900
    body: int = 1_000_000

    def allow(self, cost: Cost) -> bool:
        """Whether a request of this size is within the limits."""
        return cost.fields <= self.fields and cost.bytes <= self.body


def check_size(request: Request, limits: Limits) -> None:
    """Refuse a request that PHP might cut.

    Raises:
        CallError: `too_large`; nothing was sent.
    """
    if not limits.allow(request.cost):
        raise too_large(request, limits)


def too_large(request: Request, limits: Limits, item: str | None = None) -> CallError:
    """The error for a request over the limits; `item` is one that alone exceeds them."""
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


_ITEM_HINT = "Shorten the texts in this item, or leave it out: it is too large by itself."
_CALL_HINT = (
    "Pass fewer ids or shorter texts, in several calls: the server can't split this list, because "
    "its entries depend on each other."
)
_RAISE_FORM = (
    "If PHP's max_input_vars and post_max_size are known to be higher, the operator can raise "
    "MOODLE_MCP_MAX_FIELDS and MOODLE_MCP_MAX_BODY."
)
_RAISE_JSON = (
    "If the web server is known to accept larger requests, the operator can raise "
    "MOODLE_MCP_MAX_BODY."
)
