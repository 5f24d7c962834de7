"""Worker process: reads a document from standard input and writes its text as JSON.

python -P -m moodle_mcp.files.worker KIND CHARACTERS SECONDS
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from typing import Final

from moodle_mcp.files.documents import Bounds, read
from moodle_mcp.files.sniff import Content

_MEMORY: Final = 2 * 1024**3


def main(kind: str, chars: str, seconds: str) -> None:
    """Read the document and write the answer."""
    limit_memory()
    # The libraries log a warning for every oddity of a file, and nobody reads this process's log.
    logging.disable(logging.CRITICAL)
    bounds = Bounds(int(chars), float(seconds))
    text = read(sys.stdin.buffer.read(), Content[kind], bounds)
    sys.stdout.buffer.write(json.dumps(asdict(text)).encode("ascii"))


def limit_memory() -> None:
    """Limit this process's memory to 2 GB, where the system supports that."""
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        soft = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    main(*sys.argv[1:])
