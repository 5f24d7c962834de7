"""Faults between a client and a site, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tests.support.faults.proxy import Exchange, Script

_DRIP: Final = 0.005
"""Seconds between two bytes of an answer that never ends."""


async def delayed(exchange: Exchange) -> None:
    """The answer comes late, and in two pieces."""
    answer = await exchange.answer()
    await asyncio.sleep(_DRIP)
    await exchange.send(answer[:20])
    await asyncio.sleep(_DRIP)
    await exchange.send(answer[20:])


async def drip(exchange: Exchange) -> None:
    """The answer comes byte by byte, and whole."""
    for byte in await exchange.answer():
        await exchange.send(bytes([byte]))


async def drip_without_end(exchange: Exchange) -> None:
    """The answer has a head, and a body that comes byte by byte for ever."""
    await exchange.answer()
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await exchange.send(b" ")
        await asyncio.sleep(_DRIP)


async def reset_at_once(exchange: Exchange) -> None:
    await exchange.reset()


async def reset_in_request(exchange: Exchange) -> None:
    """The site gets the head and ten bytes of the body."""
    await exchange.reach(exchange.head + await exchange.part(10))
    await exchange.reset()


async def reset_before_work(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.reset()


async def reset_after_work(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.reset()


async def reset_in_answer(exchange: Exchange) -> None:
    answer = await exchange.answer()
    await exchange.send(answer[:-1])
    await exchange.reset()


async def closed_before_work(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.close()


async def closed_after_work(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.close()


async def cut_in_head(exchange: Exchange) -> None:
    answer = await exchange.answer()
    await exchange.send(answer[:30])
    await exchange.close()


async def cut_in_body(exchange: Exchange) -> None:
    answer = await exchange.answer()
    await exchange.send(answer[:-1])
    await exchange.close()


async def cut_without_length(exchange: Exchange) -> None:
    """The answer is cut where only its JSON shows that it is incomplete."""
    _, body = _parts(await exchange.answer())
    await exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body[:-1])
    await exchange.close()


async def closed_when_idle(exchange: Exchange) -> None:
    """The answer is complete, but the connection is closed without an announcement."""
    await exchange.send(await exchange.answer())
    await exchange.close()


async def doubled_answer(exchange: Exchange) -> None:
    """The answer comes twice; the second copy waits for the next request."""
    await exchange.send(await exchange.answer() * 2)


async def doubled_piece(exchange: Exchange) -> None:
    """Some bytes inside the answer come twice."""
    head, body = _parts(await exchange.answer())
    await exchange.send(head + body[:3] + body)


async def silent_before_work(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.until_gone()


async def silent_after_work(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.until_gone()


async def half_closed(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.half_close()


async def not_http(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.send(b"\x00\xff\x16\x03 this is no HTTP\r\n\r\n")
    await exchange.until_gone()


async def broken_chunks(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n")
    await exchange.until_gone()


async def broken_compression(exchange: Exchange) -> None:
    await exchange.answer()
    await exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnull"
    )


async def bad_gateway(exchange: Exchange) -> None:
    """A proxy answers with its own page although the site has done the work."""
    await exchange.answer()
    page = b"<html><title>502 Bad Gateway</title></html>"
    length = b"Content-Length: %d" % len(page)
    await exchange.send(b"HTTP/1.1 502 Bad Gateway\r\n" + length + b"\r\n\r\n" + page)


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    head, end, body = answer.partition(b"\r\n\r\n")
    return head + end, body


def _named(*scripts: Callable[..., object]) -> tuple[str, ...]:
    return tuple(script.__name__ for script in scripts)


SCRIPTS: Final[Mapping[str, Script]] = MappingProxyType(
    {
        script.__name__: script
        for script in (
            delayed,
            drip,
            drip_without_end,
            reset_at_once,
            reset_in_request,
            reset_before_work,
            reset_after_work,
            reset_in_answer,
            closed_before_work,
            closed_after_work,
            cut_in_head,
            cut_in_body,
            cut_without_length,
            closed_when_idle,
            doubled_answer,
            doubled_piece,
            silent_before_work,
            silent_after_work,
            half_closed,
            not_http,
            broken_chunks,
            broken_compression,
            bad_gateway,
        )
    }
)

SLOW: Final = frozenset(_named(drip_without_end, silent_before_work, silent_after_work))
"""Scripts that only end when the client's timeout does."""
