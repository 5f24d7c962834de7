"""Writing a file whole or not at all, and never readable by others for a moment."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600


def write_whole(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Put a file in place, or replace it, in one step.

    `mode` are the permission bits that it ends with; on Windows the user's folder decides.

    Raises:
        OSError: it can't be written; what was there is as it was.
    """
    # mkstemp makes it for the owner alone. It is in the same folder, since a file can be renamed
    # in one step within one file system only.
    handle, name = tempfile.mkstemp(prefix=".moodle-mcp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.name != "nt":
            Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
