"""The demo site fails as a real Moodle 4.5.6 was recorded to fail, and in RESTful alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from moodle_mcp.demo import (
    ADMIN_TOKEN,
    DEMO_PASSWORD,
    SMALL_TOKEN,
    STUDENT_TOKEN,
    DemoSite,
    Switches,
)
from moodle_mcp.demo.world import Table
from tests.support.demo import Demo, in_both_protocols
from tests.support.demo_client import REST, REST_JSON, RESTFUL, Wire
from tests.support.recordings import Exchange, exchanges

RECORDED = {(each.group, each.name): each for each in exchanges()}

# What the recorded site called otherwise: its courses and users are not the demo's.
OTHER_NUMBERS = {25: 12, 20: 4, 31: 13, 150: 40, 151: 41, 200: 42}
OTHER_TEXTS = {"(C1)": "(BIO101)", "course id:25)": "course id:12)"}

TOKENS = {
    "bad_token": "deadbeef" * 4,
    "token_with_bad_characters": "not a token!",
    "function_not_in_service": SMALL_TOKEN,
    "maintenance": STUDENT_TOKEN,
    "service_disabled": SMALL_TOKEN,
    "user_not_authorised_in_restricted_service": SMALL_TOKEN,
    "token_ip_restricted": SMALL_TOKEN,
    "user_suspended": STUDENT_TOKEN,
    "user_nologin": STUDENT_TOKEN,
    "user_deleted": STUDENT_TOKEN,
    "user_not_confirmed": STUDENT_TOKEN,
    "no_permission": STUDENT_TOKEN,
    "not_enrolled": STUDENT_TOKEN,
}


def student_is(state: Any) -> Callable[[Switches], None]:
    def turn(switches: Switches) -> None:
        switches.user_state["student1"] = state

    return turn


def switched(**values: Any) -> Callable[[Switches], None]:
    def turn(switches: Switches) -> None:
        for name, value in values.items():
            assert hasattr(switches, name)
            setattr(switches, name, value)

    return turn


TURNS: dict[str, Callable[[Switches], None]] = {
    "rest_protocol_disabled": switched(rest=False, restful=False),
    "web_services_disabled": switched(web_services=False),
    "maintenance": switched(maintenance=True),
    "service_disabled": switched(service_disabled=True),
    "user_not_authorised_in_restricted_service": switched(user_not_authorised=True),
    "token_ip_restricted": switched(token_ip_restricted=True),
    "user_suspended": student_is("suspended"),
    "user_nologin": student_is("nologin"),
    "user_deleted": student_is("deleted"),
    "user_not_confirmed": student_is("unconfirmed"),
    "http_url_on_wrong_host": switched(wwwroot="http://127.0.0.1:8080"),
    "debugdisplay_on_error": switched(debugdisplay=True),
}

FAULTS = [
    each
    for each in exchanges()
    if each.group in ("setup", "params", "params_debug") and each.function and each.is_fault
]


def translated(value: Any) -> Any:
    """Recorded arguments with the demo's own ids and names."""
    match value:
        case dict():
            return {key: translated(child) for key, child in value.items()}  # pyright: ignore
        case list():
            return [translated(child) for child in value]  # pyright: ignore
        case bool():
            return value
        case int():
            return OTHER_NUMBERS.get(value, value)
        case "C1":
            return "BIO101"
        case _:
            return value


def expected(exchange: Exchange) -> str:
    body = exchange.body
    for recorded, own in OTHER_TEXTS.items():
        body = body.replace(recorded, own)
    return body


def in_restful(exchange: Exchange) -> Exchange:
    """How the same call is answered in RESTful, as observed with the plugin on 4.5.6."""
    location = exchange.location
    if location:
        location = location.replace(REST, f"{RESTFUL}/{exchange.function}")
    status = 400 if exchange.status == 200 and exchange.is_fault else exchange.status
    return replace(exchange, status=status, location=location)


def assert_same(response: httpx2.Response, exchange: Exchange) -> None:
    assert response.status_code == exchange.status
    assert response.headers["content-type"].lower() == exchange.content_type.lower()
    assert response.headers.get("location") == exchange.location
    if exchange.status in (200, 400):
        # Byte for byte: PHP's escapes in JSON are part of it.
        assert response.text == expected(exchange)


