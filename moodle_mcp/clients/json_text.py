"""Change one entry in a JSON file's text, and nothing else.

Files that people edit have their own spacing and order and, for some clients, comments and trailing
commas. Parsing and writing them again would lose those, so the text is edited in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from moodle_mcp.clients.errors import ClientFileError
from moodle_mcp.textfile import MARK

# Unclosed strings and comments are invalid but match to the end all the same. Otherwise a long file
# would be searched again from each quotation mark or comment in it.
_STRING: Final = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?+'
_STRING_OR_COMMENT: Final = re.compile(
    rf"{_STRING}|(?P<blanked>//[^\n]*+|/\*.*?\*/)|/\*.*+", re.DOTALL
)
_STRING_OR_LAST_COMMA: Final = re.compile(rf"{_STRING}|(?P<blanked>,(?=\s*+[}}\]]))", re.DOTALL)
_SPACE: Final = re.compile(r"\s*")
_REST_OF_LINE: Final = re.compile(r"[ \t]*\r?\n")
_FIRST_LINE_INDENT: Final = re.compile(r"[{\[]\r?\n([ \t]+)")
_DEFAULT_INDENT: Final = "  "


def read(text: str) -> dict[str, Any]:
    """Parse the file; an empty file is an empty object.

    Raises:
        ClientFileError: it is not JSON (comments aside), or not an object.
    """
    if not text.removeprefix(MARK).strip():
        return {}
    try:
        data = json.loads(_blanked(text))
    except (ValueError, RecursionError) as error:
        raise ClientFileError(f"is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ClientFileError("does not contain a JSON object")
    return cast("dict[str, Any]", data)


def with_entry(text: str, keys: Sequence[str], entry: Mapping[str, Any]) -> str:
    """Return the text with an entry at `keys`, replacing any that exists.

    Raises:
        ClientFileError: the file can't be read, or a key before the last is not an object.
    """
    if not text.removeprefix(MARK).strip():
        text = "{}\n"
    read(text)
    file = _File.of(text)
    place = file.object_at(_past_space(file.clear, 0))
    for depth, key in enumerate(keys):
        member = place.member(key)
        if member is None:
            new: Any = entry
            for missing in reversed(keys[depth + 1 :]):
                new = {missing: new}
            return file.inserted(place, key, new)
        if depth == len(keys) - 1:
            shown = file.dumps(entry, file.indent_at(member.key_start))
            return text[: member.start] + shown + text[member.end :]
        place = file.object_of(member, keys[: depth + 1])
    return text


def without_entry(text: str, keys: Sequence[str]) -> str:
    """Return the text without the entry at `keys`; unchanged if there is none.

    Raises:
        ClientFileError: as for `with_entry`.
    """
    if not read(text):
        return text
    file = _File.of(text)
    place = file.object_at(_past_space(file.clear, 0))
    for depth, key in enumerate(keys):
        member = place.member(key)
        if member is None:
            return text
        if depth == len(keys) - 1:
            return file.removed(place, member)
        place = file.object_of(member, keys[: depth + 1])
    return text


@dataclass(frozen=True, slots=True)
class _Member:
    """Positions of a member in the text: key, value's start and end, and comma, if any."""

    key: str
    key_start: int
    start: int
    end: int
    comma: int | None


@dataclass(frozen=True, slots=True)
class _Object:
    """An object with its braces at `start` and `close`."""

    start: int
    close: int
    members: tuple[_Member, ...]

    def member(self, key: str) -> _Member | None:
        """Return the member with a key; of duplicates the last, which is the one that counts."""
        return next((each for each in reversed(self.members) if each.key == key), None)


