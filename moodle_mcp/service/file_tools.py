"""The tools for files: download_file and upload_file."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, Final

import anyio
import anyio.to_thread

from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.arguments import arguments_fault
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import split
from moodle_mcp.catalogue.model import Function, FunctionText, Object, ParameterText, Value
from moodle_mcp.catalogue.text_kinds import TextKind
from moodle_mcp.errors import CallError, Delivery, Fault, Kind, ParameterFault
from moodle_mcp.files.extract import text_of
from moodle_mcp.files.folder import Folder
from moodle_mcp.files.names import safe_name
from moodle_mcp.files.pictures import Dimensions, dimensions
from moodle_mcp.files.settings import FileSettings
from moodle_mcp.files.sniff import IMAGES, Content, sniff
from moodle_mcp.presentation.render import Keys, Words
from moodle_mcp.redaction.values import without_secrets
from moodle_mcp.service.builtin_tools import BuiltinAnswer, BuiltinTool
from moodle_mcp.service.reply import Picture
from moodle_mcp.site.file_address import FileAddress, file_address
from moodle_mcp.site.files import Incoming, opened, upload
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.session import Progress, SiteSession

DOWNLOAD: Final = "download_file"
UPLOAD: Final = "upload_file"

MAX_IMAGE: Final = 5_000_000
"""Most bytes of a picture in an answer: models accept no larger ones."""

MAX_SIDE: Final = 8_000
"""Most pixels of its width and height: model APIs reject a whole conversation with a larger one,
and a few kilobytes can unpack to gigabytes in a client.
"""

_STEP: Final = 1_000_000
"""Bytes between two reports of progress."""

_DAMAGED: Final = "The picture is damaged, and not shown."

_HARMLESS: Final = (
    "At most a draft was stored. Nobody sees it, and Moodle removes it later: upload again, "
    "without itemid."
)


def download_function(*, saves: bool) -> Function:
    """Define `download_file`; the arguments for saving need a folder."""
    params = {"url": Value("raw")}
    texts = {"url": ParameterText("URL of a file from an answer, such as `fileurl`.")}
    if saves:
        params["save"] = Value("bool", presence="optional")
        params["name"] = Value("raw", presence="optional")
        texts["save"] = ParameterText(
            "Save it in the operator's folder; its content is not returned."
        )
        texts["name"] = ParameterText("Name to save it under, if not its own.")
    text = (
        "Read a file of this Moodle: text, HTML as Markdown, the text of PDF, Word, PowerPoint "
        "and Excel files, or a picture."
    )
    return Function(
        DOWNLOAD,
        params=Object(params),
        classification=Classification(Access.READ),
        text=FunctionText(text, texts),
    )


def upload_function(*, reads: bool) -> Function:
    """Define `upload_file`; the argument `path` needs a folder."""
    presence = "optional" if reads else "required"
    params = {
        "name": Value("raw", presence=presence),
        "text": Value("raw", presence=presence),
        "itemid": Value("int", presence="optional"),
    }
    texts = {
        "name": ParameterText("Name of a new text file, with its extension."),
        "text": ParameterText("Content of that file."),
        "itemid": ParameterText("Draft area to add to; a new one if left out."),
    }
    if reads:
        params = {"path": Value("raw", presence="optional"), **params}
        texts["path"] = ParameterText("A file inside the operator's folder; or name and text.")
    text = (
        "Upload a file into a draft area and get its item id, which other functions take, such as "
        "mod_assign_save_submission (files_filemanager). Nobody sees the file before that."
    )
    return Function(
        UPLOAD,
        params=Object(params),
        classification=Classification(Access.WRITE),
        text=FunctionText(text, texts),
    )


FILE_RULE: Final = Keys(
    {
        "name": Words(TextKind.NAME),
        "mimetype": None,
        "size": None,
        "text": Words(TextKind.TEXT),
        "saved_as": Words(TextKind.NAME),
        "note": None,
        "itemid": None,
    }
)
"""Which values in the answers of both tools were written by people."""


class FileTools:
    """The file tools of one user. Without a folder they read and write nothing on this machine."""

    def __init__(
        self,
        site: SiteSession,
        folder: Folder | None,
        settings: FileSettings,
        turns: anyio.CapacityLimiter,
    ) -> None:
        self._site = site
        self._folder = folder
        self._settings = settings
        self._turns = turns
        has_folder = folder is not None
        self._download_tool = BuiltinTool(
            download_function(saves=has_folder), self._download, changes_nothing=not has_folder
        )
        self._upload_tool = BuiltinTool(
            upload_function(reads=has_folder), self._upload, changes_nothing=False
        )

    def tools(self, info: SiteInfo | None) -> list[BuiltinTool]:
        """The tools that the token's service allows; both until the site info is fetched."""
        offered = [
            (self._download_tool, info is None or info.may_download),
            (self._upload_tool, info is None or info.may_upload),
        ]
        return [tool for tool, may in offered if may]

    async def _download(self, given: Mapping[str, Any], observer: Observer) -> BuiltinAnswer:
        """Return a file's content, or save it."""
        address = file_address(given["url"], self._site.address)
        async with self._turns:
            if given.get("save") and self._folder is not None:
                name = given.get("name", address.name)
                return await self._saved(self._folder, address, name, observer.on_bytes)
            return await self._read(address, observer.on_bytes)

    async def _upload(self, arguments: Mapping[str, Any], observer: Observer) -> BuiltinAnswer:
        """Put a file into a draft area."""
        control, given = split(arguments)
        try:
            with self._source(given) as (name, content):
                if control.dry_run:
                    return BuiltinAnswer(_dry_run(), FILE_RULE)
                async with self._turns:
                    draft = await upload(
                        self._site,
                        name,
                        content,
                        item_id=given.get("itemid", 0),
                        timing=self._settings.timing,
                        progress=_in_steps(observer.on_bytes),
                    )
        except CallError as error:
            return BuiltinAnswer(Outcome(fault=_of_upload(error)), FILE_RULE)
        size = {} if draft.size is None else {"size": draft.size}
        result = {"itemid": draft.item_id, "name": draft.name, **size}
        return self._answer(result)

    async def _saved(
        self, folder: Folder, address: FileAddress, name: str, progress: Progress | None
    ) -> BuiltinAnswer:
        size = 0
        with folder.saving(name) as (saved_as, saving):
            async with self._opened(address, self._settings.most_saved, progress) as incoming:
                async for piece in incoming.pieces:
                    await anyio.to_thread.run_sync(saving.write, piece)
                    size += len(piece)
            saving.keep()
        result = {"name": address.name, "mimetype": incoming.mimetype, "size": size}
        return self._answer(result | {"saved_as": saved_as})

    async def _read(self, address: FileAddress, progress: Progress | None) -> BuiltinAnswer:
        content = bytearray()
        async with self._opened(address, self._settings.most, progress) as incoming:
            async for piece in incoming.pieces:
                content += piece
        data = bytes(content)
        kind = sniff(data, incoming.mimetype)
        result = {
            "name": address.name,
            "mimetype": _mimetype(kind, incoming.mimetype),
            "size": len(data),
        }
        if kind in IMAGES:
            size = dimensions(data, kind)
            if size is None:
                return self._answer(result | {"note": _DAMAGED})
            return self._answer(result, _picture(data, kind, size))
        text = await text_of(data, kind)
        if text.text or not text.note:
            result["text"] = text.text
        if text.note:
            result["note"] = text.note
        return self._answer(result)

    def _answer(self, result: dict[str, Any], *pictures: Picture) -> BuiltinAnswer:
        clean = without_secrets(result, self._site.secrets)
        return BuiltinAnswer(Outcome(result=clean), FILE_RULE, pictures=pictures)

    def _opened(
        self, address: FileAddress, most: int, progress: Progress | None
    ) -> AbstractAsyncContextManager[Incoming]:
        timing = self._settings.timing
        return opened(self._site, address, most=most, timing=timing, progress=_in_steps(progress))

    @contextmanager
    def _source(self, given: Mapping[str, Any]) -> Generator[tuple[str, BinaryIO]]:
        """The name and the content of the file to upload.

        Raises:
            CallError: nothing was sent.
        """
        named = "name" in given or "text" in given
        if ("path" in given) == named:
            raise self._unclear("path", "or name and text must be given, but not both")
        if not named and self._folder is not None:
            with self._folder.reading(given["path"]) as (name, file):
                self._check_size(os.fstat(file.fileno()).st_size)
                yield name, file
            return
        for key in ("name", "text"):
            if key not in given:
                raise self._unclear(key, "is missing and required")
        content = given["text"].encode()
        self._check_size(len(content))
        yield safe_name(given["name"]), io.BytesIO(content)

    def _unclear(self, path: str, problem: str) -> CallError:
        return CallError.not_sent(
            arguments_fault(self._upload_tool.function, [ParameterFault(path, problem)])
        )

    def _check_size(self, size: int) -> None:
        most = self._settings.most_saved
        if size > most:
            message = f"Nothing was sent: the file has {size:,} bytes; {most:,} are allowed here."
            hint = "Use a smaller file, or ask the operator to raise MOODLE_MCP_MAX_SAVED_FILE."
            raise CallError.not_sent(Fault(Kind.TOO_LARGE, message, hint=hint))


