"""What a guard knows of the items of a call that Moodle does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from moodle_mcp.caller.ledger import BatchLedger, Remark
from moodle_mcp.errors import Fault


class Guard(Protocol):
    """Judges the items of a call before they are sent and after they were."""

    @property
    def refused(self) -> Mapping[int, Fault]:
        """The items that must not be sent, each with the reason."""
        ...

    @property
    def remarks(self) -> Sequence[tuple[int, Remark]]:
        """What is to be said of items that may be sent, such as `unchanged`."""
        ...

    async def verify(self, ledger: BatchLedger, answers: Mapping[int, Any]) -> None:
        """Correct the status of items and add remarks, after the others were sent.

        `answers` are Moodle's answers to the items that succeeded.
        """
        ...


class NoGuard:
    """Leaves everything to Moodle's answers."""

    refused: Mapping[int, Fault] = {}
    remarks: Sequence[tuple[int, Remark]] = ()

    async def verify(self, ledger: BatchLedger, answers: Mapping[int, Any]) -> None:
        """Say nothing."""
