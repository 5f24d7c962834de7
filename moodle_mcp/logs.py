"""Logging to stderr, without tokens; stdout carries the protocol."""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

from moodle_mcp.redaction.known import REMOVED, Secrets
from moodle_mcp.terminal import LineFormatter

SECRETS: Final = "secrets"
"""Attribute of a log record: further `Secrets` to remove from this record."""

_HTTP_LOGGERS: Final = ("httpx2", "httpcore2")


_SHAPES: Final = re.compile(
    # Moodle's tokens and session ids are 32 hexadecimal digits; ours begin with such an id.
    r"(?<![0-9a-z])(?:mm[arc]_)?[0-9a-f]{32,}(?![0-9a-z])"
    r"|(?<=token=)[\w+/=-]{16,}"
    r"|mcr\.[\w.-]{40,}",
    re.IGNORECASE,
)
"""What tokens look like, if the process has those of several users."""


class _WithoutSecrets(LineFormatter):
    """Removes secrets from every line, tracebacks included."""

    def __init__(self, token: str | None) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = None if token is None else Secrets(token)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        line = self._secrets.text(line) if self._secrets else _SHAPES.sub(REMOVED, line)
        further = getattr(record, SECRETS, None)
        return further.sentence(line) if isinstance(further, Secrets) else line


def start_logging(level: str, token: str | None) -> None:
    """Log to stderr from `level` on; the HTTP library logs only warnings and errors.

    `token` is removed from every line. With None, whatever looks like a token is.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutSecrets(token))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
