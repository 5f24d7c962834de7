"""Leaves out the items of a write that succeeded, where the answer has an entry for each item.

The answer to 100 messages repeats their text 100 times. The batch report has the counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from moodle_mcp.catalogue.model import Function

_FEW: Final = 5
"""Up to so many entries are all shown."""


def without_successes(function: Function, result: Any) -> tuple[Any, str]:
    """The entries that report a failure, and a sentence about the others; or all entries."""
    batching = function.batching
    if function.reads_only or batching is None or not batching.errors_in:
        return result, ""
    entries: list[Any] = cast("list[Any]", result) if isinstance(result, list) else []
    if len(entries) <= _FEW:
        return cast("Any", result), ""
    failed = [each for each in entries if not _succeeded(each, batching.errors_in)]
    left_out = len(entries) - len(failed)
    said = f"{left_out} entries of items that succeeded are left out" if left_out else ""
    return failed, said


def _succeeded(entry: Any, errors_in: str) -> bool:
    return isinstance(entry, Mapping) and not cast("Mapping[str, Any]", entry).get(errors_in)