def _mimetype(kind: Content, declared: str) -> str:
    """The type found in the bytes, or the site's if that is more precise and plausible."""
    if kind is Content.TEXT or (
        kind is Content.OTHER and not declared.startswith(("text/", "image/"))
    ):
        return declared
    return kind.value


def _picture(data: bytes, kind: Content, size: Dimensions) -> Picture:
    message = ""
    if len(data) > MAX_IMAGE:
        message = f"The picture has {len(data):,} bytes; at most {MAX_IMAGE:,} can be shown."
    elif max(size) > MAX_SIDE:
        message = (
            f"The picture has {size[0]} x {size[1]} pixels; at most {MAX_SIDE} each can be shown."
        )
    if message:
        hint = "Add ?preview=bigthumb to its URL for a small one, or save it if `save` is offered."
        raise CallError(Fault(Kind.TOO_LARGE, message, hint=hint))
    return Picture(data, kind.value)


def _in_steps(progress: Progress | None) -> Progress | None:
    """Report progress only every `_STEP` bytes and at the end."""
    if progress is None:
        return None
    last = 0

    async def report(done: int, total: int | None) -> None:
        nonlocal last
        if done - last >= _STEP or done == total:
            last = done
            await progress(done, total)

    return report


def _of_upload(error: CallError) -> Fault:
    """The fault of an upload. Moodle stores nothing that it rejects."""
    fault = error.fault
    certain = error.delivery is not Delivery.UNKNOWN or fault.errorcode is not None
    if fault.written is None and not certain:
        fault = replace(fault, written="unknown", hint=f"{_HARMLESS} {fault.advice}")
    return replace(fault, function=UPLOAD, written=fault.written or "nothing")


def _dry_run() -> Outcome:
    """The plan, in the form used for every function."""
    nothing: dict[str, Any] = {"succeeded": 0, "failed": [], "unknown": [], "not_sent": []}
    return Outcome(batch={"dry_run": True, "items": 0, "requests": 1, **nothing})
