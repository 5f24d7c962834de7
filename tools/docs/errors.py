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

`parameters` names each argument that is certainly wrong: `path`, `problem` and, where they are few,
the `allowed` values. Nothing was sent then. `suspects` comes with a value that Moodle refused
without naming it: up to 20 values of the call that are unusual, the likeliest cause first, each
with `path`, `problem` and `value` (never that of a password or token).

"""


def page() -> str:
    """The page's text."""
    rows = [
        (code(kind.code), kind.when, "yes" if kind.retryable else "no", kind.hint) for kind in Kind
    ]
    return _INTRODUCTION + table(("kind", "when", "retryable", "hint"), rows)
