"""Parse `core_webservice_get_site_info`: the site's description of itself and the token."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from moodle_mcp.errors import CallError, Fault, Kind

SITE_INFO: Final = "core_webservice_get_site_info"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,254}")
"""A function name; Moodle stores at most 255 characters (read in the source of 4.5.6)."""

_RELEASE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*[A-Za-z0-9.+ ():_-]{0,60}")
"""`4.5.6+ (Build: 20250822)`, possibly followed by a distribution's suffix."""

_MAX_TEXT: Final = 1000
"""Maximum characters of a name: Moodle stores 254 for a site's, 100 for each part of a user's (read
in the source of 4.5.6)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The token's user, the site's release and the functions of the token's service.

    Over RESTful, Moodle reports neither functions nor release, because it looks them up by the
    token's form field, which RESTful lacks (observed on 4.5.6). `functions` is then None.
    """

    site_name: str
    site_url: str
    user_id: int
    user_name: str
    user_full_name: str
    release: str
    functions: frozenset[str] | None
    may_download: bool
    may_upload: bool

    def lacks(self, function: str) -> bool:
        """Whether the function is known to be missing from the token's service."""
        return self.functions is not None and function not in self.functions


def site_info(answer: Any) -> SiteInfo:
    """Parse an answer of `core_webservice_get_site_info`.

    Raises:
        CallError: `bad_answer` if it is not such an answer.
    """
    try:
        return SiteInfo(
            site_name=_text(answer["sitename"]),
            site_url=str(answer["siteurl"]),
            user_id=int(answer["userid"]),
            user_name=_text(answer["username"]),
            user_full_name=_text(answer["fullname"]),
            release=_release(str(answer.get("release", ""))),
            # The service must have at least this very function.
            functions=_names(str(entry["name"]) for entry in answer["functions"]) or None,
            # RESTful reports neither functions nor release.
            may_download=bool(answer.get("downloadfiles", 1)),
            may_upload=bool(answer.get("uploadfiles", 1)),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        message = "The site's description of itself lacks fields that Moodle always sends."
        raise CallError(Fault(Kind.BAD_ANSWER, message, function=SITE_INFO)) from None


def _text(value: object) -> str:
    """Return a name without lone surrogates, which could not be encoded."""
    return str(value)[:_MAX_TEXT].encode("utf-8", "replace").decode()


def _names(names: Iterable[str]) -> frozenset[str]:
    """Keep the names that a Moodle function can have; they become tool names."""
    listed = frozenset(names)
    # All users of a site have the same names: they share the texts.
    known = frozenset(map(sys.intern, filter(_NAME.fullmatch, listed)))
    if len(known) < len(listed):
        log.warning(
            "%d functions of the site are ignored: their names are not valid for Moodle functions",
            len(listed) - len(known),
        )
    return known


def _release(value: str) -> str:
    """Return the site's release, or "" if it does not look like a Moodle release."""
    if value and not _RELEASE.fullmatch(value):
        log.warning("the site's release is ignored: it does not look like a Moodle release")
        return ""
    return value
