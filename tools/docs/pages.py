"""Which pages are made, by what, and which of them are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tools.docs import errors, functions, settings, sizes

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "errors.md": errors.page,
    "functions.md": functions.page,
    "settings.md": settings.page,
    "sizes.md": sizes.page,
}

_HEAD: Final = (
    "<!-- Made by `python3 tools/dev.py docs`: change what it is made from instead. -->\n\n"
)


def stale(folder: Path) -> dict[str, str]:
    """The pages in a folder that are missing or differ, each with its right text."""
    right = {name: _HEAD + page() for name, page in PAGES.items()}
    return {name: text for name, text in right.items() if _text(folder / name) != text}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
