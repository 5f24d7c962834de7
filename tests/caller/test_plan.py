"""Cutting a call into requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.caller.limits import Limits
from moodle_mcp.caller.plan import Slice, make_plan
from moodle_mcp.catalogue.loading import load
from moodle_mcp.errors import CallError, Delivery, Kind
from moodle_mcp.site.address import Address
from moodle_mcp.site.protocol import REST, RESTFUL, Protocol

CATALOGUE = load()
ADDRESS = Address("https://m.example")
CREATE_USERS = CATALOGUE.get("core_user_create_users")
ENROL = CATALOGUE.get("enrol_manual_enrol_users")
EXTEND = CATALOGUE.get("mod_assign_save_user_extensions")


def enrolments(count: int) -> dict[str, Any]:
    return {"enrolments": [{"roleid": 5, "userid": user, "courseid": 2} for user in range(count)]}


in_both_protocols = pytest.mark.parametrize("protocol", [REST, RESTFUL], ids=str)


texts = st.text(st.characters(codec="utf-8"), max_size=40)
users = st.lists(
    st.fixed_dictionaries(
        {"username": texts, "email": texts},
        optional={
            "city": texts,
            "customfields": st.lists(
                st.fixed_dictionaries({"type": texts, "value": texts}), min_size=1, max_size=4
            ),
        },
    ),
    min_size=1,
    max_size=250,
)


@in_both_protocols
@given(users, st.integers(20, 200), st.integers(2_000, 20_000))
def test_every_item_is_sent_once_in_order_and_no_request_is_over_a_limit(
    protocol: Protocol, items: list[Any], fields: int, body: int
) -> None:
    limits = Limits(fields, body)
    plan = make_plan(CREATE_USERS, {"users": items}, limits, protocol)
    sent: list[Any] = []
    for part in plan.slices:
        request = plan.request(part)
        post = protocol.post(request, ADDRESS, "0" * 32)
        assert len(post.body) == request.cost.bytes <= body
        if "form" in post.headers["Content-Type"]:
            pairs = parse_qsl(post.body.decode(), keep_blank_values=True)
            assert len(pairs) == request.cost.fields <= fields
        assert 1 <= len(part) <= protocol.batch_size
        sent += plan.items_of(part)
    assert sent == items


@in_both_protocols
@given(users)
def test_a_request_costs_to_the_byte_what_its_items_cost(
    protocol: Protocol, items: list[Any]
) -> None:
    cost = protocol.encode("core_x_y", {"users": [], "mode": "x"}).cost
    for position, item in enumerate(items):
        cost += protocol.item_cost({"users": [item]}, position)
    assert protocol.encode("core_x_y", {"users": items, "mode": "x"}).cost == cost


@in_both_protocols
@given(users, st.integers(20, 200), st.integers(2_000, 50_000))
def test_no_request_could_have_taken_the_next_item_too(
    protocol: Protocol, items: list[Any], fields: int, body: int
) -> None:
    """The plan has the fewest requests that keep the order."""
    limits = Limits(fields, body)
    plan = make_plan(CREATE_USERS, {"users": items}, limits, protocol)
    for part, after in zip(plan.slices, plan.slices[1:], strict=False):
        longer = Slice(part.start, after.start + 1)
        assert len(part) == protocol.batch_size or not limits.allow(plan.request(longer).cost)


def test_batches_have_a_hundred_items_where_nothing_else_limits_them() -> None:
    plan = make_plan(ENROL, enrolments(250), Limits(), REST)
    assert plan.slices == (Slice(0, 100), Slice(100, 200), Slice(200, 250))


def test_batches_of_json_are_larger_and_know_no_limit_of_fields() -> None:
    plan = make_plan(ENROL, enrolments(600), Limits(fields=10), RESTFUL)
    assert plan.slices == (Slice(0, 250), Slice(250, 500), Slice(500, 600))


def test_the_fields_limit_counts_the_token_too() -> None:
    limits = Limits(fields=2 + 3 * 10)
    assert len(make_plan(ENROL, enrolments(30), limits, REST).slices) == 3
    limits = Limits(fields=limits.fields - 1)
    assert len(make_plan(ENROL, enrolments(30), limits, REST).slices) == 4


def test_what_is_no_item_is_in_every_request() -> None:
    arguments = {"assignmentid": 7, "userids": [*range(150)], "dates": [*range(150)]}
    plan = make_plan(EXTEND, arguments, Limits(), REST)
    assert [plan.arguments_of(part)["assignmentid"] for part in plan.slices] == [7, 7]


def test_parallel_lists_are_cut_at_the_same_places() -> None:
    arguments = {"assignmentid": 7, "userids": [*range(150)], "dates": [*range(1000, 1150)]}
    plan = make_plan(EXTEND, arguments, Limits(), REST)
    assert plan.arguments_of(plan.slices[1]) == {
        "assignmentid": 7,
        "userids": [*range(100, 150)],
        "dates": [*range(1100, 1150)],
    }


def test_parallel_lists_of_different_length_are_refused() -> None:
    arguments = {"assignmentid": 7, "userids": [1, 2], "dates": [1]}
    with pytest.raises(CallError) as caught:
        make_plan(EXTEND, arguments, Limits(), REST)
    assert caught.value.fault.report() == snapshot(
        {
            "kind": "invalid_arguments",
            "message": "Nothing was sent: the lists belong together item by item and differ in length: userids has 2, dates has 1.",
            "hint": "Correct the arguments named in `parameters` and call again.",
            "function": "mod_assign_save_user_extensions",
            "retryable": False,
            "written": "nothing",
        }
    )
    assert caught.value.delivery is Delivery.NOT_SENT


@in_both_protocols
def test_an_item_too_large_alone_is_named(protocol: Protocol) -> None:
    items = [{"username": "a", "email": "x" * size} for size in (10, 10, 5000, 20)]
    with pytest.raises(CallError) as caught:
        make_plan(CREATE_USERS, {"users": items}, Limits(body=1000), protocol)
    messages = snapshot(
        {
            "REST": "Nothing was sent: the item users[2] alone needs 4 form fields and 5112 bytes; one request may have 900 fields and 1000 bytes, because PHP silently drops what is beyond its own limits.",
            "RESTful": "Nothing was sent: the item users[2] alone needs 5039 bytes; one request may have 1000.",
        }
    )
    assert caught.value.fault.message == messages[protocol.name]


def test_a_list_of_items_that_depend_on_each_other_is_never_cut() -> None:
    search = CATALOGUE.get("core_user_get_users")
    criteria = [{"key": "email", "value": str(number)} for number in range(500)]
    with pytest.raises(CallError) as caught:
        make_plan(search, {"criteria": criteria}, Limits(), REST)
    assert caught.value.fault.kind is Kind.TOO_LARGE


def test_without_its_items_a_call_is_one_request() -> None:
    forums = CATALOGUE.get("mod_forum_get_forums_by_courses")
    plan = make_plan(forums, {}, Limits(), REST)
    assert (plan.items, plan.item_names, plan.slices) == (0, (), (Slice(0, 0),))


def test_a_function_may_have_a_batch_size_of_its_own() -> None:
    assert ENROL.batching is not None
    function = replace(ENROL, batching=replace(ENROL.batching, size=7))
    plan = make_plan(function, enrolments(15), Limits(), REST)
    assert plan.slices == (Slice(0, 7), Slice(7, 14), Slice(14, 15))


@in_both_protocols
def test_requests_are_filled_to_the_byte_from_the_first_to_the_last(protocol: Protocol) -> None:
    cost = protocol.encode(ENROL.name, enrolments(2)).cost
    plan = make_plan(ENROL, enrolments(6), Limits(cost.fields, cost.bytes), protocol)
    assert plan.slices == (Slice(0, 2), Slice(2, 4), Slice(4, 6))


@given(st.integers(1, 40), st.sets(st.integers(0, 39)), st.integers(1, 15))
def test_a_plan_without_some_items_sends_each_other_item_once(
    items: int, withheld: set[int], size: int
) -> None:
    users = [{"userid": index, "roleid": 5, "courseid": 2} for index in range(items)]
    function = load().get("enrol_manual_enrol_users")
    assert function.batching is not None
    function = replace(function, batching=replace(function.batching, size=size))
    whole = make_plan(function, {"enrolments": users}, Limits(), REST)
    plan = whole.without({index for index in withheld if index < items})
    sent = [index for part in plan.slices for index in plan.indexes(part)]
    assert sent == [index for index in range(items) if index not in withheld]
    assert [item["userid"] for part in plan.slices for item in plan.items_of(part)] == sent
    assert all(len(part) <= size for part in plan.slices)
