"""Find unusual values in a call that Moodle refused without naming one of them.

Whether such a value is wrong depends on the site: its languages, its settings, its users. So these
values are not refused beforehand but listed after the failure, the most likely cause first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import IntEnum
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias, cast

from moodle_mcp.catalogue.countries import is_country
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.paths import Path, path_text
from moodle_mcp.catalogue.unix_seconds import unix_seconds
from moodle_mcp.errors import Suspect
from moodle_mcp.redaction.arguments import is_secret_at
from moodle_mcp.redaction.names import is_secret_name

MAX_SUSPECTS: Final = 20
"""Maximum values that an error lists."""

_MAX_SHOWN: Final = 60


class _Rank(IntEnum):
    """How likely a value is the cause: a parameter that the site may not know, a value that is odd
    anywhere, one that is odd on some sites, or one that is not odd.
    """

    DOUBTFUL = 0
    ODD = 1
    DEPENDS = 2
    TAKEN = 3


class _Found(NamedTuple):
    rank: _Rank
    suspect: Suspect


class _Text(NamedTuple):
    """A text, its key, and its PARAM_ type, empty if unknown."""

    key: str
    type: str
    value: str
    required: bool


_Rule: TypeAlias = tuple[_Rank, Callable[[_Text], bool], str]

_USERNAME: Final = re.compile(r"[-.@_a-z0-9]*")
_EMAIL: Final = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_CAPABILITY: Final = re.compile(r"[a-z]+/[a-z0-9_]+:[a-z0-9_]+")

_RULES: Final[tuple[_Rule, ...]] = (
    (_Rank.ODD, lambda text: text.required and not text.value.strip(), "is blank"),
    (
        _Rank.ODD,
        lambda text: bool(text.value) and text.value != text.value.strip(),
        "begins or ends with white space",
    ),
    (
        _Rank.ODD,
        lambda text: _is_username(text) and text.value != text.value.lower(),
        "has capitals; Moodle takes user names in lower case",
    ),
    (
        _Rank.ODD,
        lambda text: _is_username(text) and not _USERNAME.fullmatch(text.value.lower()),
        "has characters other than a-z, 0-9 and . _ - @, which Moodle accepts only if the site "
        "allows extended user names",
    ),
    (
        _Rank.ODD,
        lambda text: "email" in (text.key, text.type) and not _EMAIL.fullmatch(text.value),
        "is not an e-mail address that Moodle accepts",
    ),
    (
        _Rank.ODD,
        lambda text: text.key == "country" and bool(text.value) and not is_country(text.value),
        "is not a country code: two capital letters (ISO 3166), such as DE",
    ),
    (
        _Rank.ODD,
        lambda text: text.type == "capability" and not _CAPABILITY.fullmatch(text.value),
        "is not a capability such as moodle/course:view",
    ),
    (
        _Rank.ODD,
        lambda text: text.type == "cleanhtml" and ("<" in text.value or "&" in text.value),
        "is HTML that Moodle may refuse: its own cleaning must leave the HTML unchanged",
    ),
    (
        _Rank.DEPENDS,
        lambda text: text.key == "value" and unix_seconds(text.value) is not None,
        "is a date; a date field takes Unix seconds",
    ),
    (
        _Rank.DEPENDS,
        lambda text: "lang" in (text.key, text.type) and text.value not in ("", "en"),
        "must be a language that is installed on the site",
    ),
    (
        _Rank.DEPENDS,
        lambda text: text.type == "theme" and bool(text.value),
        "must be a theme that is installed on the site",
    ),
    (
        _Rank.DEPENDS,
        lambda text: text.type == "auth" and text.value != "manual",
        "must be an authentication plugin that is installed on the site",
    ),
    (
        _Rank.DEPENDS,
        lambda text: text.type == "localurl" and "://" in text.value,
        "must be an address on the site itself",
    ),
)

_UNIQUE: Final = ("username", "email", "idnumber", "shortname")
"""Fields in which two items should not have the same value."""

TAKEN: Final = "may already belong to another user; check with core_user_get_users_by_field"
"""The problem of a value that is wrong only if it belongs to somebody else."""

_USER_WRITES: Final = frozenset({"core_user_create_users", "core_user_update_users"})
_FEW: Final = 5
"""With up to this many items, each name that may be taken is listed."""

_PASSWORD_MISSING: Final = "is missing, and createpassword is not set"  # noqa: S105


def find_suspects(
    function: Function, arguments: Mapping[str, Any], failed: Collection[int] | None = None
) -> tuple[Suspect, ...]:
    """Return at most `MAX_SUSPECTS` values that may have caused a refusal, likeliest first.

    `failed` are the indexes of the batch's items that were refused; None for the whole call.
    """
    ranked: dict[_Rank, list[Suspect]] = {rank: [] for rank in _Rank}
    for rank, suspect in _found(function, arguments, failed):
        if len(ranked[rank]) < MAX_SUSPECTS:
            ranked[rank].append(suspect)
        if len(ranked[_Rank.ODD]) == MAX_SUSPECTS:
            break
    by_path: dict[str, Suspect] = {}
    for suspect in (each for rank in _Rank for each in ranked[rank]):
        by_path.setdefault(suspect.path, suspect)
    return tuple(islice(by_path.values(), MAX_SUSPECTS))


def _found(
    function: Function, arguments: Mapping[str, Any], failed: Collection[int] | None
) -> Iterator[_Found]:
    lists = function.batching.items if function.batching else ()
    yield from _doubtful(function, arguments, failed)
    for name, value in arguments.items():
        node = function.params.keys.get(name) if function.typed else None
        if name in lists and isinstance(value, list):
            items = cast("list[Any]", value)
            inside = node.item if isinstance(node, ListOf) else None
            indexes = range(len(items)) if failed is None else failed
            for index in indexes:
                yield from _oddities(inside, items[index], (name, index))
            yield from _of_items(function, name, items, indexes)
        else:
            yield from _oddities(node, value, (name,))


def _doubtful(
    function: Function, arguments: Mapping[str, Any], failed: Collection[int] | None
) -> Iterator[_Found]:
    """Yield the first place of each parameter that the site may not know, and of each that it may
    require and did not get.
    """
    lists = function.batching.items if function.batching else ()
    for at, doubt in function.doubts.items():
        *way, key = at.split(".")
        chosen = failed if way and way[0].removesuffix("[]") in lists else None
        for path, holder in _holders(arguments, way, chosen):
            if key in holder or doubt.required:
                problem = doubt.problem if key in holder else doubt.missing
                yield _Found(_Rank.DOUBTFUL, Suspect(path_text((*path, key)), problem))
                break


def _holders(
    value: Any, way: list[str], chosen: Collection[int] | None
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the objects at a path such as `groups[]`; of the first list, the chosen items."""
    if not isinstance(value, dict):
        return
    holder = cast("dict[str, Any]", value)
    if not way:
        yield (), holder
        return
    name = way[0].removesuffix("[]")
    inside = holder.get(name)
    items = cast("list[Any]", inside if isinstance(inside, list) else [inside])
    for index in range(len(items)) if chosen is None else chosen:
        step: Path = (name, index) if isinstance(inside, list) else (name,)
        for path, found in _holders(items[index], way[1:], None):
            yield (*step, *path), found


