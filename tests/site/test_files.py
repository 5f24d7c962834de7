"""Files of a site on a real socket: accepted responses, and errors that end a transfer."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from inline_snapshot import snapshot

from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, InjectedFault
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.file_address import FileAddress, file_address
from moodle_mcp.site.files import Draft, opened, upload
from moodle_mcp.site.session import Progress, SiteSession
from moodle_mcp.site.timing import Timing
from tests.support.demo import Demo
from tests.support.serving import connection

pytestmark = pytest.mark.anyio

MOST = 1_000_000
TIMING = Timing(silence=20, whole=30)
ATTACHMENT = {"Content-Disposition": 'inline; filename="a.txt"', "Content-Type": "text/plain"}
ERROR = {
    "error": "Invalid token - token not found",
    "errorcode": "invalidtoken",
    "stacktrace": None,
    "debuginfo": None,
    "reproductionlink": None,
}


def chapter(demo: Demo) -> FileAddress:
    """The first file of the course that the student is in."""
    modules = {100_000 + module.id for module in demo.site.world.modules_of(2)}
    file = next(
        each
        for each in demo.site.world.files.values()
        if each.component == "mod_resource" and each.context % 100_000 + 100_000 in modules
    )
    return file_address(f"{demo.url}/pluginfile.php{file.path}", connection(demo.url).address)


@asynccontextmanager
async def site_of(url: str, token: str = ADMIN_TOKEN) -> AsyncGenerator[SiteSession]:
    site = SiteSession(connection(url, token))
    try:
        yield site
    finally:
        await site.aclose()


async def fetch(
    url: str,
    file: FileAddress,
    token: str = ADMIN_TOKEN,
    *,
    most: int = MOST,
    timing: Timing = TIMING,
    progress: Progress | None = None,
) -> bytes:
    async with (
        site_of(url, token) as site,
        opened(site, file, most=most, timing=timing, progress=progress) as incoming,
    ):
        return b"".join([piece async for piece in incoming.pieces])


async def refusal(url: str, file: FileAddress, **more: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        await fetch(url, file, **more)
    assert ADMIN_TOKEN not in f"{caught.value!r} {caught.value.fault.report()}"
    return caught.value


async def test_a_file_comes_with_one_post_that_has_the_token_in_its_body_only(demo: Demo) -> None:
    file = chapter(demo)
    async with site_of(demo.url) as site, opened(site, file, most=MOST, timing=TIMING) as incoming:
        content = b"".join([piece async for piece in incoming.pieces])
    assert content.startswith(b"Cells: read chapter 1")
    assert (incoming.mimetype, incoming.size) == ("text/plain", len(content))
    [request] = demo.site.requests
    assert (request.method, request.path, request.query) == ("POST", file.path, "")
    assert request.body == f"token={ADMIN_TOKEN}".encode()
    assert ADMIN_TOKEN not in str(request.headers)
    assert request.headers["accept-encoding"] == "identity"


async def test_a_site_without_slash_arguments_is_asked_with_a_field(demo: Demo) -> None:
    path = chapter(demo).path.removeprefix("/webservice/pluginfile.php")
    site = connection(demo.url).address
    file = file_address(f"{demo.url}/pluginfile.php?file={path}", site)
    assert (await fetch(demo.url, file)).startswith(b"Cells")


async def test_the_token_is_in_no_log_line_of_a_transfer(
    demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx2")
    caplog.set_level(logging.DEBUG, "httpcore2")
    await fetch(demo.url, chapter(demo))
    async with site_of(demo.url) as site:
        await upload(site, "a.txt", io.BytesIO(b"x"), timing=TIMING)
    assert "pluginfile.php" in caplog.text
    assert ADMIN_TOKEN not in caplog.text


async def test_what_the_user_may_not_see_and_what_is_not_there_is_no_file(demo: Demo) -> None:
    other = next(
        each for each in demo.site.world.modules_of(4) if each.modname == "resource"
    )  # fmt: skip
    path = next(
        file.path
        for file in demo.site.world.files.values()
        if file.context % 100_000 == other.id and file.component == "mod_resource"
    )
    closed = FileAddress(f"/webservice/pluginfile.php{path}", "x")
    missing = FileAddress("/webservice/pluginfile.php/1/a/b", "b")
    assert (await refusal(demo.url, closed, token=STUDENT_TOKEN)).fault.kind is Kind.NO_PERMISSION
    assert (await refusal(demo.url, missing)).fault.report() == snapshot(
        {
            "kind": "not_found",
            "message": "Sorry, the requested file could not be found",
            "hint": "The file is not there, or not for the token's user: read its address anew, for example with core_course_get_contents.",
            "errorcode": "filenotfound",
            "http_status": 404,
            "retryable": False,
            "written": "nothing",
        }
    )
    demo.site.switches.downloads = False
    assert (await refusal(demo.url, missing)).fault.kind is Kind.ACCESS_DENIED


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_json_error_is_an_error_whatever_its_status(status: int, demo: Demo) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    body = json.dumps(ERROR).encode()
    demo.site.faults.append(InjectedFault.status(status, body, headers=headers))
    fault = (await refusal(demo.url, chapter(demo))).fault
    assert (fault.kind, fault.errorcode) == (Kind.INVALID_TOKEN, "invalidtoken")


async def test_a_file_may_hold_what_an_error_holds(demo: Demo) -> None:
    body = json.dumps(ERROR).encode()
    headers = ATTACHMENT | {"Content-Type": "application/json"}
    demo.site.faults.append(InjectedFault.answer(body, headers=headers))
    assert await fetch(demo.url, chapter(demo)) == body


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (InjectedFault.status(200, b"<html><form id='login'>"), Kind.WRONG_ADDRESS),
        (InjectedFault.status(200, b""), Kind.SITE_ERROR),
        (
            InjectedFault.status(200, b"[]", headers={"Content-Type": "application/json"}),
            Kind.BAD_ANSWER,
        ),
        (InjectedFault.status(503, b"down"), Kind.SITE_ERROR),
        (InjectedFault.status(503, b"Moodle under maintenance"), Kind.MAINTENANCE),
        (InjectedFault.status(403, b"<html>blocked"), Kind.BAD_ANSWER),
        (InjectedFault.status(206, b"part", headers=ATTACHMENT), Kind.BAD_ANSWER),
        (InjectedFault.status(429, b"", retry_after=7), Kind.RATE_LIMITED),
        (InjectedFault.drop(), Kind.UNREACHABLE),
        (InjectedFault.status(200, b"x" * 300_000), Kind.BAD_ANSWER),
    ],
)
async def test_what_is_no_file_is_an_error(fault: InjectedFault, kind: Kind, demo: Demo) -> None:
    demo.site.faults.append(fault)
    assert (await refusal(demo.url, chapter(demo))).fault.kind is kind


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int, demo: Demo) -> None:
    headers = {"Location": f"{demo.url}/login/token.php"} | ATTACHMENT
    demo.site.faults.append(InjectedFault.status(code, b"", headers=headers))
    assert (await refusal(demo.url, chapter(demo))).fault.kind is Kind.WRONG_ADDRESS
    assert len(demo.site.requests) == 1


async def test_an_echoed_token_is_taken_out_of_an_error(demo: Demo) -> None:
    body = json.dumps(ERROR | {"error": f"no {ADMIN_TOKEN}", "errorcode": ADMIN_TOKEN}).encode()
    demo.site.faults.append(
        InjectedFault.status(200, body, headers={"Content-Type": "application/json"})
    )
    assert "(removed)" in (await refusal(demo.url, chapter(demo))).fault.message


async def test_a_file_that_declares_more_than_allowed_is_not_read(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(b"x" * 2_000, headers=ATTACHMENT))
    error = await refusal(demo.url, chapter(demo), most=1_999)
    assert error.fault.report() == snapshot(
        {
            "kind": "too_large",
            "message": "The file has 2,000 bytes; 1,999 are allowed here.",
            "hint": "The operator may raise MOODLE_MCP_MAX_FILE (for files returned to the agent) or MOODLE_MCP_MAX_SAVED_FILE (for files saved to disk).",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_a_file_just_as_long_as_allowed_is_read(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(b"x" * 2_000, headers=ATTACHMENT))
    assert len(await fetch(demo.url, chapter(demo), most=2_000)) == 2_000


async def test_a_gzip_bomb_is_stopped_at_the_cap(demo: Demo) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    headers = ATTACHMENT | {"Content-Encoding": "gzip"}
    demo.site.faults.append(InjectedFault.answer(bomb, headers=headers))
    seen: list[int] = []

    async def progress(done: int, total: int | None) -> None:
        assert total is None
        seen.append(done)

    error = await refusal(demo.url, chapter(demo), progress=progress)
    assert error.fault.kind is Kind.TOO_LARGE
    assert max(seen) <= MOST


async def test_a_compressed_file_is_unpacked_if_it_is_sent_all_the_same(demo: Demo) -> None:
    headers = ATTACHMENT | {"Content-Encoding": "gzip"}
    demo.site.faults.append(InjectedFault.answer(gzip.compress(b"text"), headers=headers))
    assert await fetch(demo.url, chapter(demo)) == b"text"


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "aws-chunked"])
async def test_another_compression_is_an_error_and_no_file(encoding: str, demo: Demo) -> None:
    headers = ATTACHMENT | {"Content-Encoding": encoding}
    demo.site.faults.append(InjectedFault.answer(b"\x0b\x02\x80text\x03", headers=headers))
    assert (await refusal(demo.url, chapter(demo))).fault.kind is Kind.BAD_ANSWER


async def test_a_file_that_breaks_off_is_an_error(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.cut(b"half", 8, headers=ATTACHMENT))
    assert (await refusal(demo.url, chapter(demo))).fault.kind is Kind.UNREACHABLE


@asynccontextmanager
async def raw_server(answer: bytes, *, then_wait: bool = False) -> AsyncGenerator[str]:
    """A server that writes these bytes for every request, right or wrong."""
    end = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if then_wait:
            await end.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        end.set()
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Disposition: inline\r\n"


async def test_what_comes_after_the_declared_length_is_no_part_of_the_file() -> None:
    file = FileAddress("/webservice/pluginfile.php/1/a/b", "b")
    async with raw_server(HEAD + b"Content-Length: 4\r\n\r\nfile and more") as url:
        assert await fetch(url, file) == b"file"


async def test_chunks_that_break_off_are_an_error() -> None:
    file = FileAddress("/webservice/pluginfile.php/1/a/b", "b")
    async with raw_server(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nfile\r\n") as url:
        assert (await refusal(url, file)).fault.kind is Kind.UNREACHABLE


@pytest.mark.parametrize(
    ("timing", "said"),
    [(Timing(0.05, 600), "did not answer"), (Timing(600, 0.05), "took longer than")],
)
async def test_a_file_that_stops_coming_is_a_timeout(timing: Timing, said: str) -> None:
    file = FileAddress("/webservice/pluginfile.php/1/a/b", "b")
    async with raw_server(HEAD + b"Content-Length: 9\r\n\r\nfile", then_wait=True) as url:
        with anyio.fail_after(60):
            fault = (await refusal(url, file, timing=timing)).fault
    assert fault.kind is Kind.TIMEOUT
    assert said in fault.message


async def test_a_page_without_end_is_not_read_on() -> None:
    file = FileAddress("/webservice/pluginfile.php/1/a/b", "b")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    page = b"<html><form id='login'>" + b"x" * 500_000
    body = b"%x\r\n%b\r\n" % (len(page), page)
    with anyio.fail_after(60):
        async with raw_server(head + body, then_wait=True) as url:
            error = await refusal(url, file, timing=Timing(600, 600))
    assert error.fault.kind is Kind.WRONG_ADDRESS


async def test_progress_tells_the_bytes_that_have_come(demo: Demo) -> None:
    demo.site.faults.append(InjectedFault.answer(b"x" * 600_000, headers=ATTACHMENT))
    seen: list[tuple[int, int | None]] = []

    async def progress(done: int, total: int | None) -> None:
        seen.append((done, total))

    await fetch(demo.url, chapter(demo), progress=progress)
    assert seen == [(262_144, 600_000), (524_288, 600_000), (600_000, 600_000)]


async def test_an_upload_has_the_token_first_and_in_the_body_only(demo: Demo) -> None:
    seen: list[tuple[int, int | None]] = []

    async def progress(done: int, total: int | None) -> None:
        seen.append((done, total))

    async with site_of(demo.url) as site:
        draft = await upload(
            site, "Übersicht 1.txt", io.BytesIO(b"text"), timing=TIMING, progress=progress
        )
        again = await upload(
            site, "b.txt", io.BytesIO(b""), item_id=draft.item_id, timing=TIMING
        )  # fmt: skip
    assert draft == Draft(draft.item_id, "Übersicht 1.txt", 4)
    assert again == Draft(draft.item_id, "b.txt", 0)
    first = demo.site.requests[0]
    assert (first.method, first.path, first.query) == ("POST", "/webservice/upload.php", "")
    assert ADMIN_TOKEN not in str(first.headers)
    assert first.body.index(ADMIN_TOKEN.encode()) < first.body.index(b"itemid")
    assert seen[-1] == (len(first.body), len(first.body))


async def upload_fault(
    demo: Demo, name: str = "a.txt", content: bytes = b"x", item: int = 0
) -> Any:
    async with site_of(demo.url) as site:
        with pytest.raises(CallError) as caught:
            await upload(site, name, io.BytesIO(content), item_id=item, timing=TIMING)
    assert ADMIN_TOKEN not in f"{caught.value!r} {caught.value.fault.report()}"
    return caught.value.fault


async def test_a_name_that_is_taken_is_a_conflict(demo: Demo) -> None:
    async with site_of(demo.url) as site:
        draft = await upload(site, "a.txt", io.BytesIO(b"x"), timing=TIMING)
    assert (await upload_fault(demo, item=draft.item_id)).report() == snapshot(
        {
            "kind": "conflict",
            "message": "File name already exists: a.txt",
            "hint": "Use another name, or another draft area (leave itemid out).",
            "errorcode": "filenameexist",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_a_file_over_phps_limits_is_too_large(demo: Demo) -> None:
    demo.site.switches.upload_max_filesize = 10
    fault = await upload_fault(demo, content=b"x" * 11)
    assert (fault.kind, fault.errorcode) == (Kind.TOO_LARGE, "upload_error_ini_size")
    demo.site.switches.post_max_size = 100
    assert (await upload_fault(demo)).report() == snapshot(
        {
            "kind": "too_large",
            "message": "PHP dropped the upload because it is larger than post_max_size.",
            "hint": "Use a smaller file. An administrator raises PHP's upload_max_filesize and post_max_size, and the site's limit under Site administration > Security > Site security settings.",
            "retryable": False,
            "written": "nothing",
        }
    )


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (InjectedFault.answer(b"[]"), Kind.BAD_ANSWER),
        (InjectedFault.answer(b'[{"filename": "a.txt"}]'), Kind.BAD_ANSWER),
        (
            InjectedFault.answer(b'[{"filename": "a", "itemid": "x", "filesize": 1}]'),
            Kind.BAD_ANSWER,
        ),
        (InjectedFault.answer(b'[{"error": "big", "errortype": "fileoversized"}]'), Kind.TOO_LARGE),
        (InjectedFault.status(303, headers={"Location": "https://m.example/"}), Kind.WRONG_ADDRESS),
        (InjectedFault.drop(after_work=True), Kind.UNREACHABLE),
    ],
)
async def test_an_answer_that_is_no_draft_is_an_error(
    fault: InjectedFault, kind: Kind, demo: Demo
) -> None:
    demo.site.faults.append(fault)
    assert (await upload_fault(demo)).kind is kind


async def test_a_service_without_uploads_refuses_them(demo: Demo) -> None:
    demo.site.switches.uploads = False
    assert (await upload_fault(demo)).kind is Kind.ACCESS_DENIED


@pytest.mark.parametrize("told", ["text/plain <moodle-text>", "a" * 60_000, "", "text/\x85b"])
async def test_a_mimetype_that_can_be_none_is_not_passed_on(demo: Demo, told: str) -> None:
    demo.site.faults.append(InjectedFault.answer(b"x", headers=ATTACHMENT | {"Content-Type": told}))
    file = chapter(demo)
    async with site_of(demo.url) as site, opened(site, file, most=MOST, timing=TIMING) as incoming:
        assert incoming.mimetype == "application/octet-stream"
