"""One probe of a function: what it is about, and what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tools.probes.place import Who

NO_SUCH_ID: Final = "an id that does not exist"
OUTSIDER: Final = "a user who is not a participant"
OUT_OF_RANGE: Final = "a value out of range"
SWITCHED_OFF: Final = "an option that is switched off"
AGAIN: Final = "the same call again"

KINDS: Final = (NO_SUCH_ID, OUTSIDER, OUT_OF_RANGE, SWITCHED_OFF, AGAIN)


@dataclass(frozen=True, slots=True)
class Probe:
    """A call that Moodle should refuse, or, with the kind `AGAIN`, that has nothing left to do.

    `detail` says what exactly is wrong. A call of the kind `AGAIN` is made once beforehand.
    `sql` is run before, for what no function of Moodle can set up.
    """

    function: str
    kind: str
    detail: str
    arguments: Mapping[str, Any]
    who: Who = "admin"
    sql: str = ""

    @property
    def name(self) -> str:
        """Kind and detail."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind
