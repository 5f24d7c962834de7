"""The two tools for files, against the demo site."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.outcome import failed
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, DemoSite, Hold, InjectedFault, serving
from moodle_mcp.errors import CallError
from moodle_mcp.files.folder import Folder
from moodle_mcp.files.settings import FileSettings
from moodle_mcp.server.tools import builtin_to_tool
from moodle_mcp.service.builtin_tools import BuiltinAnswer, BuiltinTool
from moodle_mcp.service.file_tools import MAX_IMAGE, FileTools
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.session import Progress, SiteSession
from moodle_mcp.site.timing import Timing
from tests.support import samples
from tests.support.demo import Demo
from tests.support.serving import NOW, connection

pytestmark = pytest.mark.anyio

SMALL = FileSettings(most=20_000, most_saved=50_000, timing=Timing(20, 30))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


class Tools:
    """The two tools, run with arguments that have been checked as the service checks them."""

    def __init__(
        self, site: SiteSession, folder: Folder | None, settings: FileSettings | None
    ) -> None:
        turns = anyio.CapacityLimiter(2)
        self._files = FileTools(site, folder, settings or FileSettings(), turns)
        self._checker = ArgumentChecker()

    def functions(self, info: SiteInfo | None = None) -> list[Function]:
        return [tool.function for tool in self.tools(info)]

    def tools(self, info: SiteInfo | None = None) -> list[BuiltinTool]:
        return self._files.tools(info)

    async def download(
        self, given: dict[str, Any], progress: Progress | None = None
    ) -> BuiltinAnswer:
        return await self._run(self.tools()[0], given, progress)

    async def upload(
        self, given: dict[str, Any], progress: Progress | None = None
    ) -> BuiltinAnswer:
        return await self._run(self.tools()[1], given, progress)

    async def _run(
        self, tool: BuiltinTool, given: dict[str, Any], progress: Progress | None
    ) -> BuiltinAnswer:
        assert tool.run is not None
        try:
            checked = self._checker.check(tool.function, given)
            return await tool.run(checked, Observer(on_bytes=progress))
        except CallError as error:
            return BuiltinAnswer(failed(tool.function, error))


@asynccontextmanager
async def tools_of(
    demo: Demo,
    path: Path | None = None,
    settings: FileSettings | None = None,
    token: str = STUDENT_TOKEN,
) -> AsyncGenerator[Tools]:
    site = SiteSession(connection(demo.url, token))
    try:
        yield Tools(site, None if path is None else Folder(path), settings)
    finally:
        await site.aclose()


async def download(demo: Demo, url: str, folder: Path | None = None, **given: Any) -> BuiltinAnswer:
    async with tools_of(demo, folder, SMALL) as tools:
        return await tools.download({"url": url, **given})


async def uploaded(demo: Demo, folder: Path | None = None, **given: Any) -> dict[str, Any]:
    async with tools_of(demo, folder, SMALL) as tools:
        return (await tools.upload(given)).outcome.envelope


def stored(demo: Demo) -> dict[tuple[int, str], bytes]:
    files = demo.site.world.files.values()
    drafts = [file for file in files if file.filearea == "draft"]
    return {(file.itemid, file.filename): file.content for file in drafts}


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def error_of(answer: BuiltinAnswer) -> dict[str, Any]:
    assert answer.pictures == ()
    assert answer.outcome.fault is not None
    return answer.outcome.fault.report()


async def test_a_text_file_is_answered_as_its_text(demo: Demo) -> None:
    answer = await download(demo, demo.add_file("Übersicht 1.txt", b"Zellen kurz"))
    assert answer.outcome.envelope == {
        "result": {
            "name": "Übersicht 1.txt",
            "mimetype": "text/plain",
            "size": 11,
            "text": "Zellen kurz",
        }
    }


async def test_a_page_is_answered_as_markdown(demo: Demo) -> None:
    url = demo.add_file("index.html", b"<h2>Cells</h2><p>Two <b>hours</b></p>", "text/html")
    assert (await download(demo, url)).outcome.result["text"] == "## Cells\n\nTwo **hours**"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (samples.pdf(), "Photosynthesis"),
        (samples.docx(), "nucleus"),
        (samples.xlsx(), "12.5"),
    ],
)
async def test_a_document_is_answered_as_its_text_whatever_it_is_declared(
    data: bytes, said: str, demo: Demo
) -> None:
    url = demo.add_file("notes", data, "text/html")
    async with tools_of(demo) as tools:
        result = (await tools.download({"url": url})).outcome.result
    assert said in result["text"]
    assert result["mimetype"].startswith("application/")
    assert result["size"] == len(data)


@pytest.mark.parametrize("left", [0, 10, 1_000_000])
async def test_a_file_that_becomes_shorter_while_it_is_sent_is_told(
    demo: Demo, tmp_path: Path, left: int
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 1_500_000)

    async def cut(_: int, __: int | None) -> None:
        os.truncate(path, left)

    async with tools_of(demo, tmp_path) as tools:
        error = error_of(await tools.upload({"path": "a.txt"}, cut))
    assert (error["kind"], error["written"]) == ("conflict", "nothing")


async def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was(
    demo: Demo, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 1_500_000)

    async def grow(_: int, __: int | None) -> None:
        with path.open("ab") as file:
            file.write(b"b" * 1_000_000)

    async with tools_of(demo, tmp_path) as tools:
        outcome = (await tools.upload({"path": "a.txt"}, grow)).outcome
    assert outcome.result["size"] == 1_500_000


async def test_a_site_that_does_not_tell_the_size_has_stored_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    site = DemoSite(now=NOW, release="4.1")
    with serving(site.app) as url:
        async with tools_of(Demo(site, url), tmp_path) as tools:
            outcome = (await tools.upload({"path": "a.txt"})).outcome
    assert (outcome.fault, sorted(outcome.result)) == (None, ["itemid", "name"])


async def test_a_picture_is_a_picture(demo: Demo) -> None:
    answer = await download(demo, demo.add_file("a.gif", samples.PNG, "image/gif"))
    assert answer.outcome.result == {
        "name": "a.gif",
        "mimetype": "image/png",
        "size": len(samples.PNG),
    }
    [image] = answer.pictures
    assert image.mime_type == "image/png"
    assert image.data == samples.PNG


async def test_a_picture_that_is_damaged_is_not_shown(demo: Demo) -> None:
    answer = await download(demo, demo.add_file("a.png", samples.PNG[:20], "image/png"))
    assert answer.pictures == ()
    assert answer.outcome.result["note"] == "The picture is damaged, and not shown."


async def test_a_picture_that_would_unpack_to_gigabytes_is_not_shown(demo: Demo) -> None:
    wide = samples.PNG[:16] + (100_000).to_bytes(4) + samples.PNG[20:]
    async with tools_of(demo) as tools:
        answer = await tools.download({"url": demo.add_file("a.png", wide, "image/png")})
    error = error_of(answer)
    assert (error["kind"], error["message"], list(answer.pictures)) == (
        "too_large",
        "The picture has 100000 x 1 pixels; at most 8000 each can be shown.",
        [],
    )


async def test_a_picture_that_is_too_large_to_show_is_refused_with_its_size(demo: Demo) -> None:
    url = demo.add_file("a.png", samples.PNG + b"\0" * MAX_IMAGE, "image/png")
    async with tools_of(demo) as tools:
        assert error_of(await tools.download({"url": url})) == snapshot(
            {
                "kind": "too_large",
                "message": "The picture has 5,000,070 bytes; at most 5,000,000 can be shown.",
                "hint": "Add ?preview=bigthumb to its URL for a small one, or save it if `save` is offered.",
                "function": "download_file",
                "retryable": False,
                "written": "nothing",
            }
        )


async def test_what_has_no_text_is_described(demo: Demo) -> None:
    answer = await download(demo, demo.add_file("a.exe", b"\x7fELF\0\0", "text/html"))
    assert answer.outcome.result == snapshot(
        {
            "name": "a.exe",
            "mimetype": "application/octet-stream",
            "size": 6,
            "note": "It is not text, a picture or a document whose text can be read.",
        }
    )


async def test_secrets_in_a_file_are_taken_out_of_the_answer(demo: Demo) -> None:
    key = "0123456789abcdef" * 2
    text = f"{STUDENT_TOKEN} https://m.example/pluginfile.php/1/a?token={key}"
    answer = await download(demo, demo.add_file("a.txt", text.encode()))
    assert answer.outcome.result["text"] == (
        "(removed) https://m.example/pluginfile.php/1/a?token=(removed)"
    )


async def test_an_error_with_status_200_is_an_error_and_no_file(demo: Demo, path: Path) -> None:
    body = {"error": "Invalid token", "errorcode": "invalidtoken", "stacktrace": None}
    headers = {"Content-Type": "application/json"}
    url = demo.add_file("a.txt", b"x")
    for given in ({}, {"save": True}):
        demo.site.faults.append(InjectedFault.answer(json.dumps(body).encode(), headers=headers))
        error = error_of(await download(demo, url, path, **given))
        assert (error["kind"], error["function"]) == ("invalid_token", "download_file")
    assert names(path) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/cells",
        "http://127.0.0.1:1/webservice/pluginfile.php/1/a/b",
        "{site}/webservice/pluginfile.php/../../login/token.php",
        "{site}/webservice/pluginfile.php/%2e%2e/login/token.php",
        "{site}/webservice/pluginfile.php/4/%252e%252e%252f/token.php",
        "{site}/login/token.php",
    ],
)
async def test_any_other_address_is_refused_and_nothing_is_sent(
    url: str, demo: Demo, path: Path
) -> None:
    for save in (False, True):
        answer = await download(demo, url.format(site=demo.url), path, save=save)
        assert error_of(answer)["kind"] == "invalid_arguments"
    assert demo.site.requests == []
    assert names(path) == []


async def test_a_file_over_the_cap_is_refused_in_memory_and_may_be_saved(
    demo: Demo, path: Path
) -> None:
    url = demo.add_file("a.txt", b"x" * 20_001)
    assert error_of(await download(demo, url, path))["kind"] == "too_large"
    answer = await download(demo, url, path, save=True)
    assert answer.outcome.result == snapshot(
        {"name": "a.txt", "mimetype": "text/plain", "size": 20001, "saved_as": "a.txt"}
    )
    assert (path / "a.txt").read_bytes() == b"x" * 20_001


async def test_a_saved_file_over_its_cap_leaves_nothing(demo: Demo, path: Path) -> None:
    url = demo.add_file("a.txt", b"x" * 50_001)
    assert error_of(await download(demo, url, path, save=True))["kind"] == "too_large"
    assert names(path) == []


async def test_a_download_that_the_client_cancels_leaves_nothing(demo: Demo, path: Path) -> None:
    hold = Hold()
    demo.site.faults.append(InjectedFault.hang(hold, after_work=True))
    url = demo.add_file("a.txt", b"x")
    async with tools_of(demo, path) as tools, anyio.create_task_group() as tasks:
        tasks.start_soon(tools.download, {"url": url, "save": True})
        await hold.arrived()
        assert len(names(path)) == 1
        tasks.cancel_scope.cancel()
    assert names(path) == []


@pytest.mark.parametrize("kind", ["chunked", "cut"])
async def test_a_file_that_grows_or_breaks_off_leaves_nothing(
    kind: str, demo: Demo, path: Path
) -> None:
    url = demo.add_file("a.txt", b"x")
    headers = {"Content-Disposition": "inline", "Content-Type": "text/plain"}
    if kind == "cut":
        demo.site.faults.append(InjectedFault.cut(b"x" * 9, 10, headers=headers))
    else:
        import gzip

        bomb = gzip.compress(b"\0" * 9_000_000)
        packed = headers | {"Content-Encoding": "gzip"}
        demo.site.faults.append(InjectedFault.answer(bomb, headers=packed))
    wanted = {"cut": "unreachable", "chunked": "too_large"}[kind]
    assert error_of(await download(demo, url, path, save=True))["kind"] == wanted
    assert names(path) == []


async def test_a_saved_file_has_a_safe_name_and_overwrites_nothing(demo: Demo, path: Path) -> None:
    url = demo.add_file("invoice\u202efdp.exe", b"new")
    first = (await download(demo, url, path, save=True)).outcome.result
    assert first["saved_as"] == "invoice_fdp.exe"
    again = error_of(await download(demo, url, path, save=True))
    assert again["kind"] == "conflict"
    renamed = await download(demo, url, path, save=True, name="CON.exe")
    assert renamed.outcome.result["saved_as"] == "_CON.exe"
    assert names(path) == ["_CON.exe", "invoice_fdp.exe"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a\0b", "C:\\x", "..\\..\\x", " "])
async def test_a_name_to_save_under_that_is_a_path_is_refused(
    name: str, demo: Demo, path: Path
) -> None:
    url = demo.add_file("a.txt", b"new")
    answer = await download(demo, url, path, save=True, name=name)
    assert error_of(answer)["kind"] == "invalid_arguments"
    assert demo.site.requests == []
    assert names(path.parent) == ["files"]
    assert names(path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="uses symbolic links")
async def test_a_link_in_the_way_is_refused_before_anything_is_fetched(
    demo: Demo, path: Path
) -> None:
    outside = path.parent / "outside"
    outside.write_bytes(b"mine")
    (path / "a.txt").symlink_to(outside)
    (path / "b.txt").symlink_to(path.parent / "nothing")
    for name in ("a.txt", "b.txt"):
        url = demo.add_file(name, b"theirs")
        assert error_of(await download(demo, url, path, save=True))["kind"] == "conflict"
    assert outside.read_bytes() == b"mine"
    assert demo.site.requests == []


async def test_without_a_folder_nothing_can_be_saved_or_read_here(demo: Demo) -> None:
    async with tools_of(demo) as tools:
        download_schema, upload_schema = (
            input_schema(function)["properties"] for function in tools.functions()
        )
        assert set(download_schema) == {"url"}
        assert set(upload_schema) == {"name", "text", "itemid", "_dry_run"}
        url = demo.add_file("a.txt", b"x")
        for answer in (
            await tools.download({"url": url, "save": True}),
            await tools.upload({"path": "a.txt"}),
        ):
            assert error_of(answer)["kind"] == "invalid_arguments"
    assert demo.site.requests == []


async def test_a_text_becomes_a_draft_and_another_joins_it(demo: Demo) -> None:
    first = await uploaded(demo, name="Über 1.md", text="# Zellen")
    item = first["result"]["itemid"]
    assert first == {"result": {"itemid": item, "name": "Über 1.md", "size": 8}}
    second = await uploaded(demo, name="b.txt", text="", itemid=item)
    assert second["result"] == {"itemid": item, "name": "b.txt", "size": 0}
    assert stored(demo) == {(item, "Über 1.md"): b"# Zellen", (item, "b.txt"): b""}


async def test_a_file_of_the_folder_becomes_a_draft(demo: Demo, path: Path) -> None:
    (path / "reports").mkdir()
    (path / "reports" / "a.bin").write_bytes(bytes(range(256)))
    result = (await uploaded(demo, path, path="reports/a.bin"))["result"]
    assert result == {"itemid": result["itemid"], "name": "a.bin", "size": 256}
    assert stored(demo) == {(result["itemid"], "a.bin"): bytes(range(256))}


async def test_a_draft_can_not_be_downloaded_and_the_refusal_says_why(demo: Demo) -> None:
    draft = f"{demo.url}/draftfile.php/5/user/draft/1/a.txt"
    assert "draft" in error_of(await download(demo, draft))["hint"]


@pytest.mark.skipif(sys.platform == "win32", reason="uses symbolic links")
async def test_nothing_outside_the_folder_is_uploaded(demo: Demo, path: Path) -> None:
    (path.parent / "secret").write_bytes(b"secret")
    (path / "link").symlink_to(path.parent / "secret")
    (path / "environ").symlink_to("/proc/self/environ")
    for wrong in ("../secret", "link", "environ", "/proc/self/environ", str(path / "x"), "."):
        answer = await uploaded(demo, path, path=wrong)
        assert answer["error"]["kind"] == "invalid_arguments"
        assert answer["error"]["written"] == "nothing"
    assert demo.site.requests == []


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "a.txt"},
        {"text": "x"},
        {"path": "a.txt", "text": "x"},
        {"path": "a.txt", "name": "b.txt"},
        {"name": "../a.txt", "text": "x"},
        {"name": "", "text": "x"},
        {"name": "a.txt", "text": "x" * 50_001},
    ],
)
async def test_an_unclear_or_too_large_upload_is_not_sent(
    given: dict[str, Any], demo: Demo, path: Path
) -> None:
    (path / "a.txt").write_bytes(b"x")
    error = (await uploaded(demo, path, **given))["error"]
    assert error["kind"] == ("too_large" if len(given.get("text", "")) > 1 else "invalid_arguments")
    assert error["function"] == "upload_file"
    assert error["written"] == "nothing"
    assert demo.site.requests == []


async def test_a_dry_run_of_an_upload_sends_nothing(demo: Demo) -> None:
    answer = await uploaded(demo, name="a.txt", text="x", _dry_run=True)
    assert answer["batch"]["dry_run"] is True
    assert demo.site.requests == []


async def test_an_upload_whose_answer_is_lost_is_said_to_be_in_doubt_and_harmless(
    demo: Demo,
) -> None:
    demo.site.faults.append(InjectedFault.drop(after_work=True))
    assert (await uploaded(demo, name="a.txt", text="x"))["error"] == snapshot(
        {
            "kind": "unreachable",
            "message": "The connection broke before the answer was complete.",
            "hint": "At most a draft was stored. Nobody sees it, and Moodle removes it later: upload again, without itemid. The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
            "function": "upload_file",
            "retryable": True,
            "written": "unknown",
        }
    )


async def test_an_upload_that_moodle_refuses_has_written_nothing(demo: Demo) -> None:
    demo.site.switches.upload_max_filesize = 1
    error = (await uploaded(demo, name="a.txt", text="xx"))["error"]
    assert (error["kind"], error["written"]) == ("too_large", "nothing")


async def test_progress_is_told_in_large_steps_and_at_the_end(demo: Demo) -> None:
    seen: list[tuple[int, int | None]] = []

    async def progress(done: int, total: int | None) -> None:
        seen.append((done, total))

    async with tools_of(demo) as tools:
        await tools.download({"url": demo.add_file("a.txt", b"x" * 2_500_000)}, progress)
        assert [done for done, _ in seen] == [1_048_576, 2_097_152, 2_500_000]
        seen.clear()
        await tools.upload({"name": "a.txt", "text": "x"}, progress)
        [(done, total)] = seen
        assert done == total


async def test_the_tools_are_there_as_far_as_the_service_lets_files_through(demo: Demo) -> None:
    async with tools_of(demo) as tools:
        site = SiteSession(connection(demo.url, ADMIN_TOKEN))
        both = tools.functions()
        assert tools.functions(None) == both
        assert tools.functions(await site.info()) == both
        demo.site.switches.uploads = False
        assert tools.functions(await site.info(fresh=True)) == both[:1]
        demo.site.switches.uploads, demo.site.switches.downloads = True, False
        assert tools.functions(await site.info(fresh=True)) == both[1:]
        await site.aclose()


async def test_the_tools_say_what_they_are(demo: Demo, path: Path) -> None:
    async with tools_of(demo, path) as with_folder, tools_of(demo) as without:
        listed = [
            builtin_to_tool(tool).model_dump(by_alias=True, exclude_none=True)
            for tools in (with_folder, without)
            for tool in tools.tools()
        ]
    for tool in listed:
        tool.pop("outputSchema")
    assert listed == snapshot(
        [
            {
                "name": "download_file",
                "title": "Download file",
                "description": "Read a file of this Moodle: text, HTML as Markdown, the text of PDF, Word, PowerPoint and Excel files, or a picture.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "url": {
                            "type": "string",
                            "description": "URL of a file from an answer, such as `fileurl`.",
                        },
                        "save": {
                            "type": "boolean",
                            "description": "Save it in the operator's folder; its content is not returned.",
                        },
                        "name": {
                            "type": "string",
                            "description": "Name to save it under, if not its own.",
                        },
                    },
                    "additionalProperties": False,
                    "required": ["url"],
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": False,
                },
            },
            {
                "name": "upload_file",
                "title": "Upload file",
                "description": "Upload a file into a draft area and get its item id, which other functions take, such as mod_assign_save_submission (files_filemanager). Nobody sees the file before that.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "path": {
                            "type": "string",
                            "description": "A file inside the operator's folder; or name and text.",
                        },
                        "name": {
                            "type": "string",
                            "description": "Name of a new text file, with its extension.",
                        },
                        "text": {"type": "string", "description": "Content of that file."},
                        "itemid": {
                            "type": "integer",
                            "description": "Draft area to add to; a new one if left out.",
                        },
                        "_dry_run": {
                            "type": "boolean",
                            "description": "Check and plan only; send nothing.",
                        },
                    },
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": False,
                },
            },
            {
                "name": "download_file",
                "title": "Download file",
                "description": "Read a file of this Moodle: text, HTML as Markdown, the text of PDF, Word, PowerPoint and Excel files, or a picture.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "url": {
                            "type": "string",
                            "description": "URL of a file from an answer, such as `fileurl`.",
                        }
                    },
                    "additionalProperties": False,
                    "required": ["url"],
                },
                "annotations": {
                    "readOnlyHint": True,
                    "destructiveHint": False,
                    "idempotentHint": True,
                    "openWorldHint": False,
                },
            },
            {
                "name": "upload_file",
                "title": "Upload file",
                "description": "Upload a file into a draft area and get its item id, which other functions take, such as mod_assign_save_submission (files_filemanager). Nobody sees the file before that.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "name": {
                            "type": "string",
                            "description": "Name of a new text file, with its extension.",
                        },
                        "text": {"type": "string", "description": "Content of that file."},
                        "itemid": {
                            "type": "integer",
                            "description": "Draft area to add to; a new one if left out.",
                        },
                        "_dry_run": {
                            "type": "boolean",
                            "description": "Check and plan only; send nothing.",
                        },
                    },
                    "additionalProperties": False,
                    "required": ["name", "text"],
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": False,
                },
            },
        ]
    )
