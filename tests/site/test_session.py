"""The HTTP client against a site on a real socket."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from inline_snapshot import snapshot
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from moodle_mcp.demo import ADMIN_TOKEN, DemoSite
from moodle_mcp.demo.dropping import DROP
from moodle_mcp.demo.serving import serving
from moodle_mcp.errors import CallError, Delivery, Kind
from moodle_mcp.site.address import Address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.decoding import Answer
from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.site.protocol import REST, RESTFUL, Protocol, Request
from moodle_mcp.site.session import SiteSession
from moodle_mcp.site.transport import MAX_ANSWER
from tests.support.serving import connection

pytestmark = pytest.mark.anyio

in_both_protocols = pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)

TOKEN = "0123456789abcdef0123456789abcdef"
INFO = {
    "sitename": "S",
    "siteurl": "https://m.example",
    "userid": 2,
    "username": "u",
    "fullname": "U",
    "functions": [{"name": "core_x_get"}],
}


@dataclass
class Fixed:
    """A site that gives every request the same answer, or cuts the connection."""

    status: int = 200
    body: bytes = b"null"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    drop: bool = False
    requests: list[tuple[str, dict[str, str], bytes]] = field(
        default_factory=list[tuple[str, dict[str, str], bytes]]
    )
    """Each request's address, headers and body."""
    clients: set[Any] = field(default_factory=set[Any])
    """The connections on which they came."""

    async def answer(self, request: HttpRequest) -> HttpResponse:
        self.requests.append((str(request.url), dict(request.headers), await request.body()))
        self.clients.add(request.client)
        if self.drop:
            request.scope["extensions"][DROP]["drop"]()
        headers = {"content-type": "application/json"} | self.headers
        return HttpResponse(self.body, self.status, headers=headers)

    @contextmanager
    def served(self) -> Generator[str]:
        app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])
        with serving(app) as url:
            yield url


def request(protocol: Protocol) -> Request:
    return protocol.encode("core_x_get", {"ids": [1, 2]})


@asynccontextmanager
async def reaching(url: str, *protocols: Protocol) -> AsyncGenerator[SiteSession]:
    site = SiteSession(connection(url, TOKEN, protocols))
    try:
        yield site
    finally:
        await site.aclose()


async def send(url: str, protocol: Protocol) -> Answer:
    async with reaching(url, protocol) as site:
        return await site.send(request(protocol), timeout=30)


async def failure(url: str, protocol: Protocol) -> CallError:
    """The error that a request to this address ends with; the token is nowhere in it."""
    with pytest.raises(CallError) as caught:
        await send(url, protocol)
    error = caught.value
    chain: list[BaseException | None] = [error, error.__cause__]
    if not error.__suppress_context__:
        chain.append(error.__context__)
    assert TOKEN not in f"{chain} {chain!r} {error} {json.dumps(error.fault.report())}"
    return error


async def test_a_request_in_rest_is_one_post_with_the_token_first_in_the_body() -> None:
    fixed = Fixed(body=b'{"a": 1}')
    with fixed.served() as url:
        assert await send(f"{url}/sub", REST) == Answer({"a": 1})
        [(address, headers, body)] = fixed.requests
    assert address == f"{url}/sub/webservice/rest/server.php?moodlewsrestformat=json"
    assert body == f"wstoken={TOKEN}&wsfunction=core_x_get&ids[0]=1&ids[1]=2".encode()
    assert TOKEN not in address + json.dumps(headers)
    shown = {name: value for name, value in headers.items() if name not in ("host", "user-agent")}
    assert shown == snapshot(
        {
            "accept-encoding": "gzip, deflate",
            "connection": "keep-alive",
            "accept": "application/json",
            "content-type": "application/x-www-form-urlencoded",
            "content-length": "80",
        }
    )


