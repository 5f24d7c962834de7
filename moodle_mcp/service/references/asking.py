"""How look-ups ask the site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from html import unescape
from typing import Any, Final, TypeAlias, TypeVar, cast

import anyio

from moodle_mcp.errors import CallError, Kind

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Calls a read function and returns Moodle's answer.

It raises a `CallError`: `not_allowed` if the operator or the site withholds the function, else why
it failed.
"""

REFUSALS: Final = (Kind.INVALID_PARAMETER, Kind.NOT_FOUND, Kind.MOODLE_ERROR)
"""Kinds of errors that Moodle answers if it does not accept a name."""

_AT_ONCE: Final = 4

T = TypeVar("T")


async def ask_each(
    ask: Ask, calls: Sequence[tuple[str, Mapping[str, Any]]], *, refusals: Sequence[Kind] = ()
) -> list[Any]:
    """Make several reads, a few at a time; an answer is None if it is one of `refusals`.

    Raises:
        CallError: a read failed otherwise.
    """

    async def one(function: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return await ask(function, arguments)
        except CallError as error:
            if error.fault.kind not in refusals:
                raise
            return None

    return await together([partial(one, *call) for call in calls])


async def together(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Run calls, a few at a time, and return their results in order.

    Raises:
        CallError: one failed; those that had not begun are left out.
    """
    results: dict[int, T] = {}
    errors: list[CallError] = []
    pending = iter(range(len(calls)))

    async def work() -> None:
        for index in pending:
            if errors:
                return
            try:
                results[index] = await calls[index]()
            except CallError as error:
                errors.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(min(_AT_ONCE, len(calls))):
            tasks.start_soon(work)
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(calls))]


def objects(answer: Any, within: str = "") -> Iterator[Mapping[str, Any]]:
    """Yield the objects with an id in a list that Moodle answered, or in its key `within`."""
    if within and isinstance(answer, Mapping):
        answer = cast("Mapping[str, Any]", answer).get(within)
    for row in cast("list[Any]", answer) if isinstance(answer, list) else ():
        if isinstance(row, Mapping) and isinstance(cast("Any", row).get("id"), int):
            yield cast("Mapping[str, Any]", row)


def plain(value: Any) -> str:
    """Return a name without HTML entities: Moodle escapes names in answers (observed on 4.5.6)."""
    return unescape(str(value)) if value is not None else ""
