"""The log: on stderr, since stdout is the protocol's, and without the token."""

from __future__ import annotations

import logging
import sys
from typing import Final

from moodle_mcp.redaction.known import Secrets
from moodle_mcp.terminal import LineFormatter

SECRETS: Final = "secrets"
"""Attribute of a record with the `Secrets` that this one line must not hold either."""

_HTTP_LOGGERS: Final = ("httpx2", "httpcore2")


class _WithoutSecrets(LineFormatter):
    """Takes secrets out of every line, also out of tracebacks."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = self._secrets.text(super().format(record))
        of_the_line = getattr(record, SECRETS, None)
        return of_the_line.sentence(line) if isinstance(of_the_line, Secrets) else line


def start_logging(level: str, token: str) -> None:
    """Log to stderr from `level` on; the HTTP library's own lines only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutSecrets(Secrets(token)))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
