"""HTTP responses, and the errors that their status alone implies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.address import TOKEN_ENTRY
from moodle_mcp.site.moodle_errors import plain
from moodle_mcp.site.protocol import Protocol

_RETRY_AFTER = re.compile(r"[0-9]{1,6}")

_BEGINNING: Final = 20_000
"""Characters at a page's beginning that are searched to recognise it."""


@dataclass(frozen=True, slots=True)
class Response:
    """The parts of an HTTP response that decoding needs."""

    status: int
    body: bytes
    reason: str = ""
    location: str | None = None
    retry_after: str | None = None


def retry_after_seconds(response: Response) -> float | None:
    """Return the seconds in Retry-After; a date is ignored."""
    value = (response.retry_after or "").strip()
    return float(value) if _RETRY_AFTER.fullmatch(value) else None


def check_status(response: Response, protocol: Protocol) -> None:
    """Raise an error if the status alone decides."""
    status = response.status
    if 300 <= status < 400:
        raise _redirected(response, protocol)
    if status == 403 and not response.body.strip():
        message = (
            "The site refuses web-service requests: web services or "
            f"{protocol.name} are switched off."
        )
        hint = protocol.hint_if_off
        raise response_error(Kind.WEB_SERVICES_OFF, message, response, Delivery.REJECTED, hint=hint)
    if status == 404:
        message = "There is no Moodle web-service script at this address."
        hint = protocol.hint_if_absent
        raise response_error(Kind.WRONG_ADDRESS, message, response, Delivery.REJECTED, hint=hint)
    if status == 413:
        message = "The web server refused the request because of its size."
        raise response_error(Kind.TOO_LARGE, message, response, Delivery.REJECTED)
    if status == 429:
        raise CallError(
            Fault(Kind.RATE_LIMITED, _wait_text(response), http_status=status),
            delivery=Delivery.REJECTED,
            retry_after=retry_after_seconds(response),
        )
    if status >= 500:
        raise _server_error(response)


def _redirected(response: Response, protocol: Protocol) -> CallError:
    where = _without_query(response.location or "")
    to = f" to {where}" if where else ""
    # Moodle redirects to the same script at the address that it considers its own.
    found = (where.rpartition(entry) for entry in (protocol.entry, TOKEN_ENTRY))
    own, entry = next(((own, entry) for own, entry, _ in found if entry), ("", ""))
    return CallError(
        Fault(
            Kind.WRONG_ADDRESS,
            f"The site redirected{to}. The redirect is not followed, to protect the token.",
            hint=f"The operator sets MOODLE_URL to {own}." if entry else None,
            http_status=response.status,
        ),
        # Moodle's own redirects have status 303, and a plugin's function may end with one (read).
        None if response.status == 303 else Delivery.REJECTED,
    )


def _without_query(location: str) -> str:
    """Return a full address without its possibly secret parts; empty for any other text."""
    try:
        target = urlsplit(location)
        host = target.hostname and target.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    return plain(f"{target.scheme}://{host}{target.path}") if host else ""


def _server_error(response: Response) -> CallError:
    # Moodle's command-line maintenance mode answers 503 "Moodle under maintenance" to everything.
    # Apache's own page for any 503 mentions "maintenance downtime or capacity problems".
    page = _page_text(response).lower()
    if response.status == 503 and "maintenance" in page and "capacity problems" not in page:
        kind, message = Kind.MAINTENANCE, "The site is in maintenance mode."
    else:
        kind, message = Kind.SITE_ERROR, f"The site answered with status {response.status}."
    return CallError(
        Fault(kind, message, http_status=response.status),
        retry_after=retry_after_seconds(response),
    )


def _wait_text(response: Response) -> str:
    seconds = retry_after_seconds(response)
    wait = "" if seconds is None else f" and asks to wait {seconds:.0f} seconds"
    return f"The site answered that there were too many requests{wait}."


def unexpected_status(response: Response) -> CallError:
    message = f"A firewall or proxy in front of Moodle answered with status {response.status}."
    return response_error(Kind.BAD_ANSWER, message, response)


def _page_text(response: Response) -> str:
    return response.reason + response.body[:_BEGINNING].decode("utf-8", "replace")


def response_error(
    kind: Kind,
    message: str,
    response: Response,
    delivery: Delivery | None = None,
    *,
    hint: str | None = None,
) -> CallError:
    status = None if response.status == 200 else response.status
    return CallError(Fault(kind, message, hint=hint, http_status=status), delivery)
