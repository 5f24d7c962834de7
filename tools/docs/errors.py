"""The page of all kinds of error."""

from __future__ import annotations

from typing import Final

from moodle_mcp.errors import Kind
from tools.docs.markdown import code, table

_INTRODUCTION: Final = """\
# Kinds of error

A call that fails answers `{"error": {…}}` with one of these kinds. `hint` is what the kind says
here, or something finer that fits the case. `written` says what the call may have changed:
`nothing`, `something` or `unknown`. After `unknown`, read the present state before you send
anything again. `retryable` is whether the same call may work later; it is false whenever `written`
is `unknown`.

"""


def page() -> str:
    """The page's text."""
    rows = [
        (code(kind.code), kind.when, "yes" if kind.retryable else "no", kind.hint) for kind in Kind
    ]
    return _INTRODUCTION + table(("kind", "when", "retryable", "hint"), rows)
