"""The link with which Moodle ends a sign-in through the browser."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit


def sign_in_link(page: str, wwwroot: str, *parts: str, scheme: str = "moodlemobile") -> str:
    """The link that Moodle makes for a sign-in page, as its launch.php does."""
    passport = parse_qs(urlsplit(page).query)["passport"][0]
    signature = hashlib.md5(f"{wwwroot}{passport}".encode(), usedforsecurity=False).hexdigest()
    text = ":::".join((signature, *parts))
    return f"{scheme}://token={base64.b64encode(text.encode()).decode()}"
