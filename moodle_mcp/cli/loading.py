"""Ctrl-C while modules load."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loading() -> Generator[None]:
    """Let Ctrl-C end the process at once while the block runs.

    Nothing has begun by then, and there is nothing to tell. A KeyboardInterrupt would come out of
    pydantic's extension as an error of a schema.
    """
    before = signal.getsignal(signal.SIGINT)
    # Who started the process may have it ignore Ctrl-C, as `nohup` does.
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
