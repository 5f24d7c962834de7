"""Files of one site: streamed out of a file area, and up into a draft area.

Moodle's two scripts for files answer most failures with status 200 and a JSON object in a shape of
its own, `{error, errorcode, ...}`, so that what comes is looked at before it passes for a file.
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
from moodle_mcp.site.session import Form, Progress, Site
from moodle_mcp.site.timing import Timing

UPLOAD: Final = "/webservice/upload.php"

MAX_ERROR: Final = 200_000
"""Bytes of an answer that is no file: an error of Moodle's, a proxy's page."""

_PIECE: Final = 256 * 1024
_MIMETYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,90}")
_ENCODINGS: Final = ("", "identity", "gzip", "deflate")


_OWN_LIMITS: Final = (
    "The operator may raise MOODLE_MCP_MAX_FILE (files that are answered) or "
    "MOODLE_MCP_MAX_SAVED_FILE (files that are saved)."
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that is about to come.

    `mimetype` is what Moodle calls it, after its name; `size` its bytes, where they are declared;
    `pieces` its content, which ends with a `CallError` when it breaks off or grows beyond the cap.
    """

    mimetype: str
    size: int | None
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Draft:
    """A file in the user's draft area: the area's item id, the name and the bytes stored."""

    item_id: int
    name: str
    size: int


@asynccontextmanager
async def opened(
    site: Site, file: FileAddress, *, most: int, timing: Timing, progress: Progress | None = None
) -> AsyncGenerator[Incoming]:
    """A file of the site, to be read inside the block; `most` are the bytes that are taken.

    Raises:
        CallError: the site refuses it, or it is `too_large`.
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
    site: Site,
    name: str,
    content: BinaryIO,
    *,
    item_id: int = 0,
    timing: Timing,
    progress: Progress | None = None,
) -> Draft:
    """Put a file into a draft area of the token's user: the one of `item_id`, or a new one for 0.

    Raises:
        CallError: `written` is "nothing" unless the answer did not come.
    """
    whole = io.BufferedReader(_AsItBegan(content))
    form = Form(UPLOAD, {"itemid": str(item_id), "filepath": "/"}, (name, whole))
    with _within(timing.whole):
        async with site.post(form, silence=timing.silence, progress=progress) as response:
            answer = await _answer(site, response)
    return _stored(answer)


class _AsItBegan(io.RawIOBase):
    """A file with the length that it has now: the request's head has said how much will come."""

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
            hint = "Upload it again when no program writes to it."
            raise CallError(Fault(Kind.CONFLICT, message, hint=hint, written="nothing"))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def _within(seconds: float) -> Generator[None]:
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        message = f"The file was not through within {seconds:.0f} seconds."
        hint = "Take a smaller file, or let the operator raise MOODLE_MCP_CALL_BUDGET."
        raise CallError(Fault(Kind.TIMEOUT, message, hint=hint)) from None


def _is_file(response: httpx2.Response) -> bool:
    """Whether the answer is a file: Moodle gives each a `Content-Disposition` (observed on 4.5.6).

    Without one JSON is Moodle's error, whatever the status, and a page is a login or a proxy's.
    """
    if response.status_code != 200:
        return False
    if "content-disposition" in response.headers:
        return True
    kind = response.headers.get("content-type", "text/html").lower()
    return not any(each in kind for each in ("json", "html", "xml"))


def _mimetype(response: httpx2.Response) -> str:
    told = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return told if _MIMETYPE.fullmatch(told) else "application/octet-stream"


def _declared(response: httpx2.Response) -> int | None:
    """The file's bytes as the answer declares them; of a compressed one nothing is known."""
    encoding = response.headers.get("content-encoding", "").lower()
    if encoding not in _ENCODINGS:
        told = plain(encoding[:40])
        message = f"The file came compressed in a way that was not asked for ({told})."
        hint = "The operator looks at what stands between here and the site: a proxy does that."
        raise CallError(Fault(Kind.BAD_ANSWER, message, hint=hint))
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() and encoding in ("", "identity") else None


async def _pieces(
    response: httpx2.Response, most: int, size: int | None, progress: Progress | None
) -> AsyncGenerator[bytes]:
    # Unpacked by the library in pieces, so that a small answer can't fill the memory.
    done = 0
    async for piece in response.aiter_bytes(_PIECE):
        done += len(piece)
        if done > most:
            raise _too_large(f"The file is longer than {most:,} bytes and was not read to its end.")
        yield piece
        if progress is not None:
            await progress(done, size)


async def _refusal(site: Site, response: httpx2.Response) -> CallError:
    """The error that an answer means which is no file."""
    try:
        await _answer(site, response)
    except CallError as error:
        return error
    return CallError(Fault(Kind.BAD_ANSWER, "The site answered with something that is no file."))


async def _answer(site: Site, response: httpx2.Response) -> Any:
    """The value that one of the two scripts answered.

    Raises:
        CallError: it is an error, in either of Moodle's shapes, or not Moodle's at all.
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
    # Before the status: a missing file is a 404 with Moodle's own words in it.
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        value = None
    match value:
        case {"error": _, "errorcode": code}:
            error = moodle_error(cast("dict[str, Any]", value), answer.status)
            # A parameter that we sent is missing: PHP has dropped the whole body.
            raise _dropped() if code == "missingparam" else error
        case _:
            # The list of uploaded files says itself which of them failed.
            return decode(answer, own=lambda value: isinstance(value, list)).value


def _stored(answer: Any) -> Draft:
    match answer:
        case [{"error": str(said), "errortype": code}]:
            fault = moodle_fault({"errorcode": code, "error": said})
            raise CallError(replace(fault, written="nothing"))
        case [{"itemid": int(item_id), "filename": str(name), "filesize": int(size)}]:
            return Draft(item_id, name, size)
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
