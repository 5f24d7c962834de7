"""Faults that a test injects between the client and the site."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Which: TypeAlias = str | Callable[[str | None], bool] | None


class Hold:
    """A point in the server where a request waits until a test releases it.

    Any thread may release it or wait until a request has arrived.
    """

    def __init__(self) -> None:
        self._arrived: Future[None] = Future()
        self._released: Future[None] = Future()
        self._abandoned: Future[None] = Future()

    def release(self) -> None:
        """Let the request go on."""
        _settle(self._released)

    def wait_arrived(self, timeout: float = 10) -> None:
        """Block until a request waits here."""
        self._arrived.result(timeout)

    async def arrived(self) -> None:
        """Wait until a request waits here."""
        await asyncio.shield(asyncio.wrap_future(self._arrived))

    async def abandoned(self) -> None:
        """Wait until the client of the waiting request has disconnected."""
        await asyncio.shield(asyncio.wrap_future(self._abandoned))

    def abandon(self) -> None:
        """Called by the server: the client has disconnected."""
        _settle(self._abandoned)

    def arrive(self) -> asyncio.Future[None]:
        """Called by the server: a request has arrived; returns what it must wait for."""
        _settle(self._arrived)
        return asyncio.wrap_future(self._released)


@dataclass(frozen=True)
class InjectedFault:
    """What happens to one request for a function or a file instead of a normal answer.

    Created by `status`, `answer`, `cut`, `drop` and `hang`. `function` limits a fault to requests
    for that function (a name, or a predicate on it); a fault that does not match stays queued. The
    file scripts have no functions: their names are `pluginfile.php` and `upload.php`.
    """

    kind: Literal["answer", "cut", "drop", "hang"]
    after_work: bool = False
    code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    hold: Hold = field(default_factory=Hold)
    function: Which = None
    declared: int | None = None

    @classmethod
    def status(
        cls,
        code: int,
        body: bytes = b"",
        *,
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        function: Which = None,
    ) -> InjectedFault:
        """Answer with a status without doing the work, like a proxy in front of Moodle."""
        fields = {"Content-Type": "text/html", **(headers or {})}
        if retry_after is not None:
            fields["Retry-After"] = str(retry_after)
        return cls("answer", code=code, headers=fields, body=body, function=function)

    @classmethod
    def answer(
        cls,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        after_work: bool = True,
        function: Which = None,
    ) -> InjectedFault:
        """Do the work, then answer with this body, such as a part of the JSON."""
        fields = {"Content-Type": "application/json", **(headers or {})}
        return cls("answer", after_work, headers=fields, body=body, function=function)

    @classmethod
    def cut(
        cls,
        body: bytes,
        declared: int,
        *,
        headers: Mapping[str, str] | None = None,
        function: Which = None,
    ) -> InjectedFault:
        """Declare this many bytes, send the shorter body, and cut the connection."""
        fields = {"Content-Type": "application/json", **(headers or {})}
        return cls("cut", headers=fields, body=body, function=function, declared=declared)

    @classmethod
    def drop(cls, *, after_work: bool = False, function: Which = None) -> InjectedFault:
        """Cut the connection, before or after the work."""
        return cls("drop", after_work, function=function)

    @classmethod
    def hang(
        cls, hold: Hold | None = None, *, after_work: bool = False, function: Which = None
    ) -> InjectedFault:
        """Send nothing until the client disconnects or the hold is released.

        After the release, the request is answered normally. If the client disconnects before the
        work, the work is not done.
        """
        return cls("hang", after_work, hold=hold or Hold(), function=function)

    def fits(self, function: str | None) -> bool:
        """Whether it applies to a request for this function."""
        if self.function is None:
            return True
        if isinstance(self.function, str):
            return self.function == function
        return self.function(function)


def _settle(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)
