"""What the forms of all pages have in common."""

from __future__ import annotations

import hmac

from starlette.requests import Request

_OWN: frozenset[str | None] = frozenset({None, "same-origin", "none"})


async def is_from_our_page(request: Request, csrf: str) -> bool:
    """Whether a form was sent by a page that this server gave to this browser.

    The text is the same for the whole sign-in, so a page that was loaded twice, or was reached with
    the back button, still works.
    """
    if request.headers.get("sec-fetch-site") not in _OWN:
        return False
    given = (await request.form()).get("csrf")
    return isinstance(given, str) and hmac.compare_digest(given.encode(), csrf.encode())


async def typed(request: Request, name: str, most: int) -> str:
    """What a person typed into a field; "" if it is missing or longer than `most` characters."""
    value = (await request.form()).get(name)
    return value if isinstance(value, str) and len(value) <= most else ""
