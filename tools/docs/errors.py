"""Page of all kinds of error."""

from __future__ import annotations

from typing import Final

from moodle_mcp.errors import Kind
from tools.docs.markdown import code, table

_INTRODUCTION: Final = """\
# Kinds of error

A call that fails answers `{"error": {…}}` with one of these kinds. Its keys:

- `hint`: what to do next. It is the text below, or a more specific one.
- `written`: what the call may have changed: `nothing`, `something` or `unknown`. After `unknown`,
  read the present state before you send anything again.
- `retryable`: whether the same call may work later. It is false whenever `written` is `unknown`.
- `parameters`: each argument that is certainly wrong, with `path`, `problem` and, if there are
  few, the `allowed` values. Nothing was sent.
- `suspects`: up to 20 unusual values of the call, the likeliest cause first, if Moodle refused a
  value without naming it. Each has `path`, `problem` and `value` (never the value of a password
  or token).

"""


def page() -> str:
    """Return the page's text."""
    rows = [
        (code(kind.code), kind.when, "yes" if kind.retryable else "no", kind.hint) for kind in Kind
    ]
    return _INTRODUCTION + table(("kind", "when", "retryable", "hint"), rows)
