"""What a site says of itself and of the token, as `core_webservice_get_site_info` answers it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from moodle_mcp.errors import CallError, Fault, Kind

SITE_INFO: Final = "core_webservice_get_site_info"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,254}")
"""A function's name; Moodle keeps 255 characters at most (read in the source of 4.5.6)."""

_RELEASE: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*[A-Za-z0-9.+ ():_-]{0,60}")
"""`4.5.6+ (Build: 20250822)`, and what a distribution may write behind it."""

_MAX_TEXT: Final = 1000
"""Characters of a name: Moodle keeps 254 of a site's, and 100 of each part of a user's (read in the
source of 4.5.6)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The token's user, the site's release and the functions of the token's service.

    Over RESTful a site tells neither functions nor release: Moodle looks them up by a form field
    with the token, which RESTful has not (observed on 4.5.6). `functions` is then None.
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
        """Whether the token's service is known not to have a function."""
        return self.functions is not None and function not in self.functions


def site_info(answer: Any) -> SiteInfo:
    """The answer of `core_webservice_get_site_info` as a `SiteInfo`.

    Raises:
        CallError: `bad_answer` when it is not such an answer.
    """
    try:
        return SiteInfo(
            site_name=_text(answer["sitename"]),
            site_url=str(answer["siteurl"]),
            user_id=int(answer["userid"]),
            user_name=_text(answer["username"]),
            user_full_name=_text(answer["fullname"]),
            release=_release(str(answer.get("release", ""))),
            # A service that gives this very function has one at least.
            functions=_names(str(entry["name"]) for entry in answer["functions"]) or None,
            # Over RESTful neither is told.
            may_download=bool(answer.get("downloadfiles", 1)),
            may_upload=bool(answer.get("uploadfiles", 1)),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        message = "The site's answer about itself lacks what Moodle sends."
        raise CallError(Fault(Kind.BAD_ANSWER, message, function=SITE_INFO)) from None


def _text(told: object) -> str:
    """A name, of which half a character (a surrogate) could be written to no file."""
    return str(told)[:_MAX_TEXT].encode("utf-8", "replace").decode()


def _names(names: Iterable[str]) -> frozenset[str]:
    """Names that functions can have: they become tools' names."""
    told = frozenset(names)
    known = frozenset(filter(_NAME.fullmatch, told))
    if len(known) < len(told):
        log.warning(
            "%d functions that the site names are left out: their names are none of Moodle's form",
            len(told) - len(known),
        )
    return known


def _release(told: str) -> str:
    """The site's release; empty if it is not written as Moodle writes releases."""
    if told and not _RELEASE.fullmatch(told):
        log.warning("the site's release is left out: it is not written as Moodle writes releases")
        return ""
    return told