async def test_a_request_in_restful_is_one_post_of_json_with_the_token_in_a_header() -> None:
    fixed = Fixed(body=b'{"a": 1}')
    with fixed.served() as url:
        assert await send(f"{url}/sub", RESTFUL) == Answer({"a": 1})
        [(address, headers, body)] = fixed.requests
    assert address == f"{url}/sub/webservice/restful/server.php/core_x_get"
    assert body == b'{"ids":[1,2]}'
    assert headers.pop("authorization") == TOKEN
    assert TOKEN not in address + json.dumps(headers)
    shown = {name: value for name, value in headers.items() if name not in ("host", "user-agent")}
    assert shown == snapshot(
        {
            "accept-encoding": "gzip, deflate",
            "connection": "keep-alive",
            "accept": "application/json",
            "content-type": "application/json",
            "content-length": "13",
        }
    )


async def test_the_headers_that_restful_reads_are_written_as_it_compares_them() -> None:
    """Under Apache's own PHP the plugin finds them by these very letters (read)."""
    heads: list[bytes] = []

    async def answer(stream: SocketStream) -> None:
        async with stream:
            heads.append(await stream.receive())
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - it is not Django's
        await send(f"http://127.0.0.1:{port}", RESTFUL)
        tasks.cancel_scope.cancel()
    lines = heads[0].split(b"\r\n")
    assert f"Authorization: {TOKEN}".encode() in lines
    assert b"Accept: application/json" in lines
    assert b"Content-Type: application/json" in lines


@in_both_protocols
async def test_many_requests_share_a_connection(protocol: Protocol) -> None:
    fixed = Fixed()
    with fixed.served() as url:
        async with reaching(url, protocol) as site:
            for _ in range(3):
                assert await site.send(request(protocol), timeout=30) == Answer(None)
    assert (len(fixed.requests), len(fixed.clients)) == (3, 1)


@pytest.mark.parametrize("alone", [False, True])
@in_both_protocols
async def test_no_cookie_is_kept_for_the_next_request(protocol: Protocol, alone: bool) -> None:
    fixed = Fixed(headers={"set-cookie": "MoodleSession=anns; path=/"})
    with fixed.served() as url:
        async with reaching(url, protocol) as site:
            for _ in range(2):
                await site.send(request(protocol), timeout=30, alone=alone)
    assert [headers.get("cookie") for _, headers, _ in fixed.requests] == [None, None]


@in_both_protocols
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(protocol: Protocol, status: int) -> None:
    other = Fixed()
    with other.served() as elsewhere:
        fixed = Fixed(status, headers={"location": f"{elsewhere}/x.php?wstoken={TOKEN}"})
        with fixed.served() as url:
            error = await failure(url, protocol)
    assert error.fault.kind is Kind.WRONG_ADDRESS
    assert elsewhere in error.fault.message
    assert (len(fixed.requests), len(other.requests)) == (1, 0)


@in_both_protocols
async def test_a_redirect_to_the_same_site_is_not_followed_either(protocol: Protocol) -> None:
    fixed = Fixed(303, headers={"location": "/webservice/rest/server.php?again=1"})
    with fixed.served() as url:
        error = await failure(url, protocol)
    assert error.fault.kind is Kind.WRONG_ADDRESS
    assert len(fixed.requests) == 1


ECHOES: dict[str, Fixed] = {
    "a fault": Fixed(body=b'{"exception": "e", "errorcode": "x", "message": "bad %s"}'),
    "an errorcode": Fixed(body=b'{"exception": "%s", "errorcode": "%s", "message": "bad"}'),
    "a path in Location": Fixed(302, headers={"location": "https://m.example/%s/a"}),
    "a host in Location": Fixed(302, headers={"location": "https://%s.example/a"}),
    "an error page": Fixed(500, body=b"<html>%s</html>"),
    "a page that is not Moodle's": Fixed(body=b"<html>%s</html>"),
    "the wait": Fixed(429, headers={"retry-after": "%s"}),
    "broken JSON": Fixed(body=b'{"a": "%s'),
    "XML": Fixed(body=b"<?xml?><EXCEPTION><ERRORCODE>%s</ERRORCODE></EXCEPTION>"),
}


@in_both_protocols
@pytest.mark.parametrize("case", ECHOES)
async def test_a_token_that_the_site_echoes_is_in_no_error(protocol: Protocol, case: str) -> None:
    given = ECHOES[case]
    headers = {name: value.replace("%s", TOKEN) for name, value in given.headers.items()}
    body = given.body.replace(b"%s", TOKEN.encode())
    with Fixed(given.status, body, headers).served() as url:
        await failure(url, protocol)