@in_both_protocols
@pytest.mark.parametrize("exchange", FAULTS, ids=lambda each: each.id)
def test_a_fault_is_answered_as_recorded(exchange: Exchange, demo: Demo, wire: Wire) -> None:
    demo.site.switches.debugging = exchange.group == "params_debug"
    if turn := TURNS.get(exchange.name):
        turn(demo.site.switches)
    assert exchange.function
    token = TOKENS.get(exchange.name, ADMIN_TOKEN)
    response = wire.post(exchange.function, translated(exchange.params), token)
    if wire.restful and exchange.name == "empty_list":
        # It can be sent in JSON, and has nothing wrong with it.
        assert (response.status_code, response.text) == (200, "null")
        return
    # Moodle redirects to the script, without the query.
    assert_same(response, in_restful(exchange) if wire.restful else exchange)


def test_every_recorded_fault_of_these_groups_is_compared() -> None:
    assert len(FAULTS) == 52
    assert not set(TURNS) - {each.name for each in FAULTS}


@pytest.mark.parametrize("name", ["no_parameters", "json_body"])
def test_a_request_without_form_fields_has_no_token(name: str, wire: Wire) -> None:
    body = {"wstoken": ADMIN_TOKEN, "wsfunction": "core_webservice_get_site_info"}
    response = wire.http.post(REST_JSON, json=body if name == "json_body" else None)
    assert_same(response, RECORDED["setup", name])


def test_without_a_format_the_answer_is_xml_of_the_recorded_length(wire: Wire) -> None:
    exchange = RECORDED["setup", "no_parameters_no_format"]
    response = wire.http.post(REST)
    assert response.headers["content-type"] == exchange.content_type
    assert f"<{len(response.content)} bytes>" == exchange.body
    assert "<ERRORCODE>invalidtoken</ERRORCODE>" in response.text


LOGIN = {"username": "student1", "password": DEMO_PASSWORD, "service": "small"}


@pytest.mark.parametrize(
    ("group", "name", "fields"),
    [
        ("endpoint", "token_php_bad_password", {"password": "nope"}),
        ("endpoint", "token_php_unknown_service", {"service": "nosuch"}),
        ("endpoint", "token_php_mobile_disabled", {"service": "moodle_mobile_app"}),
        ("setup", "token_php_web_services_disabled", {}),
    ],
)
def test_login_fails_as_recorded(
    group: str, name: str, fields: dict[str, str], demo: Demo, wire: Wire
) -> None:
    demo.site.switches.web_services = group == "endpoint"
    response = wire.http.post("/login/token.php", data=LOGIN | fields)
    assert_same(response, RECORDED[group, name])


def test_login_gives_a_token_that_works(wire: Wire) -> None:
    answer = wire.http.post("/login/token.php", data=LOGIN).json()
    assert answer.keys() == RECORDED["endpoint", "token_php_ok"].json.keys()
    info = wire.call("core_webservice_get_site_info", token=answer["token"])
    assert (info["username"], len(info["functions"])) == ("student1", 2)


def test_downloads_are_refused_as_recorded(demo: Demo, wire: Wire) -> None:
    path = f"/webservice/pluginfile.php{file_path(demo.site)}?forcedownload=1"
    for name, query in (
        ("pluginfile_bad_token", "&token=deadbeef"),
        ("pluginfile_no_token", ""),
        ("pluginfile_missing", f"?token={ADMIN_TOKEN}"),
    ):
        assert_same(wire.http.get(f"{path}{query}"), RECORDED["files", name])


def test_a_download_with_a_token_is_the_file(demo: Demo, wire: Wire) -> None:
    path = f"/webservice/pluginfile.php{file_path(demo.site)}"
    response = wire.http.get(path, params={"forcedownload": "1", "token": ADMIN_TOKEN})
    exchange = RECORDED["files", "pluginfile_token"]
    assert response.headers["content-type"] == exchange.content_type
    assert "read chapter 1" in response.text


def file_path(site: DemoSite) -> str:
    return next(each.path for each in site.world.files.values() if each.component == "mod_resource")


