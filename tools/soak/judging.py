"""Compare the report of a call with what the site did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from tools.soak.mixture import Job, Key

SUCCEEDED: Final = "succeeded"
_MAY_FAIL: Final = frozenset({"timeout", "unreachable", "site_error", "bad_answer"})
"""Kinds of error that network faults may cause in a read."""


def fates(batch: Mapping[str, Any]) -> list[str]:
    """Return the result of each item according to a batch report.

    Raises:
        ValueError: an item has two results, or the numbers do not add up.
    """
    told = [SUCCEEDED] * batch["items"]
    failed = [(each["index"], each.get("to", each["index"])) for each in batch["failed"]]
    runs = {
        "failed": [*failed, *batch.get("failed_too", [])],
        "unknown": batch["unknown"],
        "not_sent": batch["not_sent"],
    }
    for fate, ranges in runs.items():
        for first, last in ranges:
            for index in range(first, last + 1):
                if told[index] != SUCCEEDED:
                    raise ValueError(f"item {index} is {told[index]} and {fate}")
                told[index] = fate
    if told.count(SUCCEEDED) != batch["succeeded"]:
        raise ValueError(f"{batch['succeeded']} succeeded, of {told}")
    return told


def judge_write(job: Job, envelope: Mapping[str, Any] | None, times: Counter[Key]) -> Iterator[str]:
    """Yield the errors in the report of a write; the envelope of a cancelled call is None."""
    done = [times[key] for key in job.keys]
    if max(done) > 1:
        yield f"{job.name}: done twice: {done}"
    if envelope is None:
        return
    error: Mapping[str, Any] = envelope.get("error", {})
    if "batch" not in envelope:
        yield f"{job.name}: no batch report: {error}"
        return
    try:
        reported = fates(envelope["batch"])
    except ValueError as problem:
        yield f"{job.name}: {problem}"
        return
    for fate, number in zip(reported, done, strict=True):
        if (fate == SUCCEEDED and not number) or (fate in ("failed", "not_sent") and number):
            yield f"{job.name}: reported {reported}, done {done}"
            return
    nothing = {"failed", "not_sent"}.issuperset(reported)
    if bool(error) == (set(reported) == {SUCCEEDED}):
        yield f"{job.name}: error {error} and {reported}"
    elif error and (error["written"] == "nothing") != nothing:
        yield f"{job.name}: written {error['written']} and {reported}"


def judge_read(job: Job, envelope: Mapping[str, Any]) -> Iterator[str]:
    """Yield the errors in the answer to a read."""
    error: Mapping[str, Any] | None = envelope.get("error")
    if error is None:
        found = tuple(_ids(envelope.get("result")))
        if found != job.expected:
            yield f"{job.name} {job.arguments}: answered {found}, not {job.expected}"
    elif error["kind"] not in _MAY_FAIL or error["written"] != "nothing":
        yield f"{job.name}: {error}"


def judge_mistake(job: Job, response: Mapping[str, Any]) -> Iterator[str]:
    """Yield the errors in the answer to an invalid call."""
    if "error" in response:
        kind = response["error"]["code"]
    else:
        kind = response["result"]["structuredContent"].get("error", {}).get("kind")
    if kind not in (-32602, "invalid_arguments"):
        yield f"{job.name} {job.arguments}: answered {kind}"


def _ids(result: Any) -> Iterator[int]:
    """Return the ids of users, or of the activities in sections."""
    entries = cast("Sequence[Any]", result if isinstance(result, list) else [])
    for entry in entries:
        if isinstance(entry, Mapping):
            values = cast("Mapping[str, Any]", entry)
            if "modules" in values:
                yield from _ids(values["modules"])
            elif "id" in values:
                yield values["id"]