@dataclass(frozen=True, slots=True)
class _File:
    """A file's text, the same without comments, and the same without trailing commas as well.

    Each character has the same position in all three. `newline` and `indent` are the file's style.
    """

    text: str
    plain: str
    clear: str
    newline: str
    indent: str

    @classmethod
    def of(cls, text: str) -> _File:
        plain = _without_comments(text)
        indent = _FIRST_LINE_INDENT.search(text)
        newline = "\r\n" if "\r\n" in text else "\n"
        return cls(text, plain, _blanked(text), newline, indent[1] if indent else _DEFAULT_INDENT)

    def object_of(self, member: _Member, keys: Sequence[str]) -> _Object:
        """Return the object that is a member's value; `keys` lead to it."""
        if self.clear[member.start] != "{":
            raise ClientFileError(f"has no object under {'.'.join(keys)}, but another value")
        return self.object_at(member.start)

    def object_at(self, start: int) -> _Object:
        """Return the object that begins at `start`, in text that is known to be JSON."""
        decoder = json.JSONDecoder()
        members: list[_Member] = []
        at = _past_space(self.plain, start + 1)
        while self.plain[at] != "}":
            if self.plain[at] == ",":
                raise ClientFileError("is not JSON: a comma has nothing before it")
            key, key_end = decoder.raw_decode(self.clear, at)
            value_start = _past_space(self.clear, _past_space(self.clear, key_end) + 1)
            _, value_end = decoder.raw_decode(self.clear, value_start)
            after = _past_space(self.plain, value_end)
            comma = after if self.plain[after] == "," else None
            members.append(_Member(key, at, value_start, value_end, comma))
            at = after if comma is None else _past_space(self.plain, comma + 1)
        return _Object(start, at, tuple(members))

    def inserted(self, place: _Object, key: str, value: Any) -> str:
        """Return the text with another member at an object's end."""
        outer = self.indent_at(place.start)
        inner = self.indent_at(place.members[-1].key_start) if place.members else outer
        if inner == outer:
            inner = outer + self.indent
        shown = f"{inner}{json.dumps(key, ensure_ascii=False)}: {self.dumps(value, inner)}"
        # Comments after the last member stay where they are.
        tail = len(self.text[: place.close].rstrip())
        space = self.text[tail : place.close]
        after = space if "\n" in space else f"{self.newline}{outer}"
        head = self.text[:tail]
        if place.members and place.members[-1].comma is None:
            last = place.members[-1].end
            head = f"{head[:last]},{head[last:]}"
        elif place.members:
            # If the file has a trailing comma, the new member gets one.
            shown = f"{shown},"
        return f"{head}{self.newline}{shown}{after}{self.text[place.close :]}"

    def removed(self, place: _Object, member: _Member) -> str:
        """Return the text without a member and its separating comma."""
        end = member.end if member.comma is None else member.comma + 1
        if member is place.members[-1]:
            head, rest = self.text[: member.key_start].rstrip(), self.text[end:]
            before = place.members[-2].comma if len(place.members) > 1 else None
            if member.comma is None and before is not None:
                head = head[:before] + head[before + 1 :]
        else:
            start = member.key_start
            line = self.text.rfind("\n", 0, start) + 1
            # The whole line is removed if nothing else is on it.
            alone = not self.text[line:start].strip() and _REST_OF_LINE.match(self.text, end)
            start, end = (line, alone.end()) if alone else (start, _past_space(self.text, end))
            head, rest = self.text[:start], self.text[end:]
        empty = len(place.members) == 1 and not head[place.start + 1 :].strip()
        return head + (rest.lstrip() if empty and rest.lstrip().startswith("}") else rest)

    def dumps(self, value: Any, indent: str) -> str:
        """Format a value as it follows its key on a line with this indent."""
        lines = json.dumps(value, ensure_ascii=False, indent=self.indent).split("\n")
        return f"{self.newline}{indent}".join(lines)

    def indent_at(self, at: int) -> str:
        """Return the white space at the beginning of the line."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip(" \t"))]


def _blanked(text: str) -> str:
    """Return the text as strict JSON: comments and trailing commas become spaces."""
    return _STRING_OR_LAST_COMMA.sub(_blank, _without_comments(text))


def _without_comments(text: str) -> str:
    text = " " + text[1:] if text.startswith(MARK) else text
    return _STRING_OR_COMMENT.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0]) if found["blanked"] else found[0]


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