@in_both_protocols
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_a_token_that_the_site_echoes_is_in_no_answer(
    protocol: Protocol, packed: bool
) -> None:
    body = json.dumps({"url": f"https://m.example/f?token={TOKEN}", TOKEN: [TOKEN]}).encode()
    headers = {"content-encoding": "gzip"} if packed else {}
    with Fixed(200, gzip.compress(body) if packed else body, headers).served() as url:
        answer = await send(url, protocol)
    assert answer.value == snapshot(
        {"url": "https://m.example/f?token=(removed)", "(removed)": ["(removed)"]}
    )


@in_both_protocols
async def test_a_long_answer_is_decoded_beside_everything_else(protocol: Protocol) -> None:
    threads: list[threading.Thread] = []

    def own(_: Any) -> bool:
        threads.append(threading.current_thread())
        return True

    body = json.dumps({"error": "x" * 200_000}).encode()
    with Fixed(200, body).served() as url:
        async with reaching(url, protocol) as site:
            answer = await site.send(request(protocol), timeout=30, own=own)
    assert len(answer.value["error"]) == 200_000
    assert threading.current_thread() not in threads
    assert len(threads) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@in_both_protocols
async def test_where_nothing_listens_nothing_was_sent(protocol: Protocol) -> None:
    error = await failure(f"http://127.0.0.1:{free_port()}", protocol)
    assert error.delivery is Delivery.NOT_SENT
    assert error.fault.report() == snapshot(
        {
            "kind": "unreachable",
            "message": "The site refused the connection, or nothing listens there.",
            "hint": "The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
            "retryable": True,
            "written": "nothing",
        }
    )


@in_both_protocols
async def test_a_host_that_is_not_known_was_not_reached(protocol: Protocol) -> None:
    error = await failure("https://nosuch.invalid", protocol)
    assert error.delivery is Delivery.NOT_SENT
    assert error.fault.kind is Kind.UNREACHABLE
    assert error.fault.report()["message"] == snapshot("The site's host name is unknown (DNS).")


@in_both_protocols
async def test_tls_to_a_port_without_it_sends_nothing(protocol: Protocol) -> None:
    fixed = Fixed()
    with fixed.served() as url:
        error = await failure(url.replace("http://", "https://"), protocol)
    assert error.delivery is Delivery.NOT_SENT
    assert fixed.requests == []
    assert error.fault.report() == snapshot(
        {
            "kind": "unreachable",
            "message": "The site does not speak TLS at this address.",
            "hint": "The operator checks the scheme (https) and the port in MOODLE_URL.",
            "retryable": False,
            "written": "nothing",
        }
    )


@in_both_protocols
async def test_a_connection_cut_after_sending_may_have_done_something(protocol: Protocol) -> None:
    fixed = Fixed(drop=True)
    with fixed.served() as url:
        error = await failure(url, protocol)
    assert error.delivery is Delivery.UNKNOWN
    assert len(fixed.requests) == 1
    assert error.fault.report() == snapshot(
        {
            "kind": "unreachable",
            "message": "The connection broke before the answer was complete.",
            "hint": "The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or firewall, and whether the site is up.",
            "retryable": True,
            "written": "nothing",
        }
    )


@in_both_protocols
async def test_an_answer_cut_short_may_have_done_something(protocol: Protocol) -> None:
    with Fixed(body=b'{"a": 1}', headers={"content-length": "100"}).served() as url:
        error = await failure(url, protocol)
    assert error.delivery is Delivery.UNKNOWN
    assert error.fault.kind is Kind.UNREACHABLE


@in_both_protocols
async def test_no_answer_in_time_is_a_timeout_that_may_have_done_something(
    protocol: Protocol,
) -> None:
    class Silent(Fixed):
        async def answer(self, request: HttpRequest) -> HttpResponse:
            answer = await super().answer(request)
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return answer

    silent = Silent()
    with silent.served() as url:
        async with reaching(url, protocol) as site:
            with pytest.raises(CallError) as caught:
                await site.send(request(protocol), timeout=0.5)
    assert caught.value.fault.kind is Kind.TIMEOUT
    assert caught.value.delivery is Delivery.UNKNOWN
    assert len(silent.requests) == 1


