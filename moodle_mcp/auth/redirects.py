"""Which redirect URIs a client may have, and whether a request's URI is one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

MOST_CHARACTERS: Final = 500

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_APPS: Final = frozenset(
    {"cursor", "vscode", "vscode-insiders", "vscodium", "windsurf", "zed", "claude", "raycast"}
)
"""Schemes of known applications. Others must have a dot, as RFC 8252 section 7.1 wants: that
excludes `javascript`, `data` and whatever else a browser treats in a way of its own."""

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
_PRINTABLE: Final = re.compile(r"[!-~]+")


def problem_of(uri: str) -> str | None:
    """Why a client may not have a redirect URI; None if it may."""
    if len(uri) > MOST_CHARACTERS or not _PRINTABLE.fullmatch(uri) or set(uri) & set('\\"<>^`{|}'):
        return "is too long or has characters that must be escaped"
    parts = _split(uri)
    if parts is None:
        return "is no URI"
    if "#" in uri:
        return "has a fragment"
    if "@" in parts.netloc:
        return "has a user name"
    scheme = parts.scheme
    if scheme in ("http", "https") and not parts.hostname:
        return "has no host"
    if scheme == "http" and parts.hostname not in _LOOPBACK:
        return "is http to another machine"
    if scheme not in ("http", "https", *_APPS) and not _SCHEME.fullmatch(scheme):
        return "has a scheme that is not allowed"
    return None


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether a redirect URI is one of the registered ones, character by character.

    Only the port of http to this machine may differ, because native applications listen on any
    free port (RFC 8252 section 7.3).
    """
    without_port = _without_port(uri)
    return any(
        uri == each or (without_port is not None and without_port == _without_port(each))
        for each in registered
    )


def is_on_this_machine(uri: str) -> bool:
    """Whether whoever listens on the person's own machine gets the answer."""
    return _without_port(uri) is not None


def shown_target(uri: str) -> str:
    """Where a redirect leads, for people: a host, or an application's scheme."""
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def source_expression(uri: str) -> str:
    """The redirect's target for `form-action`: browsers apply it to redirects after a form too."""
    parts = urlsplit(uri)
    # Content Security Policy has no syntax for IPv6 addresses.
    if parts.scheme in ("http", "https") and "[" not in parts.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _without_port(uri: str) -> tuple[str, str, str] | None:
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        return None
    if "@" in parts.netloc or "#" in uri:
        return None
    return parts.hostname, parts.path, parts.query


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme else None
