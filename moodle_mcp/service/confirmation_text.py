"""Describes a call to the person who is asked to confirm it.

The description has everything that the consent covers: every id, every text in full with its
invisible characters, and how often a value is repeated. Only passwords and keys are left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, cast

from moodle_mcp.caller.ledger import ranges
from moodle_mcp.catalogue.naming import area_and_words
from moodle_mcp.invisible import json_escape, with_visible, without_invisible
from moodle_mcp.presentation.fence import without_marks
from moodle_mcp.redaction.arguments import Hidden, without_secret_arguments
from moodle_mcp.service.id_names import Names, lookup_for

NAMED: Final = 50
"""Most ids of one list that are all shown with their names."""

NAMED_OF_MORE: Final = 3
"""Ids of a longer list that are shown with their names; the others are shown as ranges."""

_MAX_NAME: Final = 80

_ACTS: Final = re.compile(r"(?P<tag><)(?=[a-z/!?])|(?P<entity>&)(?=#?\w+;)|\](?=\()", re.IGNORECASE)
"""Where Markdown would begin a tag or a comment, decode a character, or hide a link's address."""


def describe_call(
    function: str,
    arguments: Mapping[str, Any],
    names: Names,
    attached: str = "",
) -> str:
    """One sentence that says what will be done: `Delete courses (…): courseids: "Biology" (…)`.

    Names and strings are quoted as in JSON, so that no text can pass for a part of the sentence.
    `attached` says what is deleted along with each thing.
    """
    _, words = area_and_words(function)
    shown = without_secret_arguments(dict(arguments))
    parts = [_argument(name, value, names) for name, value in shown.items()]
    text = f"{words.capitalize()} ({function}): {'; '.join(parts) or 'no arguments'}."
    return f"{text} Deleted along with each: {attached}." if attached else text


def quoted_name(name: str) -> str:
    """A name on one line in quotes, without anything that a client would render."""
    # Direction characters could make it look like another name.
    text = " ".join(without_invisible(name).split())
    text = text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}…"
    return _inert(json.dumps(text, ensure_ascii=False))


def count_items(arguments: Mapping[str, Any]) -> int:
    """The length of the longest list among the arguments."""
    lists = (len(cast("list[Any]", each)) for each in arguments.values() if isinstance(each, list))
    return max(lists, default=1)


def _argument(name: str, value: Any, names: Names) -> str:
    if not isinstance(value, list) or not value:
        return _pair(name, name, value, names)
    items = cast("list[Any]", value)
    if all(isinstance(item, Mapping) for item in items):
        shown = _objects(name, cast("list[Mapping[str, Any]]", items), names)
    else:
        shown = _values(name, name, items, names)
    return f"{len(items)} {name}: {shown}" if len(items) > 1 else f"{name}: {shown}"


def _objects(argument: str, items: Sequence[Mapping[str, Any]], names: Names) -> str:
    """Describe objects, grouping those that differ in one key only: one text and its recipients."""
    varying = _varying_key(items)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        others = {key: value for key, value in item.items() if key != varying}
        alike = json.dumps([varying in item, others], sort_keys=True)
        groups.setdefault(alike, []).append(item)
    return " / ".join(_group(argument, varying, members, names) for members in groups.values())


def _varying_key(items: Sequence[Mapping[str, Any]]) -> str | None:
    """The key with the most different scalar values; None if no key has two."""
    values: dict[str, set[Hashable]] = {}
    for item in items:
        for key, value in item.items():
            if not isinstance(value, dict | list):
                values.setdefault(key, set()).add(value)
    key = max(values, key=lambda each: len(values[each]), default=None)
    return key if key is not None and (len(items) == 1 or len(values[key]) > 1) else None


def _group(
    argument: str, varying: str | None, members: Sequence[Mapping[str, Any]], names: Names
) -> str:
    parts: list[str] = []
    for key, value in members[0].items():
        if key == varying:
            values = [member[key] for member in members]
            parts.append(f"{key} {_values(argument, key, values, names)}")
        else:
            parts.append(_pair(argument, key, value, names))
    if varying not in members[0] and len(members) > 1:
        parts.append(f"({len(members)} times)")
    return ", ".join(parts)


def _pair(argument: str, key: str, value: Any, names: Names) -> str:
    return f"{key} {_values(argument, key, [value], names)}"


def _values(argument: str, key: str, values: Sequence[Any], names: Names) -> str:
    """Values of one key, each once: ids with their names or as ranges, all else as JSON."""
    lookup = lookup_for(argument, key)
    kind = lookup.kind if lookup else ""
    counted = Counter(value if _is_id(value) else _quoted(value) for value in values)
    ids = [each for each in counted if isinstance(each, int)]
    known = [each for each in ids if (kind, each) in names]
    named = known if len(known) <= NAMED else known[:NAMED_OF_MORE]
    unnamed = sorted(set(ids) - set(named))
    parts = [_named(names[kind, each], f"{kind} id {each}") for each in named]
    if unnamed:
        parts.append(f"{kind} id {_ranges(unnamed)}" if kind else _ranges(unnamed))
    parts += [each for each in counted if isinstance(each, str)]
    repeated = [f"{each} ({times} times)" for each, times in counted.items() if times > 1]
    again = f" (repeated: {', '.join(repeated)})" if repeated else ""
    return f"{', '.join(parts)}{again}"


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in order as runs: `3-42, 50`."""
    return ", ".join(
        f"{first}-{last}" if first < last else str(first) for first, last in ranges(numbers)
    )


def _quoted(value: Any) -> str:
    """A value as JSON on one line, with invisible characters escaped."""
    if isinstance(value, Hidden):
        return str(value)
    return _inert(with_visible(json.dumps(value, ensure_ascii=False), json_escape))


def _named(name: str | None, id_: str) -> str:
    """An id with its name in quotes: one that holds "(course id 5)" can't pass for course 5."""
    if name is None:
        return f"nothing with {id_}"
    return f"{quoted_name(name)} ({id_})"


def _inert(text: str) -> str:
    """Break Markdown and HTML, so that a client that renders the question shows all of the text.

    The client would fetch an image before the person has agreed to anything, and a comment or a
    link would hide a part of what they agree to. Unlike in answers, nothing is removed.
    """
    return _ACTS.sub(_broken, without_marks(text))


def _broken(found: re.Match[str]) -> str:
    if found["tag"]:
        return "&lt;"
    return "&amp;" if found["entity"] else "] "
