"""`moodle-mcp call FUNCTION --items FILE`: the file with each item's result.

The result file has a line of JSON for each item: its index, its state, its fault, and a hash by
which a later run recognises the same item of the same call. It does not contain the items
themselves. Passwords and keys are not hashed, because they could be guessed from the hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moodle_mcp.atomic import append_private, append_whole, reason, write_whole
from moodle_mcp.caller.ledger import BatchLedger, Fate, brief
from moodle_mcp.errors import CallError, Fault, Kind, MoodleMcpError
from moodle_mcp.file_lock import alone_with
from moodle_mcp.redaction.arguments import without_secret_arguments
from moodle_mcp.regular_files import is_there, read_regular
from moodle_mcp.tables.content import parsed
from moodle_mcp.tables.reader import TableError
from moodle_mcp.textfile import TextError, decoded

_HASH_LENGTH: Final = 16
_MAKE_ROOM: Final = "Free space on its disk, or check the permissions of its folder."


class ItemsError(MoodleMcpError):
    """A file of items or of results can't be used; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Fated:
    """What a result file says about one item."""

    fate: Fate
    digest: str
    error: dict[str, Any] | None = None


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        ItemsError: it can't be read.
    """
    try:
        return decoded(read_regular(path))
    except OSError as error:
        raise ItemsError(f"{path}: can't be read ({reason(error)})") from None
    except TextError as error:
        raise ItemsError(f"{path}: {error}") from None


def digest(item: Any, call: Any = None) -> str:
    """Return a short hash of an item and its call, by which a later run recognises them.

    Secrets are left out. `call` is JSON that says what the item is for.
    """
    text = json.dumps(without_secret_arguments([call, item]), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]


def held(result: Path) -> ExitStack:
    """Lock a result file until the stack is closed: another run would send the same items.

    Raises:
        ItemsError: another run has locked it, or the lock file can't be created.
    """
    stack = ExitStack()
    try:
        stack.enter_context(alone_with(result))
    except OSError as error:
        raise ItemsError(f"{result}: can't be written ({reason(error)})") from None
    return stack


class Results:
    """The results of a file's items: those of earlier runs and of this one.

    At each change a line per item is appended, so a killed run has recorded which items were in
    progress. The last line of an item counts. At the end the file is rewritten with one line for
    each item.
    """

    def __init__(self, path: Path, items: Sequence[Any], call: Any = None) -> None:
        """Read an existing file.

        `call` is JSON that says what the items are for: the same items may be sent to another
        function or site.

        Raises:
            ItemsError: the file is broken or belongs to other items or another call.
        """
        self._path = path
        self.name = path.name
        self.fates = [Fated(Fate.NOT_SENT, digest(item, call)) for item in items]
        self.resumed = is_there(path)
        if self.resumed:
            self._read(read_text(path))

    def open(self) -> None:
        """Check that results can be written, before anything is sent.

        Raises:
            ItemsError: the file can't be written.
        """
        try:
            append_private(self._path).close()
        except OSError as error:
            raise ItemsError(f"{self._path}: can't be written ({reason(error)})") from None

    def add(self, sent: Sequence[int], positions: Iterable[int], ledger: BatchLedger) -> None:
        """Record the state of the items at these positions of those that were sent.

        Raises:
            CallError: the file can't be written and is unchanged.
        """
        changed: list[int] = []
        for position in positions:
            index, fault = sent[position], ledger.fault(position)
            error = brief(fault) if fault else None
            fated = Fated(ledger.fate(position), self.fates[index].digest, error)
            self.fates[index] = fated
            changed.append(index)
        try:
            append_whole(self._path, self._lines(changed))
        except OSError as error:
            message = f"{self._unwritable(error)}, so no more items are sent."
            raise CallError.not_sent(Fault(Kind.INTERNAL, message, hint=_MAKE_ROOM)) from None

    def refuse(self, faults: Mapping[int, Fault]) -> None:
        """Record items that can't be sent, by their indexes in the file.

        Raises:
            CallError: the file can't be written and is unchanged.
        """
        if faults:
            ledger = BatchLedger(len(self.fates))
            for index, fault in faults.items():
                ledger.mark([index], Fate.FAILED, fault)
            self.add(range(len(self.fates)), faults, ledger)

    def finish(self) -> None:
        """Rewrite the file with one line for each item, readable for its owner only.

        Raises:
            ItemsError: the file can't be written and is unchanged.
        """
        try:
            write_whole(self._path, self._lines(range(len(self.fates))))
        except OSError as error:
            raise ItemsError(
                f"{self._unwritable(error)} and is older than this answer: keep the answer."
            ) from None

    def _unwritable(self, error: OSError) -> str:
        return f"The result file {self.name} can't be written ({reason(error)})"

    def _lines(self, indexes: Iterable[int]) -> bytes:
        return "".join(self._line(index) for index in indexes).encode()

    def ledger(self) -> BatchLedger:
        """Return the ledger of all items of the file, by their indexes there."""
        ledger = BatchLedger(len(self.fates))
        faults: dict[str, Fault] = {}
        for index, fated in enumerate(self.fates):
            fault = None
            if fated.error:
                fault = faults.setdefault(json.dumps(fated.error), _fault(fated.error))
            ledger.mark([index], fated.fate, fault)
        return ledger

    def warnings_of_done(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return a warning if earlier runs have done items, which are not sent again.

        Secrets are not hashed, so an item with a new password counts as the same item.
        """
        done = [index for index, each in enumerate(self.fates) if each.fate is Fate.SUCCEEDED]
        if not done:
            return []
        message = f"Items not sent: {len(done)}. According to {self.name} an earlier run did them."
        if any(without_secret_arguments(items[index]) != items[index] for index in done):
            message += (
                " Passwords and keys are not compared: if one has changed since, remove its "
                "item's line from that file and run the command again."
            )
        return [{"warningcode": "done_before", "message": message}]

    def _line(self, index: int) -> str:
        fated = self.fates[index]
        data = {"index": index, "fate": fated.fate.name.lower(), "item": fated.digest}
        data |= {"error": fated.error} if fated.error else {}
        return f"{json.dumps(data, ensure_ascii=False)}\n"

    def _read(self, text: str) -> None:
        """Load what an earlier run wrote; the last line of an item counts.

        Items that were not done may have been corrected since, and start over.
        """
        last: dict[int, tuple[str, Fated]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                where = f"{self._path}, line {number}"
                index, fated = _result(where, line)
                last[index] = where, fated
        for index, (where, fated) in last.items():
            known = 0 <= index < len(self.fates)
            if known and fated.digest == self.fates[index].digest:
                self.fates[index] = fated
            elif not known or fated.fate not in (Fate.FAILED, Fate.NOT_SENT):
                raise ItemsError(
                    f"{where}: is about another item, or about a call of another function, with "
                    "other arguments or at another site; choose another file with --result"
                )


def _result(where: str, line: str) -> tuple[int, Fated]:
    """Parse a line of results: an item's index and its state."""
    try:
        data = parsed(line, f"{where}: ")
    except TableError as error:
        raise ItemsError(str(error)) from None
    try:
        error = data.get("error")
        fated = Fated(Fate[data["fate"].upper()], str(data["item"]), dict(error) if error else None)
        return int(data["index"]), fated
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise ItemsError(f"{where}: is not a line of results") from None


def _fault(error: Mapping[str, Any]) -> Fault:
    """Return the fault that `brief` wrote."""
    kind = next((each for each in Kind if each.code == error.get("kind")), Kind.MOODLE_ERROR)
    return Fault(kind, str(error.get("message", "")), errorcode=error.get("errorcode"))


def to_send(fates: Sequence[Fated], *, repeat_unknown: bool) -> list[int]:
    """Return the items that a run has to send: those not done, and those whose outcome is unknown
    if sending them again is harmless.
    """
    left_out = {Fate.SUCCEEDED} if repeat_unknown else {Fate.SUCCEEDED, Fate.UNKNOWN}
    return [index for index, fated in enumerate(fates) if fated.fate not in left_out]
