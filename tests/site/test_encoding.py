"""Arguments as form fields and as JSON: what PHP reads from them is what was meant."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError, Delivery, Fault, Kind
from moodle_mcp.site.address import Address
from moodle_mcp.site.encoding import form_fields
from moodle_mcp.site.protocol import REST, RESTFUL, Cost, Protocol, Request
from tests.support.php_forms import as_php, php
from tests.support.strategies import INT64, NAMES, NUMBERS, TEXT

ADDRESS = Address("https://m.example/moodle")
TOKEN = "0123456789abcdef0123456789abcdef"

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
    request = REST.encode("f", EXAMPLES[case])
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
    assert (request.body.decode("ascii"), request.cost.fields - 1) == expected[case]


IN_JSON = {
    "nothing": "{}",
    "scalars": '{"i":-5,"f":1.5,"yes":true,"no":false,"t":"a b","empty":""}',
    "signs that mean something in a form": '{"t":"a=b&c[d]+e%20f;g\\r\\n\\u0000"}',
    "a null in a list leaves a gap": '{"l":[1,null,3]}',
    "beyond the first plane": '{"t":"\U0001f600"}',
    "empty ones": '{"l":[],"o":{},"n":{"l":[null]}}',
}


@pytest.mark.parametrize("case", IN_JSON)
def test_a_body_of_json_is_exactly_this(case: str) -> None:
    assert RESTFUL.encode("f", EXAMPLES[case]).body.decode() == IN_JSON[case]


def test_a_request_counts_the_token_that_is_added_to_a_form() -> None:
    request = REST.encode("core_x_y", {"a": 1})
    sent = b"wstoken=" + b"0" * 32 + b"&wsfunction=core_x_y&a=1"
    assert request == Request(REST, "core_x_y", sent[41:], Cost(3, len(sent)))
    assert REST.post(request, ADDRESS, "0" * 32).body == sent


def test_a_form_goes_to_rest_with_the_token_as_its_first_field() -> None:
    post = REST.post(REST.encode("core_x_y", {"a": 1}), ADDRESS, "0" * 32)
    assert (post.url, post.headers, post.body) == snapshot(
        (
            "https://m.example/moodle/webservice/rest/server.php?moodlewsrestformat=json",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"wstoken=00000000000000000000000000000000&wsfunction=core_x_y&a=1",
        )
    )


def test_a_request_of_json_has_the_token_in_a_header_alone() -> None:
    request = RESTFUL.encode("core_x_y", {"a": 1})
    assert request == Request(RESTFUL, "core_x_y", b'{"a":1}', Cost(0, 7))
    post = RESTFUL.post(request, ADDRESS, "0" * 32)
    assert (post.url, post.headers, post.body) == snapshot(
        (
            "https://m.example/moodle/webservice/restful/server.php/core_x_y",
            {
                "Authorization": "00000000000000000000000000000000",
                "Content-Type": "application/json",
            },
            b'{"a":1}',
        )
    )


@pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)
def test_a_request_knows_the_secrets_among_its_arguments(protocol: Protocol) -> None:
    users = [{"username": "ann", "password": "Good-pass-1"}]
    assert protocol.encode("core_user_create_users", {"users": users}).secrets == ("Good-pass-1",)


@pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)
def test_the_token_is_in_no_representation_of_what_is_sent(protocol: Protocol) -> None:
    post = protocol.post(protocol.encode("core_x_y", {}), ADDRESS, TOKEN)
    assert TOKEN not in f"{post} {post!r}"
    assert TOKEN not in post.url


@pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_never_sent(protocol: Protocol, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        protocol.encode("f", {"a": value})


@given(st.text(max_size=20).filter(lambda name: not re.fullmatch("[A-Za-z0-9_]+", name)))
@example("..")
@example("core_x_y/../../rest/server.php")
@example("core_x_y\n")
def test_a_name_that_could_lead_to_another_address_is_refused(name: str) -> None:
    with pytest.raises(CallError) as caught:
        RESTFUL.encode(name, {})
    assert (caught.value.fault.kind, caught.value.delivery) == (Kind.NOT_FOUND, Delivery.NOT_SENT)


def test_such_a_name_is_told_and_has_not_left_this_machine() -> None:
    with pytest.raises(CallError) as caught:
        RESTFUL.encode("..", {})
    assert (caught.value.delivery is not Delivery.NOT_SENT, caught.value.fault) == snapshot(
        (
            False,
            Fault(
                kind=Kind.NOT_FOUND,
                message="Nothing was sent: this is not a valid name of a Moodle function.",
            ),
        )
    )


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
    request = REST.encode("core_x_y", arguments)
    received = php(b"wstoken=t&" + request.body)
    assert list(received)[:2] == ["wstoken", "wsfunction"]
    assert (received.pop("wstoken"), received.pop("wsfunction")) == ("t", "core_x_y")
    assert received == (as_php(arguments) or {})


@given(ARGUMENTS)
def test_fields_and_bytes_are_counted_as_they_are_sent(arguments: dict[str, Any]) -> None:
    request = REST.encode("core_x_y", arguments)
    sent = REST.post(request, ADDRESS, "0" * 32).body
    assert request.cost == Cost(len(sent.split(b"&")), len(sent))


@given(ARGUMENTS)
def test_json_is_what_was_meant_and_counted_as_it_is_sent(arguments: dict[str, Any]) -> None:
    request = RESTFUL.encode("core_x_y", arguments)
    sent = RESTFUL.post(request, ADDRESS, "0" * 32).body
    assert json.loads(sent.decode("utf-8")) == arguments
    assert request.cost == Cost(0, len(sent))


@given(ARGUMENTS)
def test_no_two_fields_have_one_name(arguments: dict[str, Any]) -> None:
    names = [name for name, _ in form_fields(arguments)]
    assert len(set(names)) == len(names)


@given(TEXT)
def test_a_functions_name_can_add_no_field(name: str) -> None:
    assert php(REST.encode(name, {}).body) == {"wsfunction": name}
