"""Attacks of a hostile client or a hostile site; the name of each coroutine describes it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from moodle_mcp.demo import DemoSite, InjectedFault

WRITE: Final = "core_user_create_users"
READ: Final = "core_user_get_users_by_field"

_LIMIT: Final = 4 * 1024 * 1024
_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}


class Attacker:
    """A client of the server at `url`; it also controls what the site answers."""

    def __init__(self, url: str, site: DemoSite) -> None:
        self.url = url
        self.site = site
        self.client = httpx2.AsyncClient(
            trust_env=False,
            timeout=120,
            headers=_HEADERS,
            limits=httpx2.Limits(max_connections=400),
        )

    async def begin(self) -> httpx2.Response:
        """Ask for a session."""
        client = {"name": "attacker", "version": "1"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        return await self.post(message("initialize", params))

    async def initialize(self) -> None:
        """Begin the session that all requests belong to."""
        self.client.headers["Mcp-Session-Id"] = (await self.begin()).headers["mcp-session-id"]

    async def post(self, body: str | bytes) -> httpx2.Response:
        return await self.client.post(self.url, content=body)

    async def call(self, name: str, arguments: str) -> str:
        """Call a tool with arguments as JSON text; return the result in one word."""
        return _end(await self.post(called(name, arguments)))


Attack: TypeAlias = Callable[[Attacker], Awaitable[Counter[str]]]


def message(method: str, params: Mapping[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": uuid4().hex, "method": method, "params": params})


def called(name: str, arguments: str) -> str:
    return (
        f'{{"jsonrpc":"2.0","id":"{uuid4().hex}","method":"tools/call","params":'
        f'{{"name":"{name}","arguments":{arguments}}}}}'
    )


def _end(response: httpx2.Response) -> str:
    """Return the kind of error in a response, `done`, or its HTTP status."""
    text = response.text
    for line in text.splitlines():
        answer = line.removeprefix("data: ")
        if answer.startswith("{"):
            reply: dict[str, Any] = json.loads(answer)
            if "error" in reply:
                return f"refused ({response.status_code})"
            envelope: dict[str, Any] = reply["result"].get("structuredContent") or {}
            return envelope.get("error", {}).get("kind", "done")
    return f"status {response.status_code}"


def _listed(item: str, size: int) -> str:
    return f"[{','.join([item] * (size // (len(item) + 1)))}]"


async def wrong_items(attacker: Attacker) -> Counter[str]:
    """Send four megabytes of wrong items, and as many as a message may have."""
    ends: Counter[str] = Counter()
    for size in (_LIMIT - 1000, 145_000):
        for item in ("{}", "[]", '{"x":1}', "1"):
            ends[await attacker.call(WRITE, f'{{"users":{_listed(item, size)}}}')] += 1
    return ends


async def json_in_texts(attacker: Attacker) -> Counter[str]:
    """Send the same as a JSON string, which the server parses for clients that quote lists."""
    ends: Counter[str] = Counter()
    for size in (_LIMIT - 1000, 500_000):
        text = json.dumps({"users": _listed("[]", size)})
        ends[await attacker.call(WRITE, text)] += 1
    return ends


async def deep_nesting(attacker: Attacker) -> Counter[str]:
    ends: Counter[str] = Counter()
    for depth in (100, 40_000, 2_000_000):
        nested = "[" * depth + "]" * depth
        ends[_end(await attacker.post(called(WRITE, f'{{"users":{nested}}}')))] += 1
    return ends


async def many_at_once(attacker: Attacker) -> Counter[str]:
    """Send large and then small messages, more than the server admits."""
    ends: Counter[str] = Counter()
    large = f'{{"users":{_listed("{}", 145_000)}, "x":"{"x" * 3_500_000}"}}'
    small = '{"field":"id","values":["2"]}'

    async def send(name: str, arguments: str) -> None:
        try:
            ends[await attacker.call(name, arguments)] += 1
        except httpx2.HTTPError as error:
            ends[type(error).__name__] += 1

    await asyncio.gather(*(send(WRITE, large) for _ in range(20)))
    await asyncio.gather(*(send(READ, small) for _ in range(300)))
    return ends


async def cancelled_batches(attacker: Attacker) -> Counter[str]:
    """Send batches and disconnect while the server checks and plans them."""
    user = (
        '{"username":"u","password":"Good-pass-1","firstname":"A","lastname":"B","email":"a@b.c"}'
    )
    body = called(WRITE, f'{{"users":{_listed(user, 1_200_000)},"_dry_run":true}}')
    ends: Counter[str] = Counter()
    for seconds in (0.05, 0.1, 0.2, 0.4, 0.8, 60):
        try:
            async with asyncio.timeout(seconds):
                ends[_end(await attacker.post(body))] += 1
        except TimeoutError:
            ends["gone"] += 1
    return ends


async def hostile_answers(attacker: Attacker) -> Counter[str]:
    """Let the site answer 60 MB and the largest accepted size: small objects, deep ones, a text."""
    mb = 1_000_000
    text = "<p>\U0001f600 &amp; token=</p>"
    font = f"font:{'0 ' * 30} "
    bodies = {
        "60 MB of objects": _listed('{"a":1}', 60 * mb),
        "16 MB of objects": _listed('{"a":1}', 16 * mb),
        "16 MB of lists": _listed("[]", 16 * mb),
        "300,000 objects": _listed('{"id":1}', 2_600_000),
        "300,000 numbers": _listed("1", 590_000),
        "deep": "[" * 8 * mb + "]" * 8 * mb,
        "one text": json.dumps([{"id": 1, "description": text * (15 * mb // 30)}]),
        "one style": json.dumps([{"id": 1, "description": f'<a style="{font * 7_000}">'}]),
        "links": json.dumps([{"id": 1, "description": "](\\" * (2 * mb // 3)}]),
        "notices": "Notice: x\n" + "\n" * 15 * mb + "{",
        "xml": "<?xml?>" + "<ERRORCODE>" * mb,
    }
    ends: Counter[str] = Counter()
    for name, body in bodies.items():
        attacker.site.faults.append(InjectedFault.answer(body.encode(), function=READ))
        end = await attacker.call(READ, '{"field":"id","values":["2"],"_fields":["*"]}')
        ends[f"{name}: {end}"] += 1
    return ends


async def sessions(attacker: Attacker) -> Counter[str]:
    """Open thousands of sessions, and send as many requests that are refused."""
    ends: Counter[str] = Counter()
    async with httpx2.AsyncClient(trust_env=False, timeout=60, headers=_HEADERS) as client:
        plain = Attacker(attacker.url, attacker.site)
        plain.client = client
        for _ in range(2_000):
            ends[f"status {(await plain.begin()).status_code}"] += 1
        for _ in range(1_000):
            ends[f"status {(await plain.post(message('ping', {}))).status_code}"] += 1
    return ends


async def slow_connections(attacker: Attacker) -> Counter[str]:
    """Open a thousand connections that send part of their headers and then nothing."""
    parts = urlsplit(attacker.url)
    host, port = parts.hostname or "", parts.port or 0
    ends: Counter[str] = Counter()

    async def hang(head: bytes) -> None:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(head)
            await writer.drain()
            async with asyncio.timeout(60):
                ends["closed" if await reader.read() == b"" else "answered"] += 1
            writer.close()
        except TimeoutError:
            ends["left open"] += 1
        except OSError:
            ends["closed"] += 1

    head = b"POST /mcp HTTP/1.1\r\nHost: x\r\n"
    body = b"Content-Length: 1000\r\nContent-Type: application/json\r\n\r\n{"
    heads = [head] * 900 + [head + body] * 100 + [head + b"X: " + b"x" * 1_000_000] * 20
    await asyncio.gather(*(hang(each) for each in heads))
    return ends


ATTACKS: Final[tuple[Attack, ...]] = (
    wrong_items,
    json_in_texts,
    deep_nesting,
    many_at_once,
    cancelled_batches,
    hostile_answers,
    slow_connections,
    sessions,
)
