"""Arguments as form fields: what PHP reads from them is what was meant."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.site.encoding import Request, encode, form_fields
from tests.strategies import INT64, NAMES, NUMBERS, TEXT

EXAMPLES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "nested, a boolean and a null": {"a": {"b": [1, {"c": True}]}, "n": None},
    "scalars": {"i": -5, "f": 1.5, "yes": True, "no": False, "t": "a b", "empty": ""},
    "a list of objects": {
        "users": [
            {"username": "é", "customfields": [{"type": "x", "value": "1"}]},
            {"username": "b"},
        ]
    },
    "signs that mean something in a form": {"t": "a=b&c[d]+e%20f;g\r\n\0"},
    "a null in a list leaves a gap": {"l": [1, None, 3]},
    "large and small": {"i": 2**63 - 1, "f": 1e-7, "g": 0.1},
    "beyond the first plane": {"t": "\U0001f600"},
    "empty ones": {"l": [], "o": {}, "n": {"l": [None]}},
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_the_body_is_exactly_this(case: str) -> None:
    request = encode("f", EXAMPLES[case])
    expected = snapshot(
        {
            "nothing": ("wsfunction=f", 1),
            "nested, a boolean and a null": (
                "wsfunction=f&a[b][0]=1&a[b][1][c]=1",
                3,
            ),
            "scalars": ("wsfunction=f&i=-5&f=1.5&yes=1&no=0&t=a+b&empty=", 7),
            "a list of objects": (
                "wsfunction=f&users[0][username]=%C3%A9&users[0][customfields][0][type]=x&users[0][customfields][0][value]=1&users[1][username]=b",
                5,
            ),
            "signs that mean something in a form": (
                "wsfunction=f&t=a%3Db%26c[d]%2Be%2520f%3Bg%0D%0A%00",
                2,
            ),
            "a null in a list leaves a gap": ("wsfunction=f&l[0]=1&l[2]=3", 3),
            "large and small": ("wsfunction=f&i=9223372036854775807&f=1e-07&g=0.1", 4),
            "beyond the first plane": ("wsfunction=f&t=%F0%9F%98%80", 2),
            "empty ones": ("wsfunction=f", 1),
        }
    )
    assert (request.body.decode("ascii"), request.fields) == expected[case]


def test_a_request_counts_the_token_that_is_added_to_it() -> None:
    request = encode("core_x_y", {"a": 1})
    assert request == Request("core_x_y", b"wsfunction=core_x_y&a=1", 2)
    sent = b"wstoken=" + b"0" * 32 + b"&" + request.body
    assert (request.sent_bytes, request.sent_fields) == (len(sent), 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_never_sent(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode("f", {"a": value})


def php(body: bytes) -> dict[str, Any]:
    """What PHP makes of a form: its own way of reading brackets, with arrays by their keys."""
    fields: dict[str, Any] = {}
    for pair in body.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        first, *keys = _steps(unquote_to_bytes(name).decode("utf-8"))
        place, key = fields, first
        for step in keys:
            place, key = place.setdefault(key, {}), step
        place[key] = unquote_to_bytes(value).decode("utf-8")
    return fields


def _steps(name: str) -> list[str]:
    first, bracket, rest = name.partition("[")
    if not bracket:
        return [first]
    assert rest.endswith("]")
    return [first, *rest[:-1].split("][")]


def as_php(value: Any) -> Any:
    """What PHP should have: arrays by their keys, scalars as text; None for what has no field."""
    match value:
        case None:
            return None
        case bool():
            return "1" if value else "0"
        case int() | float():
            return json.dumps(value)
        case str():
            return value
        case list():
            pairs = enumerate(cast("list[Any]", value))
            return _array({str(index): item for index, item in pairs})
        case _:
            return _array(cast("dict[str, Any]", value))


def _array(value: dict[str, Any]) -> dict[str, Any] | None:
    items = {key: as_php(child) for key, child in value.items()}
    return {key: child for key, child in items.items() if child is not None} or None


ARGUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        st.one_of(st.none(), st.booleans(), INT64, NUMBERS, TEXT),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=20,
    ),
    max_size=5,
)


@given(ARGUMENTS)
def test_php_reads_what_was_meant(arguments: dict[str, Any]) -> None:
    request = encode("core_x_y", arguments)
    received = php(b"wstoken=t&" + request.body)
    assert list(received)[:2] == ["wstoken", "wsfunction"]
    assert (received.pop("wstoken"), received.pop("wsfunction")) == ("t", "core_x_y")
    assert received == (as_php(arguments) or {})


@given(ARGUMENTS)
def test_fields_and_bytes_are_counted_as_they_are_sent(arguments: dict[str, Any]) -> None:
    request = encode("core_x_y", arguments)
    sent = b"wstoken=" + b"0" * 32 + b"&" + request.body
    assert request.sent_fields == len(sent.split(b"&"))
    assert request.sent_bytes == len(sent)


@given(ARGUMENTS)
def test_no_two_fields_have_one_name(arguments: dict[str, Any]) -> None:
    names = [name for name, _ in form_fields(arguments)]
    assert len(set(names)) == len(names)


@given(TEXT)
def test_a_functions_name_can_add_no_field(name: str) -> None:
    assert php(encode(name, {}).body) == {"wsfunction": name}