def test_uploads_answer_as_recorded(wire: Wire) -> None:
    files = {"file_1": ("hello.txt", b"0123456789", "text/plain")}
    url = "/webservice/upload.php"
    bad = wire.http.post(url, data={"token": "deadbeef"}, files=files)
    assert_same(bad, RECORDED["files", "upload_bad_token"])
    none = wire.http.post(url, data={"token": ADMIN_TOKEN})
    assert_same(none, RECORDED["files", "upload_no_file"])
    good = wire.http.post(url, data={"token": ADMIN_TOKEN}, files=files)
    exchange = RECORDED["files", "upload_ok"]
    assert good.headers["content-type"] == exchange.content_type
    ids = ("contextid", "itemid")
    (answer,), (recorded,) = good.json(), exchange.json
    assert {**answer, **dict.fromkeys(ids)} == {**recorded, **dict.fromkeys(ids)}


# Answers in which only ids or a course's own values differ: the keys are compared.
SHAPES = {
    "create_courses_2nd_bad_after", "update_users_2nd_bad_after", "groups_create",
    "groups_create_2nd_dup_after", "categories_create", "notes_partial",
    "delete_users_some_missing_after", "create_users_2nd_bad_after",
}  # fmt: skip


@in_both_protocols
@pytest.mark.parametrize(
    "name",
    [
        "create_users_2nd_bad", "create_users_2nd_bad_after", "enrol_2nd_bad", "enrol_twice",
        "enrol_again", "create_courses_2nd_bad", "create_courses_2nd_bad_after",
        "delete_courses_some_missing", "update_users_2nd_bad", "update_users_2nd_bad_after",
        "groups_create", "groups_create_2nd_dup", "groups_create_2nd_dup_after",
        "group_members_add", "group_members_again", "cohorts_create", "cohorts_create_dup",
        "cohort_members_add", "cohort_members_after", "cohort_members_again", "messages_partial",
        "notes_partial", "events_create", "categories_create", "courses_update", "unenrol",
        "unenrol_again", "delete_users_some_missing", "delete_users_some_missing_after",
    ],
)  # fmt: skip
def test_an_array_write_answers_as_recorded(name: str, demo: Demo, wire: Wire) -> None:
    prepare(name, demo.site, wire)
    exchange = RECORDED["atomicity", name]
    assert exchange.function
    response = wire.post(exchange.function, translated(exchange.params))
    if name in SHAPES:
        assert shape(response.json()) == shape(exchange.json)
    else:
        assert_same(response, in_restful(exchange) if wire.restful else exchange)


def prepare(name: str, site: DemoSite, wire: Wire) -> None:
    """Bring the site to where the recorded one was before this exchange."""
    before = {
        "enrol_again": ["enrol_twice"],
        "unenrol": ["enrol_twice"],
        "unenrol_again": ["enrol_twice", "unenrol"],
        "groups_create_2nd_dup": ["groups_create"],
        "groups_create_2nd_dup_after": ["groups_create", "groups_create_2nd_dup"],
        "cohorts_create_dup": ["cohorts_create"],
        "cohort_members_add": ["cohorts_create"],
        "cohort_members_after": ["cohorts_create", "cohort_members_add"],
        "cohort_members_again": ["cohorts_create", "cohort_members_add"],
        "group_members_again": ["group_members_add"],
        "update_users_2nd_bad_after": ["update_users_2nd_bad"],
    }
    if name.startswith("cohort"):
        site.world.cohorts = Table()
    if name.startswith("groups"):
        site.world.groups = Table()
    for earlier in before.get(name, ()):
        exchange = RECORDED["atomicity", earlier]
        assert exchange.function
        wire.post(exchange.function, translated(exchange.params))


def shape(value: Any) -> Any:
    """The keys at every depth, and how many items there are."""
    if isinstance(value, list):
        return [shape(child) for child in value]  # pyright: ignore
    if isinstance(value, dict):
        # What Moodle tells of a user only if it is set is not compared.
        own = {"city", "country", "idnumber"}
        return {key: shape(child) for key, child in value.items() if key not in own}  # pyright: ignore
    return None


def test_several_calls_in_one_request_fail_each_for_itself(wire: Wire) -> None:
    exchange = RECORDED["bulk", "bulk_read_via_tool_mobile"]
    assert exchange.function
    answer = wire.post(exchange.function, exchange.params).json()
    good, bad = answer["responses"]
    recorded_good, recorded_bad = exchange.json["responses"]
    assert (good["error"], bad["error"]) == (False, True)
    assert json.loads(good["data"])[0].keys() == json.loads(recorded_good["data"])[0].keys()
    assert {key: json.loads(bad["exception"])[key] for key in ("errorcode", "message")} == {
        key: json.loads(recorded_bad["exception"])[key] for key in ("errorcode", "message")
    }
