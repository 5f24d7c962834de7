"""What one request may hold, since PHP drops what is beyond its limits without a word.

Observed on Moodle 4.5.6 with PHP's default `max_input_vars` of 1000: a list of 1,201 ids was
answered with status 200 and the result for those that survived.
"""

from __future__ import annotations

from dataclasses import dataclass

from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.site.encoding import Request


@dataclass(frozen=True, slots=True)
class Limits:
    """The most form fields and bytes that one request's body may have."""

    fields: int = 900
    body: int = 1_000_000

    def allow(self, request: Request) -> bool:
        """Whether a request keeps to them."""
        return request.sent_fields <= self.fields and request.sent_bytes <= self.body


def check_size(request: Request, limits: Limits) -> None:
    """Refuse a request that PHP might cut.

    Raises:
        CallError: `too_large`; nothing was sent.
    """
    if not limits.allow(request):
        raise too_large(request, limits)


def too_large(request: Request, limits: Limits, item: str | None = None) -> CallError:
    """The error for a request over the limits, of which `item` alone may be the cause."""
    needs = f"the item {item} alone" if item else "the call"
    return CallError(
        Fault(
            Kind.TOO_LARGE,
            f"Nothing was sent: {needs} needs {request.sent_fields} form fields and "
            f"{request.sent_bytes} bytes; one request may have {limits.fields} fields and "
            f"{limits.body} bytes, because PHP silently drops what is beyond its own limits.",
            hint=_ITEM_HINT if item else _CALL_HINT,
            function=request.function,
            written="nothing",
        )
    )


_ITEM_HINT = "Shorten the texts in this item, or leave it out: no other item is to blame."
_CALL_HINT = (
    "Pass fewer ids or shorter texts, in several calls: this list can't be cut, since its entries "
    "are not independent of each other. Where PHP's max_input_vars and post_max_size are known to "
    "be higher, the operator can raise MOODLE_MCP_MAX_FIELDS and MOODLE_MCP_MAX_BODY."
)
