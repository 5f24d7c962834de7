"""Set or remove this server's entry in the text of a client's configuration file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from moodle_mcp.clients import json_text, toml_text
from moodle_mcp.clients.errors import ClientFileError
from moodle_mcp.clients.known import Client


class _Format(Protocol):
    def read(self, text: str) -> dict[str, Any]: ...

    def with_entry(self, text: str, keys: Sequence[str], entry: Mapping[str, Any]) -> str: ...

    def without_entry(self, text: str, keys: Sequence[str]) -> str: ...


_FORMATS: Mapping[str, _Format] = {"json": json_text, "toml": toml_text}


def with_server(client: Client, text: str, name: str, entry: Mapping[str, Any]) -> str:
    """Return the text with the entry under a server's name; all other values are unchanged.

    Raises:
        ClientFileError: the file is broken, or can't be changed without touching others.
    """
    form, keys = _FORMATS[client.format], (*client.keys, name)
    before = form.read(text)
    if _value_at(before, keys) == entry:
        return text
    changed = form.with_entry(text, keys, entry)
    wanted = form.read(text)
    _set(wanted, keys, entry)
    return _checked(form, changed, wanted)


def without_server(client: Client, text: str, name: str) -> str:
    """Return the text without the entry; unchanged if there is none.

    Raises:
        ClientFileError: as for `with_server`.
    """
    form, keys = _FORMATS[client.format], (*client.keys, name)
    before = form.read(text)
    if _value_at(before, keys) is None:
        return text
    changed = form.without_entry(text, keys)
    wanted = form.read(text)
    _remove(wanted, keys)
    return _checked(form, changed, wanted)


def _checked(form: _Format, changed: str, wanted: dict[str, Any]) -> str:
    """Return the changed text after checking that it parses to the wanted values."""
    try:
        right = _without_empty(form.read(changed)) == _without_empty(wanted)
    except ClientFileError:
        right = False
    if not right:
        raise ClientFileError("is written in a way that can't be changed safely")
    return changed


def _value_at(data: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value: Any = data
    for key in keys:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return value


def _set(data: dict[str, Any], keys: Sequence[str], entry: Mapping[str, Any]) -> None:
    for key in keys[:-1]:
        data = data.setdefault(key, {})
    data[keys[-1]] = entry


def _remove(data: dict[str, Any], keys: Sequence[str]) -> None:
    for key in keys[:-1]:
        data = data[key]
    del data[keys[-1]]


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    """Remove empty tables at the top level, which TOML files may omit."""
    return {key: value for key, value in data.items() if value != {}}
