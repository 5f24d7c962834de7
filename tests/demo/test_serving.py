"""Any ASGI application on a loopback port."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from moodle_mcp.demo import DemoSite, serving
from moodle_mcp.demo.serving import HOST


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def test_an_application_lives_as_long_as_the_block_with_its_lifespan() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        told.append("up")
        yield
        told.append("down")

    app = Starlette(routes=[Route("/", hello)], lifespan=lifespan)
    with serving(app) as url:
        assert told == ["up"]
        assert httpx2.get(url).text == "hello"
    assert told == ["up", "down"]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_open_connections_are_not_waited_for() -> None:
    before = set(threading.enumerate())
    with httpx2.Client() as client:
        with serving(DemoSite().app) as url:
            assert client.get(url).status_code == 200
        # The kept-alive connection is closed, and the thread has ended.
        assert set(threading.enumerate()) <= before
        with pytest.raises(httpx2.TransportError):
            client.get(url)


def test_an_exception_in_the_block_ends_the_server() -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyError), serving(DemoSite().app):
        raise KeyError
    assert set(threading.enumerate()) <= before


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)), serving(DemoSite().app, port):
            pass


def test_several_sites_are_served_side_by_side() -> None:
    with serving(DemoSite().app) as first, serving(DemoSite().app) as second:
        assert first != second
        assert httpx2.get(first).status_code == httpx2.get(second).status_code == 200
