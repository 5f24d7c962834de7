"""The demo site's RESTful entry does what the plugin was observed to do on Moodle 4.5.6."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN
from tests.support.demo import Demo
from tests.support.demo_client import RESTFUL, Wire

FIELD = "core_course_get_courses_by_field"
INFO = "core_webservice_get_site_info"


def refused(response: httpx2.Response, status: int, errorcode: str) -> bool:
    return (response.status_code, response.json()["errorcode"]) == (status, errorcode)


def ids(response: httpx2.Response) -> list[int]:
    assert response.status_code == 200
    return [course["id"] for course in response.json()["courses"]]


def test_arguments_are_a_json_object_and_an_empty_body_is_an_empty_one(wire: Wire) -> None:
    assert ids(wire.post_json(FIELD, '{"field": "id", "value": 2}')) == [2]
    everything = ids(wire.post_json(FIELD, ""))
    assert len(everything) > 1
    assert ids(wire.post_json(FIELD, "{}")) == everything


@pytest.mark.parametrize(
    "body", [b'{"field":', b'{"field": "\xff"}', b'{"field": NaN}', b"[" * 100_000, b"null", b"[]"]
)
def test_what_is_no_json_counts_as_no_arguments(wire: Wire, body: bytes) -> None:
    assert len(ids(wire.post_json(FIELD, body))) > 1


@pytest.mark.parametrize("body", ['"x"', "[1]", "5"])
def test_json_that_is_no_object_is_refused(wire: Wire, body: str) -> None:
    assert refused(wire.post_json(FIELD, body), 400, "invalidparameter")


def test_neither_of_phps_limits_drops_anything_of_json(demo: Demo, wire: Wire) -> None:
    demo.site.switches.max_input_vars = 10
    demo.site.switches.post_max_size = 100
    body = json.dumps({"options": {"ids": [2] * 2000}})
    answer = wire.post_json("core_course_get_courses", body).json()
    assert [course["id"] for course in answer] == [2]
    received = demo.site.requests[-1]
    assert (received.function, received.fields_sent) == ("core_course_get_courses", 0)


def test_the_token_is_bare(wire: Wire) -> None:
    assert refused(wire.post_json(INFO, "{}", f"Bearer {ADMIN_TOKEN}"), 400, "invalidtoken")


def test_a_token_in_the_body_is_an_argument_that_nobody_knows(wire: Wire) -> None:
    assert refused(wire.post_json(INFO, '{"wstoken": "x"}'), 400, "invalidparameter")


@pytest.mark.parametrize(
    ("missing", "status", "errorcode"),
    [
        ("Authorization", 401, "noauthheader"),
        ("Accept", 400, "noacceptheader"),
        ("Content-Type", 400, "notypeheader"),
    ],
)
def test_a_missing_header_is_refused(wire: Wire, missing: str, status: int, errorcode: str) -> None:
    headers = {
        "Authorization": ADMIN_TOKEN,
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    request = wire.http.build_request("POST", f"{RESTFUL}/{INFO}", content="{}", headers=headers)
    del request.headers[missing]
    assert refused(wire.http.send(request), status, errorcode)


def test_a_server_that_keeps_the_header_to_itself_is_refused_as_one_without(
    demo: Demo, wire: Wire
) -> None:
    demo.site.switches.authorization_kept = False
    assert refused(wire.post_json(INFO, "{}"), 401, "noauthheader")


@pytest.mark.parametrize("path", ["", "/"])
def test_an_address_without_a_function_is_refused(wire: Wire, path: str) -> None:
    headers = {"Authorization": ADMIN_TOKEN, "Accept": "application/json"}
    response = wire.http.post(f"{RESTFUL}{path}", json={}, headers=headers)
    assert refused(response, 400, "nowsfunction")


def test_a_type_with_a_charset_is_taken_for_a_form(wire: Wire) -> None:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    response = wire.post_json("core_course_get_contents", '{"courseid": 2}', **kind)
    assert refused(response, 400, "invalidparameter")


def test_answers_are_xml_unless_exactly_json_is_accepted(wire: Wire) -> None:
    response = wire.post_json(INFO, "{}", Accept="*/*")
    assert response.headers["content-type"].startswith("application/xml")
    assert '<KEY name="username"><VALUE>admin</VALUE>' in response.text


@pytest.mark.parametrize("switch", ["web_services", "restful"])
def test_switched_off_it_answers_403_and_nothing_else(demo: Demo, wire: Wire, switch: str) -> None:
    setattr(demo.site.switches, switch, False)
    response = wire.post_json(INFO, "{}")
    assert (response.status_code, response.content) == (403, b"")


def test_without_the_plugin_the_web_server_has_no_such_page(demo: Demo, wire: Wire) -> None:
    demo.site.switches.restful_installed = False
    response = wire.post_json(INFO, "{}")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


def test_rest_and_restful_are_switched_apart(demo: Demo, wire: Wire) -> None:
    demo.site.switches.restful = False
    assert wire.call(INFO)["username"] == "admin"
    demo.site.switches.restful, demo.site.switches.rest = True, False
    assert wire.post_json(INFO, "{}").json()["username"] == "admin"


def test_who_may_not_use_restful_is_denied_but_administrators_may_all(
    demo: Demo, wire: Wire
) -> None:
    demo.site.switches.restful_capability = False
    assert refused(wire.post_json(INFO, "{}", STUDENT_TOKEN), 400, "accessexception")
    assert wire.post_json(INFO, "{}").status_code == 200
    assert wire.call(INFO, token=STUDENT_TOKEN)["username"] == "student1"


def test_the_site_tells_neither_functions_nor_release(wire: Wire) -> None:
    """Moodle finds the service by a form field with the token."""
    in_form, in_json = wire.call(INFO), wire.post_json(INFO, "{}").json()
    assert in_json["functions"] == []
    missing = {"release", "version", "downloadfiles", "uploadfiles"}
    assert in_form.keys() - in_json.keys() == missing


@pytest.mark.parametrize(("value", "found"), [(True, [1]), (2, [2]), (2.0, [2]), (None, [])])
def test_values_are_taken_as_php_casts_them(wire: Wire, value: Any, found: list[int]) -> None:
    # The site's own course has the id 1.
    response = wire.post_json(FIELD, json.dumps({"field": "id", "value": value}))
    assert ids(response) == found
