"""How much a function may change, and how much the operator allows."""

from __future__ import annotations

import re
from enum import Enum

from moodle_mcp.catalogue.model import Function

_REMOVES = re.compile(r"_(delete|remove|unenrol|purge|reset|revert|unassign|send)(_|$|s_)")


class Access(Enum):
    """What a function may do, in rising order; as a setting, the most that is allowed."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    def allows(self, needed: Access) -> bool:
        """Whether an operator who set this allows a function that needs `needed`."""
        order = list(Access)
        return order.index(needed) <= order.index(self)


def access_of(function: Function) -> Access:
    """What a function needs, by Moodle's label and, for removing and sending, its name.

    A function without a label (a plugin's, a newer release's) counts as destructive.
    """
    match function.access:
        case None:
            return Access.DESTRUCTIVE
        case "read":
            return Access.READ
        case "write":
            return Access.DESTRUCTIVE if _REMOVES.search(function.name) else Access.WRITE
