"""Failures that a test puts between the client and the site."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Which: TypeAlias = str | Callable[[str | None], bool] | None


class Hold:
    """A point at which a request waits, in the server, until a test lets it go on.

    Any thread may release it or wait until a request has come to it.
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
        """Wait until the client of the request that waits here has gone away."""
        await asyncio.shield(asyncio.wrap_future(self._abandoned))

    def abandon(self) -> None:
        """The server's side: the client has gone away."""
        _settle(self._abandoned)

    def arrive(self) -> asyncio.Future[None]:
        """The server's side: a request is here; what it waits for."""
        _settle(self._arrived)
        return asyncio.wrap_future(self._released)


@dataclass(frozen=True)
class InjectedFault:
    """What happens to one request for a function or a file instead of a plain answer.

    Made with `status`, `answer`, `cut`, `drop` and `hang`. `function` limits a fault to requests
    for that function (a name, or a predicate on it); one that does not fit stays in the queue.
    The scripts for files have no functions: they count as `pluginfile.php` and `upload.php`.
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
        """Answer with a status and without doing the work, as a proxy before Moodle would."""
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
        """Declare so many bytes, answer these, which are fewer, and cut the connection."""
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
        """Say nothing until the client goes away or the hold is released.

        Released, the request is answered as any other. A client that goes away before the work
        gets nothing done.
        """
        return cls("hang", after_work, hold=hold or Hold(), function=function)

    def fits(self, function: str | None) -> bool:
        """Whether it is for a request that names this function."""
        if self.function is None:
            return True
        if isinstance(self.function, str):
            return self.function == function
        return self.function(function)


def _settle(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)