def _oddities(node: Node | None, value: Any, path: Path) -> Iterator[_Found]:
    match value:
        case str():
            yield from _of_text(node, value, path, hidden=False)
        case list():
            inside = node.item if isinstance(node, ListOf) else None
            for index, item in enumerate(cast("list[Any]", value)):
                yield from _oddities(inside, item, (*path, index))
        case dict():
            item = cast("dict[str, Any]", value)
            keys: Mapping[str, Node] = node.keys if isinstance(node, Object) else {}
            for key, child in item.items():
                if isinstance(child, str):
                    hidden = is_secret_at(item, (key,))
                    yield from _of_text(keys.get(key), child, (*path, key), hidden=hidden)
                else:
                    yield from _oddities(keys.get(key), child, (*path, key))
        case _:
            pass


def _of_text(node: Node | None, value: str, path: Path, *, hidden: bool) -> Iterator[_Found]:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    is_value = isinstance(node, Value)
    required = is_value and node.presence == "required"
    text = _Text(key, node.type if is_value else "", value, required)
    for rank, is_odd, problem in _RULES:
        if is_odd(text):
            shown = None if hidden or is_secret_name(key) else _short(value)
            yield _Found(rank, Suspect(path_text(path), problem, shown))
            return


def _of_items(
    function: Function, name: str, items: list[Any], indexes: Collection[int]
) -> Iterator[_Found]:
    """Yield what is unusual about an item as a whole, or compared with the others."""
    first: dict[tuple[str, str], int] = {}
    may_be_taken = function.name in _USER_WRITES and len(indexes) <= _FEW
    for index in indexes:
        item = items[index]
        if not isinstance(item, dict):
            continue
        fields = cast("dict[str, Any]", item)
        for key in _UNIQUE:
            value = fields.get(key)
            if not isinstance(value, str) or not value:
                continue
            here = path_text((name, index, key))
            earlier = first.setdefault((key, value.casefold()), index)
            if earlier != index:
                there = path_text((name, earlier, key))
                yield _Found(_Rank.ODD, Suspect(here, f"is the same as {there}", _short(value)))
            elif may_be_taken and key in ("email", "username"):
                yield _Found(_Rank.TAKEN, Suspect(here, TAKEN, _short(value)))
        if function.name == "core_user_create_users" and not (
            fields.get("password") or fields.get("createpassword")
        ):
            where = path_text((name, index, "password"))
            yield _Found(_Rank.ODD, Suspect(where, _PASSWORD_MISSING))


def _is_username(text: _Text) -> bool:
    return "username" in (text.key, text.type)


def _short(value: str) -> str:
    return value if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}…"
