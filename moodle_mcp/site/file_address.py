"""From a file's address in an answer to the request that fetches it.

The token goes with the request, so an address is taken only if it is one of this site's own two
file scripts, and what is sent is built anew from the file's path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from moodle_mcp.errors import CallError, Fault, Kind, ParameterFault
from moodle_mcp.site.address import Address

SCRIPT: Final = "/webservice/pluginfile.php"
"""The script that takes a web-service token. Answers name `pluginfile.php` too, which wants a
browser's session: the same path behind this one gives the same file (observed on 4.5.6)."""

MAX_LENGTH: Final = 4000
"""Characters of an address: a file's name has up to 255, each of up to 12 when it is encoded."""

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
    "draftfile.php": "A draft area can't be read through web services: save the draft with the "
    "function that takes its item id, then read the file where it was saved.",
    "theme/image.php": "This is a picture of the site's theme, no file of a course or user.",
}


@dataclass(frozen=True, slots=True)
class FileAddress:
    """A file of the site: `path` begins with a slash, is percent-encoded and stands behind the
    site's base address; `fields` are what is sent beside the token; `name` is the file's own.
    """

    path: str
    name: str
    fields: tuple[tuple[str, str], ...] = ()


def file_address(url: str, site: Address) -> FileAddress:
    """The file that an address in an answer stands for.

    Of its query only a preview's name is kept: a token in it is dropped.

    Raises:
        CallError: `invalid_arguments`: it is no address of a file of this site. Nothing was sent.
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
        # A site that has turned `slasharguments` off writes the path into the query.
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
        raise _refused("contains characters that no address has", site)
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
    """The decoded segments of a path, none of which leads anywhere else.

    A name may hold a percent sign, so what is left is decoded again until nothing changes: however
    many times a server or proxy decodes it, it stays one name.
    """
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    if len(segments) < 2:
        raise _refused("has no path of a file", site)
    for segment in segments:
        text = segment
        for _ in range(_ROUNDS):
            if text in ("", ".", "..") or _CONTROL.search(text) or "/" in text or "\\" in text:
                raise _refused("has a path that leads elsewhere", site)
            text = unquote(text)
        if text != unquote(text):
            raise _refused("is encoded too many times", site)
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
