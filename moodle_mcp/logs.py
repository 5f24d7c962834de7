"""Logging to stderr, without tokens; stdout carries the protocol."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
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

    def __init__(self, token: str | None, *, as_json: bool) -> None:
        super().__init__(
            "%(message)s" if as_json else "%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        self._secrets = None if token is None else Secrets(token)
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        line = self._redacted(record)
        if not self._as_json:
            return line
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": moment,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": line,
        }
        return json.dumps(entry)

    def _redacted(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        line = self._secrets.text(line) if self._secrets else _SHAPES.sub(REMOVED, line)
        further = getattr(record, SECRETS, None)
        return further.sentence(line) if isinstance(further, Secrets) else line


def start_logging(level: str, token: str | None, *, as_json: bool = False) -> None:
    """Log to stderr from `level` on; the HTTP library logs only warnings and errors.

    `token` is removed from every line. With None, whatever looks like a token is.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutSecrets(token, as_json=as_json))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
