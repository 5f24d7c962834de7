"""Download files of one site and upload files into draft areas, both streamed.

Moodle's two file scripts answer most failures with status 200 and a JSON object of the form
`{error, errorcode, ...}`, so each response is inspected before it is treated as a file.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final, cast

import anyio
import httpx2

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.decoding import decode
from moodle_mcp.site.errorcodes import hint_of
from moodle_mcp.site.file_address import FileAddress
from moodle_mcp.site.moodle_errors import moodle_error, moodle_fault, plain
from moodle_mcp.site.response import Response
from moodle_mcp.site.session import Form, Progress, SiteSession
from moodle_mcp.site.timing import Timing

UPLOAD: Final = "/webservice/upload.php"

MAX_ERROR: Final = 200_000
"""Maximum bytes of a response that is not a file: an error from Moodle, a proxy's page."""

_PIECE: Final = 256 * 1024
_MIMETYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,90}")
_ENCODINGS: Final = ("", "identity", "gzip", "deflate")


_OWN_LIMITS: Final = (
    "The operator may raise MOODLE_MCP_MAX_FILE (for files returned to the agent) or "
    "MOODLE_MCP_MAX_SAVED_FILE (for files saved to disk)."
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file being downloaded.

    `mimetype` is Moodle's guess from the file's name. `size` is the declared number of bytes, if
    any. `pieces` yields the content and raises `CallError` if the download breaks off or exceeds
    the limit.
    """

    mimetype: str
    size: int | None
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Draft:
    """A stored draft file: the draft area's item id, the file's name and its bytes, which a Moodle
    4.1 does not report (observed on 4.1).
    """

    item_id: int
    name: str
    size: int | None


@asynccontextmanager
async def opened(
    site: SiteSession,
    file: FileAddress,
    *,
    most: int,
    timing: Timing,
    progress: Progress | None = None,
) -> AsyncGenerator[Incoming]:
    """Open a file of the site, to be read inside the block; `most` is the maximum in bytes.

    Raises:
        CallError: the site refuses, or the file is `too_large`.
    """
    form = Form(file.path, dict(file.fields))
    with _within(timing.whole):
        async with site.post(form, silence=timing.silence) as response:
            if not _is_file(response):
                raise await _refusal(site, response)
            size = _declared(response)
            if size is not None and size > most:
                raise _too_large(f"The file has {size:,} bytes; {most:,} are allowed here.")
            pieces = _pieces(response, most, size, progress)
            yield Incoming(_mimetype(response), size, pieces)


async def upload(
    site: SiteSession,
    name: str,
    content: BinaryIO,
    *,
    item_id: int = 0,
    timing: Timing,
    progress: Progress | None = None,
) -> Draft:
    """Upload a file into a draft area of the token's user: that of `item_id`, or a new one for 0.

    Raises:
        CallError: `written` is "nothing" unless no answer arrived.
    """
    whole = io.BufferedReader(_AsItBegan(content))
    form = Form(UPLOAD, {"itemid": str(item_id), "filepath": "/"}, (name, whole))
    with _within(timing.whole):
        async with site.post(form, silence=timing.silence, progress=progress) as response:
            answer = await _answer(site, response)
    return _stored(answer)


class _AsItBegan(io.RawIOBase):
    """A file limited to its present length, which the request's Content-Length has announced."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self._length + offset)
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        left = self._length - self._file.tell()
        piece = self._file.read(min(len(buffer), left))
        if left and not piece:
            message = "The file became shorter while it was being sent, and nothing was stored."
            hint = "Upload it again when no program is writing to it."
            raise CallError(Fault(Kind.CONFLICT, message, hint=hint, written="nothing"))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def _within(seconds: float) -> Generator[None]:
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        message = f"The transfer took longer than {seconds:.0f} seconds."
        hint = "Take a smaller file, or ask the operator to raise MOODLE_MCP_CALL_BUDGET."
        raise CallError(Fault(Kind.TIMEOUT, message, hint=hint)) from None


def _is_file(response: httpx2.Response) -> bool:
    """Whether the response is a file: Moodle sends `Content-Disposition` with each (seen on 4.5.6).

    Without that header, JSON is Moodle's error whatever the status, and HTML is a login page or a
    proxy's.
    """
    if response.status_code != 200:
        return False
    if "content-disposition" in response.headers:
        return True
    kind = response.headers.get("content-type", "text/html").lower()
    return not any(each in kind for each in ("json", "html", "xml"))


def _mimetype(response: httpx2.Response) -> str:
    mimetype = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return mimetype if _MIMETYPE.fullmatch(mimetype) else "application/octet-stream"


def _declared(response: httpx2.Response) -> int | None:
    """Return the declared bytes of the file, or None for a compressed response."""
    encoding = response.headers.get("content-encoding", "").lower()
    if encoding not in _ENCODINGS:
        shown = plain(encoding[:40])
        message = f"The file arrived compressed ({shown}), which was not requested."
        hint = "The operator checks the proxies in front of the site: one of them compresses."
        raise CallError(Fault(Kind.BAD_ANSWER, message, hint=hint))
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() and encoding in ("", "identity") else None


async def _pieces(
    response: httpx2.Response, most: int, size: int | None, progress: Progress | None
) -> AsyncGenerator[bytes]:
    # The library decompresses piece by piece, so a small response can't fill the memory.
    done = 0
    async for piece in response.aiter_bytes(_PIECE):
        done += len(piece)
        if done > most:
            raise _too_large(f"The file is longer than {most:,} bytes and was not read to its end.")
        yield piece
        if progress is not None:
            await progress(done, size)


async def _refusal(site: SiteSession, response: httpx2.Response) -> CallError:
    """Return the error that a response stands for which is not a file."""
    try:
        await _answer(site, response)
    except CallError as error:
        return error
    return CallError(Fault(Kind.BAD_ANSWER, "The site's response is not a file."))


async def _answer(site: SiteSession, response: httpx2.Response) -> Any:
    """Return the value that one of the two scripts answered.

    Raises:
        CallError: the value is an error in either of Moodle's shapes, or not Moodle's at all.
    """
    body = bytearray()
    async for piece in response.aiter_bytes(_PIECE):
        body += piece[: MAX_ERROR - len(body)]
        if len(body) == MAX_ERROR:
            break
    answer = Response(
        response.status_code,
        bytes(body),
        response.reason_phrase,
        response.headers.get("location"),
        response.headers.get("retry-after"),
    )
    # Checked before the status: for a missing file Moodle answers 404 with its own error object.
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        value = None
    match value:
        case {"error": _, "errorcode": code}:
            error = moodle_error(cast("dict[str, Any]", value), answer.status)
            # A parameter that we did send is reported missing: PHP has dropped the whole body.
            raise _dropped() if code == "missingparam" else error
        case _:
            # The list of uploaded files itself says which of them failed.
            return decode(answer, own=lambda value: isinstance(value, list)).value


def _stored(answer: Any) -> Draft:
    match answer:
        case [{"error": str(said), "errortype": code}]:
            fault = moodle_fault({"errorcode": code, "error": said})
            raise CallError(replace(fault, written="nothing"))
        case [{"itemid": int(item_id), "filename": str(name), "filesize": int(size)}]:
            return Draft(item_id, name, size)
        case [{"itemid": int(item_id), "filename": str(name), "contextid": _} as stored] if (
            "filesize" not in stored
        ):
            return Draft(item_id, name, None)
        case _:
            message = "The site's answer to the upload is not what Moodle sends."
            raise CallError(Fault(Kind.BAD_ANSWER, message))


def _dropped() -> CallError:
    message = "PHP dropped the upload because it is larger than post_max_size."
    return CallError(
        Fault(Kind.TOO_LARGE, message, hint=hint_of("upload_limits")), Delivery.REJECTED
    )


def _too_large(message: str) -> CallError:
    return CallError(Fault(Kind.TOO_LARGE, message, hint=_OWN_LIMITS))
