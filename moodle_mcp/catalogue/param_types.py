"""Rules for the texts that Moodle's parameter types accept.

`external_api::validate_parameters` cleans a scalar by its PARAM_ type. If cleaning changes it,
Moodle refuses the whole call without naming the parameter. A rule here tells which texts cleaning
leaves unchanged, independent of the site's settings. A text that a rule accepts may still be
refused (a language that is not installed); a text that it rejects always is. Types without a rule
are not checked, because the result depends on the site or on HTML Purifier.

Read in the source of 4.5.6 and compared with the running `validate_param` of 4.5.6
(`tests/data/param_types.json`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

_TRIMMED: Final = " \t\n\r\0\x0b"
"""Characters that PHP's trim() removes; Python's strip() removes more."""

_REMOVED: Final = re.compile("[\0\ufffe\uffff]")
"""Characters that fix_utf8() removes from nearly every text."""

_TAG: Final = re.compile(r"<(?![ \t\n\v\f\r])")
"""Where strip_tags() starts removing: a `<` at the end or before anything but white space."""

_MAX_JUDGED: Final = 500
"""Longer texts are not matched against patterns that backtrack."""

_TAG_LENGTH: Final = 255
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"


class Rule(NamedTuple):
    """Whether a type accepts a text, and a description of what it accepts."""

    accepts: Callable[[str], bool]
    allowed: str


def rule_of(type_: str) -> Rule | None:
    """Return the rule of a PARAM_ type by its lower-case name; None if it has none."""
    return RULES.get(type_)


def _only(characters: str) -> Callable[[str], bool]:
    return _matches(f"[{characters}]*")


def _matches(pattern: str) -> Callable[[str], bool]:
    """Match the whole text; every type accepts the empty text."""
    fullmatch = re.compile(f"(?:{pattern})?").fullmatch
    return lambda text: fullmatch(text) is not None


def _line(pattern: str) -> Callable[[str], bool]:
    """Match the whole text as PHP's `$` does, which ignores a line feed at the end."""
    return _matches(rf"(?:{pattern})\n?")


def _is_kept(text: str) -> bool:
    return _REMOVED.search(text) is None


def _is_trimmed(text: str) -> bool:
    return text == text.strip(_TRIMMED) and _is_kept(text)


def _has_no_tags(text: str) -> bool:
    return _is_kept(text) and ("<" not in text or _TAG.search(text) is None)


def _is_plain(text: str) -> bool:
    """Text without tags, or with only the multilang filter's tags, in pairs."""
    if not _is_kept(text):
        return False
    for name, opening in _MULTILANG:
        if f"</{name}>" in text:
            return _is_multilang(text, f"</{name}>", opening)
    return "<" not in text or _TAG.search(text) is None


_ANY_TAG: Final = re.compile(r"<[^>]*>")
_SPACE: Final = r"[^\S\x1c-\x1f]"
_MULTILANG: Final = (
    ("lang", re.compile(rf'<lang lang="[a-zA-Z0-9_-]+"{_SPACE}*>')),
    (
        "span",
        re.compile(
            rf'<span(?:{_SPACE}+lang="[a-zA-Z0-9_-]+"|{_SPACE}+class="multilang"){{2}}{_SPACE}*>'
        ),
    ),
)


def _is_multilang(text: str, closing: str, opening: re.Pattern[str]) -> bool:
    is_open = False
    for tag in _ANY_TAG.findall(text):
        if is_open != (tag == closing) or not (is_open or opening.fullmatch(tag)):
            return False
        is_open = not is_open
    return not is_open and _TAG.search(_ANY_TAG.sub("", text)) is None


def _is_component(text: str) -> bool:
    if not _COMPONENT(text) or "__" in text:
        return False
    return not text.startswith("mod_") or text.count("_") == 1


_COMPONENT: Final = _line(r"[a-z][a-z0-9]*(?:_[a-z][a-z0-9_]*)?[a-z0-9]")
_PLUGIN: Final = _line(r"[a-z](?:[a-z0-9_](?!__))*[a-z0-9]")


def _is_file(text: str) -> bool:
    return _FILE(text) and text not in (".", "..") and _is_kept(text)


_FILE: Final = _only(rf"^&<>\"`|':\\/{_CONTROL}")


def _is_path(text: str) -> bool:
    """File names separated by slashes; `./` is only allowed at the beginning."""
    if "\\" in text or "//" in text or "/./" in text:
        return False
    first, *others = text.split("/")
    return (first == "." or _is_file(first)) and all(map(_is_file, others))


def _is_tag(text: str) -> bool:
    return _TAG_NAME(text) and _is_trimmed(text) and not _SPACES(text) and len(text) <= _TAG_LENGTH


_TAG_NAME: Final = _only(rf"^<>`{_CONTROL}")
# Each run of white space becomes one space.
_SPACES: Final = re.compile(r"[^\S \x1c-\x1f]|\s\s").search


def _is_tag_list(text: str) -> bool:
    return not text or all(tag and _is_tag(tag) for tag in text.split(","))


def _is_lower_case(text: str) -> bool:
    """User names that every site accepts; characters beyond ASCII depend on a setting."""
    return _is_trimmed(text) and text == text.lower()