@in_both_protocols
async def test_broken_compression_is_a_bad_answer(protocol: Protocol) -> None:
    with Fixed(body=b"not gzip", headers={"content-encoding": "gzip"}).served() as url:
        error = await failure(url, protocol)
    assert error.fault.kind is Kind.BAD_ANSWER


def bomb(size: int) -> bytes:
    """JSON text of `size` bytes, packed."""
    return gzip.compress(b'"' + b"a" * (size - 2) + b'"', compresslevel=1)


@in_both_protocols
async def test_an_answer_without_end_is_not_read_on(protocol: Protocol) -> None:
    packed = bomb(MAX_ANSWER + 1)
    assert len(packed) < 1_000_000
    with Fixed(body=packed, headers={"content-encoding": "gzip"}).served() as url:
        error = await failure(url, protocol)
    assert error.fault.report() == snapshot(
        {
            "kind": "too_large",
            "message": "The answer has more than 16,777,216 bytes and was not read.",
            "hint": "Ask for less: one course, one page (where the function has `limitnum`, `perpage` or the like), one user.",
            "retryable": False,
            "written": "nothing",
        }
    )


@in_both_protocols
async def test_the_largest_answer_is_read(protocol: Protocol) -> None:
    with Fixed(body=bomb(MAX_ANSWER), headers={"content-encoding": "gzip"}).served() as url:
        answer = await send(url, protocol)
    assert f"{MAX_ANSWER - 2:,} characters" in answer.value


@in_both_protocols
async def test_a_client_goes_on_after_a_failure(protocol: Protocol) -> None:
    fixed = Fixed(drop=True)
    with fixed.served() as url:
        async with reaching(url, protocol) as site:
            with pytest.raises(CallError):
                await site.send(request(protocol), timeout=30)
            fixed.drop = False
            assert await site.send(request(protocol), timeout=30) == Answer(None)


@in_both_protocols
async def test_the_site_is_asked_once_for_itself_by_many_callers(protocol: Protocol) -> None:
    fixed = Fixed(body=json.dumps(INFO).encode())
    found: list[Any] = []
    with fixed.served() as url:
        async with reaching(url, protocol) as site:
            assert site.known_info is None

            async def ask() -> None:
                found.append(await site.info())

            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(ask)
            assert len(fixed.requests) == 1
            address, _, body = fixed.requests[0]
            assert SITE_INFO in f"{address} {body!r}"
            assert site.known_info is found[0]
            again = await site.info(fresh=True)
    assert len(fixed.requests) == 2
    assert again == found[0]
    assert len({id(each) for each in found}) == 1


@in_both_protocols
async def test_a_site_that_did_not_describe_itself_is_asked_again(protocol: Protocol) -> None:
    fixed = Fixed(500)
    with fixed.served() as url:
        async with reaching(url, protocol) as site:
            with pytest.raises(CallError):
                await site.info()
            fixed.status, fixed.body = 200, json.dumps(INFO).encode()
            assert (await site.info()).user_id == 2


@in_both_protocols
async def test_nothing_is_sent_and_no_client_made_before_the_first_request(
    protocol: Protocol,
) -> None:
    fixed = Fixed()
    with fixed.served() as url:
        async with reaching(url, protocol):
            pass
    assert fixed.requests == []


@in_both_protocols
async def test_the_token_is_in_no_representation(protocol: Protocol) -> None:
    made = Connection(Address("https://m.example"), SecretStr(TOKEN))
    with Fixed().served() as url:
        async with reaching(url, protocol) as site:
            await site.send(request(protocol), timeout=30)
            shown = f"{made} {made!r} {site} {site!r} {request(protocol)!r} {vars(site)}"
    assert TOKEN not in shown


@in_both_protocols
async def test_a_site_on_this_machine_is_reached_past_any_proxy(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token of a call to this machine must not travel through a proxy in the clear."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    demo = DemoSite()
    with serving(demo.app) as url:
        site = SiteSession(connection(url, ADMIN_TOKEN, (protocol,)))
        assert (await site.info()).user_name == "admin"
        await site.aclose()
