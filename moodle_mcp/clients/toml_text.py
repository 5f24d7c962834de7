"""Change one entry in a TOML file's text; comments, order and spacing are kept."""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from moodle_mcp.clients.errors import ClientFileError
from moodle_mcp.textfile import MARK

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def read(text: str) -> dict[str, Any]:
    """Parse the file.

    Raises:
        ClientFileError: it is not TOML.
    """
    try:
        return tomllib.loads(text.removeprefix(MARK))
    except (ValueError, RecursionError) as error:
        raise ClientFileError(f"is not TOML: {error}") from None


def with_entry(text: str, keys: Sequence[str], entry: Mapping[str, Any]) -> str:
    """Return the text with an entry at `keys`, replacing any that exists.

    Raises:
        ClientFileError: the file can't be read, or a key before the last is not a table.
    """
    import tomlkit
    from tomlkit.items import InlineTable

    with _explained():
        document = _parsed(text)
        place: MutableMapping[str, Any] = document
        for depth, key in enumerate(keys[:-1]):
            if key not in place:
                # A table that contains only tables needs no header line.
                place[key] = tomlkit.table(is_super_table=True)
            place = _table(place[key], keys[: depth + 1])
        place[keys[-1]] = _as_table(entry, inline=isinstance(place, InlineTable))
        return _written_as(text, document.as_string())


def without_entry(text: str, keys: Sequence[str]) -> str:
    """Return the text without the entry at `keys`; unchanged if there is none.

    Raises:
        ClientFileError: as for `with_entry`.
    """
    with _explained():
        document = _parsed(text)
        place: MutableMapping[str, Any] = document
        for depth, key in enumerate(keys[:-1]):
            if key not in place:
                return text
            place = _table(place[key], keys[: depth + 1])
        if keys[-1] not in place:
            return text
        del place[keys[-1]]
        return _written_as(text, document.as_string())


@contextmanager
def _explained() -> Generator[None]:
    """Turn tomlkit's errors into ours; it detects out-of-order tables only when used."""
    from tomlkit.exceptions import TOMLKitError

    try:
        yield
    except (TOMLKitError, RecursionError) as error:
        raise ClientFileError(f"can't be changed: {error}") from None


def _parsed(text: str) -> TOMLDocument:
    import tomlkit

    read(text)
    return tomlkit.parse(text.removeprefix(MARK))


def _as_table(values: Mapping[str, Any], *, inline: bool) -> Any:
    import tomlkit

    # A table inside an inline table must be inline too.
    table = tomlkit.inline_table() if inline else tomlkit.table()
    for key, value in values.items():
        if isinstance(value, Mapping):
            table[key] = _as_table(cast("Mapping[str, Any]", value), inline=inline)
        else:
            table[key] = value
    return table


def _table(value: Any, keys: Sequence[str]) -> MutableMapping[str, Any]:
    if not isinstance(value, MutableMapping):
        raise ClientFileError(f"has no table under {'.'.join(keys)}, but another value")
    return cast("MutableMapping[str, Any]", value)


def _written_as(text: str, changed: str) -> str:
    """Return the changed text with the original's line endings and byte-order mark.

    tomlkit writes new lines with LF.
    """
    if "\r\n" in text:
        changed = changed.replace("\r\n", "\n").replace("\n", "\r\n")
    return MARK + changed if text.startswith(MARK) else changed
