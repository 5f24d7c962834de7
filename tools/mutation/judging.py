"""Compare the surviving mutants with the list of known equivalent ones."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant changes. Not identified by its number, which changes with every edit."""

    file: str
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.file}\n  was:     {self.was}\n  becomes: {self.becomes}"


def change_of(diff: str) -> Change:
    """Read the change from the diff of one mutant."""
    heading, _, *lines = diff.splitlines()
    was = [line[1:].strip() for line in lines if line.startswith("-")]
    becomes = [line[1:].strip() for line in lines if line.startswith("+")]
    return Change(heading.removeprefix("--- "), " ".join(was), " ".join(becomes))


def known(text: str) -> list[Change]:
    """Read `equivalent.toml`: the changes that no test can notice.

    Raises:
        ValueError: an entry has no reason.
    """
    entries = tomllib.loads(text)["equivalent"]
    for each in entries:
        if not each.get("why"):
            raise ValueError(f"no reason is given for {each}")
    return [
        Change(each["file"], each["was"], becomes)
        for each in entries
        for becomes in each["becomes"]
    ]


def judge(
    survivors: Collection[Change],
    timed_out: Collection[Change],
    known: Collection[Change],
    *,
    whole: bool,
) -> list[str]:
    """Return a message for each new survivor, and, if all mutants ran, for each stale entry.

    An entry whose change ran out of time is not stale: that can be the machine's fault.
    """
    new = [f"No test notices: {each}" for each in survivors if each not in known]
    unnoticed = {*survivors, *timed_out}
    stale = [f"No longer needed: {each}" for each in known if each not in unnoticed]
    return new + stale if whole else new