def _is_time_zone(text: str) -> bool:
    return len(text) > _MAX_JUDGED or _TIME_ZONE(text)


_TIME_ZONE: Final = _line(
    r"[+-]?(?:0?[0-9](?:\.[5|0])?|1[0-3](?:\.0)?|1[0-2]\.5)|99|[0-9A-Za-z]+(?:/?[A-Za-z_-])+"
)


def _is_base64(text: str) -> bool:
    if text == "0" or not _BASE64(text):
        return False
    *lines, last = text.split("\n")
    return all(len(line) == 64 for line in lines) and len(last) <= 64


_BASE64: Final = _only(r"A-Za-z0-9_/+=\n")

_UNRESERVED: Final = r"a-zA-Z0-9_.!~*'()\-"
_ESCAPED: Final = "%[0-9A-Fa-f]{2}"
_LABELS: Final = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,%d}[a-zA-Z0-9])?\.)*"
_TOP_LEVEL: Final = r"[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_ANY_QUERY: Final = rf"(?:[;/?:@&=+$,{_UNRESERVED}]|{_ESCAPED})*"
_BYTE: Final = r"(?:2(?:[0-4][0-9]|5[0-5])|[01]?[0-9]?[0-9])"
_PORT: Final = r":(?:[0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_URL: Final = _line(
    r"(?:(?i:https?|ftp)://)?"
    rf"(?:(?:{_BYTE}\.){{3}}{_BYTE}|{_LABELS % 62}{_TOP_LEVEL})?"
    rf"(?:{_PORT})?"
    rf"(?:/(?:;?(?:[:@&=+$,{_UNRESERVED}]|{_ESCAPED})/?)*)?"
    rf"(?:\?{_ANY_QUERY})?(?:\#{_ANY_QUERY})?"
)
_DOTTED: Final = r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}"
_DOMAIN: Final = _line(rf"{_LABELS % 61}{_TOP_LEVEL}\.*")
_IPV4: Final = _matches(_DOTTED)


def _is_host(text: str) -> bool:
    name = text.rstrip(".")
    return not text or _IPV4(text) or (bool(name) and len(name) <= 253 and _DOMAIN(text))


_LETTERS: Final = Rule(_only("a-zA-Z"), "letters a-z only")
_WORD: Final = Rule(_only("a-zA-Z0-9_-"), "letters a-z, digits, _ and -")
_NAME: Final = Rule(_PLUGIN, "a plugin's name: lowercase letters, digits and single _")
_FILE_NAME: Final = Rule(_is_file, "a file name without & < > \" ' ` | : / \\")
_TEXT: Final = Rule(_is_plain, "text without HTML tags")
_ADDRESS: Final = Rule(_URL, "a URL such as https://example.org/path, with %XX for the rest")

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "action": _WORD,
        "alpha": _LETTERS,
        "alphaext": Rule(_only("a-zA-Z_-"), "letters a-z, _ and -"),
        "alphanum": Rule(_only("a-zA-Z0-9"), "letters a-z and digits"),
        "alphanumext": _WORD,
        "area": _NAME,
        "auth": _NAME,
        "base64": Rule(_is_base64, "base64 in lines of 64 characters"),
        "cleanfile": _FILE_NAME,
        "cleanhtml": Rule(_is_trimmed, "no white space at the edges"),
        "component": Rule(_is_component, "a component name such as mod_forum"),
        "file": _FILE_NAME,
        "format": _WORD,
        "host": Rule(_is_host, "a host name or an IPv4 address"),
        "lang": Rule(_only("a-zA-Z0-9_-"), "the code of an installed language such as en or pt_br"),
        "localurl": _ADDRESS,
        "multilang": _TEXT,
        "notags": Rule(_has_no_tags, "text without HTML tags"),
        "path": Rule(_is_path, "a path with /, without & < > \" ' ` | : \\ and .."),
        "permission": Rule(frozenset({"0", "1", "-1", "-1000"}).__contains__, "1, -1, -1000 or 0"),
        "plugin": _NAME,
        "raw": Rule(_is_kept, "text without null bytes"),
        "raw_trimmed": Rule(_is_trimmed, "no white space at the edges"),
        "safedir": _WORD,
        "safepath": Rule(_only("a-zA-Z0-9/_-"), "letters a-z, digits, /, _ and -"),
        "sequence": Rule(_only("0-9,"), "numbers separated by commas"),
        "stringid": Rule(
            _line("[a-zA-Z][a-zA-Z0-9.:/_-]*"), "a letter, then letters, digits and . : / _ -"
        ),
        "tag": Rule(_is_tag, f"up to {_TAG_LENGTH} characters without < > ` and double spaces"),
        "taglist": Rule(_is_tag_list, "tags separated by commas without spaces around them"),
        "text": _TEXT,
        "theme": _NAME,
        "timezone": Rule(_is_time_zone, "a time zone such as Europe/Berlin, or 99 for the site's"),
        "url": _ADDRESS,
        "username": Rule(_is_lower_case, "lowercase letters, without white space at the edges"),
    }
)
