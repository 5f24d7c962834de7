"""The exact message for a request over the limits, which must say who has to do what."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from moodle_mcp.caller.limits import Limits, check_size, too_large
from moodle_mcp.errors import CallError, Delivery
from moodle_mcp.site.protocol import REST, RESTFUL, Cost, Protocol

ARGUMENTS = {"criteria": [{"key": "email", "value": "a"}]}


@pytest.mark.parametrize(
    ("cost", "allowed"),
    [
        (Cost(900, 1_000_000), True),
        (Cost(901, 1), False),
        (Cost(1, 1_000_001), False),
        (Cost(0, 0), True),
    ],
)
def test_what_is_exactly_at_a_limit_is_allowed(cost: Cost, allowed: bool) -> None:
    assert Limits().allow(cost) == allowed


@pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)
def test_a_request_at_the_limits_passes_and_one_byte_less_refuses_it(protocol: Protocol) -> None:
    request = protocol.encode("core_user_get_users", ARGUMENTS)
    check_size(request, Limits(request.cost.fields, request.cost.bytes))
    with pytest.raises(CallError):
        check_size(request, Limits(request.cost.fields, request.cost.bytes - 1))


def test_a_form_over_the_limits_is_told_with_both_of_them() -> None:
    request = REST.encode("core_user_get_users", ARGUMENTS)
    assert too_large(request, Limits(3, 50)).fault.report() == snapshot(
        {
            "kind": "too_large",
            "message": "Nothing was sent: the call needs 4 form fields and 115 bytes; one request may have 3 fields and 50 bytes, because PHP silently drops what is beyond its own limits.",
            "hint": "Pass fewer ids or shorter texts, in several calls: the server can't split this list, because its entries depend on each other. If PHP's max_input_vars and post_max_size are known to be higher, the operator can raise MOODLE_MCP_MAX_FIELDS and MOODLE_MCP_MAX_BODY.",
            "function": "core_user_get_users",
            "retryable": False,
            "written": "nothing",
        }
    )


def test_json_over_the_limit_is_told_without_form_fields() -> None:
    request = RESTFUL.encode("core_user_get_users", ARGUMENTS)
    assert too_large(request, Limits(3, 40)).fault.report() == snapshot(
        {
            "kind": "too_large",
            "message": "Nothing was sent: the call needs 42 bytes; one request may have 40.",
            "hint": "Pass fewer ids or shorter texts, in several calls: the server can't split this list, because its entries depend on each other. If the web server is known to accept larger requests, the operator can raise MOODLE_MCP_MAX_BODY.",
            "function": "core_user_get_users",
            "retryable": False,
            "written": "nothing",
        }
    )


@pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)
def test_an_item_that_is_to_blame_is_named(protocol: Protocol) -> None:
    request = protocol.encode("core_user_create_users", {"users": [{"username": "a"}]})
    reports = snapshot(
        {
            "REST": {
                "kind": "too_large",
                "message": "Nothing was sent: the item users[7] alone needs 3 form fields and 95 bytes; one request may have 1 fields and 5 bytes, because PHP silently drops what is beyond its own limits.",
                "hint": "Shorten the texts in this item, or leave it out: it is too large by itself.",
                "function": "core_user_create_users",
                "retryable": False,
                "written": "nothing",
            },
            "RESTful": {
                "kind": "too_large",
                "message": "Nothing was sent: the item users[7] alone needs 28 bytes; one request may have 5.",
                "hint": "Shorten the texts in this item, or leave it out: it is too large by itself.",
                "function": "core_user_create_users",
                "retryable": False,
                "written": "nothing",
            },
        }
    )
    assert too_large(request, Limits(1, 5), "users[7]").fault.report() == reports[str(protocol)]


def test_a_refusal_says_that_nothing_was_written() -> None:
    error = too_large(REST.encode("core_user_get_users", ARGUMENTS), Limits())
    assert error.delivery is Delivery.NOT_SENT
