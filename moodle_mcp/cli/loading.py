"""Handle Ctrl-C while modules load."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loading() -> Generator[None]:
    """Let Ctrl-C end the process at once while the block runs.

    Nothing has started by then, so there is nothing to report. A KeyboardInterrupt would surface
    from pydantic's extension as a schema error.
    """
    before = signal.getsignal(signal.SIGINT)
    # The parent process may have Ctrl-C ignored, as `nohup` does.
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
