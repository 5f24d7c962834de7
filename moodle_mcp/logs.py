"""Logging to stderr, without the token; stdout carries the protocol."""

from __future__ import annotations

import logging
import sys
from typing import Final

from moodle_mcp.redaction.known import Secrets
from moodle_mcp.terminal import LineFormatter

SECRETS: Final = "secrets"
"""Attribute of a log record: further `Secrets` to remove from this record."""

_HTTP_LOGGERS: Final = ("httpx2", "httpcore2")


class _WithoutSecrets(LineFormatter):
    """Removes secrets from every line, tracebacks included."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = self._secrets.text(super().format(record))
        further = getattr(record, SECRETS, None)
        return further.sentence(line) if isinstance(further, Secrets) else line


def start_logging(level: str, token: str) -> None:
    """Log to stderr from `level` on; the HTTP library logs only warnings and errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutSecrets(Secrets(token)))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
