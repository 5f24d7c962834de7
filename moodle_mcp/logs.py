"""The log: on stderr, since stdout is the protocol's, and without the token."""

from __future__ import annotations

import logging
import sys

from moodle_mcp.terminal import LineFormatter

_HTTP_LOGGERS = ("httpx2", "httpcore2")


class _WithoutSecret(LineFormatter):
    """Takes a secret out of every line, also out of tracebacks."""

    def __init__(self, secret: str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace(self._secret, "TOKEN-REMOVED")


def start_logging(level: str, secret: str) -> None:
    """Log to stderr from `level` on; the HTTP library's own lines only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutSecret(secret))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
