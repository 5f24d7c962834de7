"""The reads of one verification: few, each once, and only those that are allowed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

Read: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Calls a read function; returns None if it is not allowed or fails."""

MOST_READS: Final = 12
"""Most reads around one write, before and after it, whatever the number of its items."""


class Reads:
    """Runs the reads of one verification and remembers their answers.

    `lacking` are the functions without an answer since it was last cleared.
    """

    def __init__(self, read: Read, allows: Callable[[str], bool]) -> None:
        self._read = read
        self._allows = allows
        self._left = MOST_READS
        self._answers: dict[str, Any] = {}
        self.lacking: list[str] = []

    def allows(self, function: str) -> bool:
        """Whether the user may call a function."""
        return self._allows(function)

    def forget(self) -> None:
        """Forget the answers: a write has changed what they say."""
        self._answers.clear()

    async def ask(self, function: str, **arguments: Any) -> Any:
        """Return the answer of a read; None if it has none."""
        key = json.dumps([function, arguments], sort_keys=True)
        if key not in self._answers:
            self._answers[key] = await self._ask(function, arguments)
        answer = self._answers[key]
        if answer is None and function not in self.lacking:
            self.lacking.append(function)
        return answer

    async def _ask(self, function: str, arguments: Mapping[str, Any]) -> Any:
        if not self._left or not self._allows(function):
            return None
        self._left -= 1
        return await self._read(function, arguments)
