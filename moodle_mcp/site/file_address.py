"""Turn a file address from an answer into the request that fetches the file.

The request carries the token. So only addresses of this site's two file scripts are accepted, and
the URL to request is built anew from the file's path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.site.address import Address

SCRIPT: Final = "/webservice/pluginfile.php"
"""The file script that accepts a web-service token. Answers also name `pluginfile.php`, which needs
a browser session; the same path gives the same file with either script (observed on 4.5.6)."""

MAX_LENGTH: Final = 4000
"""Characters of an address: a file name has up to 255, each up to 12 when percent-encoded."""

_SCRIPTS: Final = (SCRIPT, "/pluginfile.php")
_KEPT: Final = "preview"
_PREVIEW = re.compile(r"[a-z0-9]{1,20}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ROUNDS: Final = 5

_RIGHT: Final = (
    "Pass a file's address as an answer gives it (`fileurl`), for example from "
    "core_course_get_contents: {base}/webservice/pluginfile.php/..."
)
_HINTS: Final = {
    "tokenpluginfile.php": "Put pluginfile.php/ in place of tokenpluginfile.php/ and the part "
    "after it: the key in such an address was taken out of the answer.",
    "draftfile.php": "Draft areas can't be read through web services: save the draft with the "
    "function that takes its item id, then read the file where it was saved.",
    "theme/image.php": "This is a picture of the site's theme, not a file of a course or user.",
}


@dataclass(frozen=True, slots=True)
class FileAddress:
    """A file of the site.

    `path` is percent-encoded, begins with a slash and follows the site's base address. `fields`
    are sent along with the token. `name` is the file's name.
    """

    path: str
    name: str
    fields: tuple[tuple[str, str], ...] = ()


def file_address(url: str, site: Address) -> FileAddress:
    """Return the file that an address in an answer refers to.

    Of the query, only the name of a preview is kept; a token is dropped.

    Raises:
        CallError: `invalid_arguments`: not a file address of this site. Nothing was sent.
    """
    parts = _split(url, site)
    base = urlsplit(site.base)
    if _origin(parts) != _origin(base) or not parts.path.startswith(f"{base.path}/"):
        raise _refused("is not an address of this site", site)
    path = parts.path.removeprefix(base.path)
    script = next((each for each in _SCRIPTS if path == each or path.startswith(f"{each}/")), None)
    if script is None:
        raise _refused("is not one of this site's file addresses", site, _hint(path))
    query = parse_qs(parts.query, max_num_fields=20)
    behind = path.removeprefix(script)
    if behind:
        segments, fields = _segments(behind, site), ()
        target = "".join(f"/{quote(segment, safe='')}" for segment in segments)
    else:
        # With `slasharguments` off, Moodle writes the path into the query.
        given = quote(query.get("file", [""])[0])
        segments, target = _segments(given, site), ""
        fields = (("file", "".join(f"/{segment}" for segment in segments)),)
    preview = query.get(_KEPT, [""])[0]
    if _PREVIEW.fullmatch(preview):
        fields = (*fields, (_KEPT, preview))
    return FileAddress(f"{SCRIPT}{target}", segments[-1], fields)


def _split(url: str, site: Address) -> SplitResult:
    if len(url) > MAX_LENGTH:
        raise _refused("is too long", site)
    if "\\" in url or _CONTROL.search(url) or url != url.strip():
        raise _refused("contains characters that are not allowed in an address", site)
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port
        parse_qs(parts.query, max_num_fields=20)
    except ValueError:
        raise _refused("is not an address", site) from None
    if "@" in parts.netloc:
        raise _refused("contains a user name", site)
    if parts.fragment or "#" in url:
        raise _refused("contains #", site)
    return parts


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _segments(path: str, site: Address) -> list[str]:
    """Return the decoded segments of a path, none of which may change the target.

    Names may contain percent signs, so segments are decoded until nothing changes. However often a
    server or proxy decodes the path, the segment stays one name.
    """
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    if len(segments) < 2:
        raise _refused("has no file path", site)
    for segment in segments:
        text = segment
        for _ in range(_ROUNDS):
            if text in ("", ".", "..") or _CONTROL.search(text) or "/" in text or "\\" in text:
                raise _refused("has a path with . or .. or slashes in its names", site)
            text = unquote(text)
        if text != unquote(text):
            raise _refused("is percent-encoded too many times", site)
    return segments


def _hint(path: str) -> str | None:
    return next((hint for script, hint in _HINTS.items() if path.startswith(f"/{script}")), None)


def _refused(problem: str, site: Address, hint: str | None = None) -> CallError:
    right = _RIGHT.format(base=site.base)
    return CallError.not_sent(
        Fault(
            Kind.INVALID_ARGUMENTS,
            f"Nothing was fetched: url {problem}.",
            hint=hint or right,
            parameters=(ParameterFault("url", problem, f"{site.base}{SCRIPT}/..."),),
        )
    )
