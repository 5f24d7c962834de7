"""Requests that the HTTP endpoints accept, and what PHP's limits cut off."""

from __future__ import annotations

import httpx2
import pytest

from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, DemoSite, serving
from tests.support.demo import Demo
from tests.support.demo_client import REST, REST_JSON, Wire


def test_fields_beyond_max_input_vars_vanish(demo: Demo, wire: Wire) -> None:
    ids = list(range(1000, 2200))
    answer = wire.call("core_user_get_users_by_field", field="id", values=[*ids, 5])
    assert answer == []
    received = demo.site.requests[-1]
    assert (received.fields_sent, received.fields_kept) == (1204, 1000)
    demo.site.switches.max_input_vars = 5000
    answer = wire.call("core_user_get_users_by_field", field="id", values=[*ids, 5])
    assert [user["id"] for user in answer] == [5]


def test_a_cut_inside_an_item_makes_the_whole_call_invalid(demo: Demo, wire: Wire) -> None:
    before = demo.site.world.snapshot()
    items = [{"roleid": 5, "userid": 5, "courseid": 4}] * 400
    answer = wire.call("enrol_manual_enrol_users", enrolments=items)
    assert answer["errorcode"] == "invalidparameter"
    assert demo.site.world.snapshot() == before


def test_a_body_over_post_max_size_vanishes_and_takes_the_token_with_it(
    demo: Demo, wire: Wire
) -> None:
    demo.site.switches.post_max_size = 300
    answer = wire.call("core_user_get_users_by_field", field="email", values=["x" * 300])
    assert answer["errorcode"] == "invalidtoken"
    received = demo.site.requests[-1]
    assert (received.fields_sent, received.fields_kept) == (4, 0)
    assert received.function == "core_user_get_users_by_field"


def test_the_format_in_a_dropped_body_is_lost(demo: Demo, wire: Wire) -> None:
    demo.site.switches.post_max_size = 10
    fields = {"wstoken": ADMIN_TOKEN, "moodlewsrestformat": "json"}
    assert wire.http.post(REST, data=fields).headers["content-type"].startswith("application/xml")


def test_every_request_is_recorded_whatever_its_path(demo: Demo, wire: Wire) -> None:
    wire.call("core_webservice_get_site_info")
    response = wire.http.get("/nothing/here?x=1", headers={"X-Test": "yes"})
    assert (response.status_code, response.headers["content-type"]) == (
        404,
        "text/html; charset=utf-8",
    )
    first, second = demo.site.requests
    assert (first.method, first.path, first.query, first.function) == (
        "POST", REST, "moodlewsrestformat=json", "core_webservice_get_site_info",
    )  # fmt: skip
    assert first.body.startswith(b"wstoken=")
    assert (second.method, second.path, second.query) == ("GET", "/nothing/here", "x=1")
    assert (second.headers["x-test"], second.function, second.fields_sent) == ("yes", None, 0)


def test_multipart_fields_are_read_as_form_fields(wire: Wire) -> None:
    fields = {"wstoken": ADMIN_TOKEN, "wsfunction": "core_webservice_get_site_info"}
    response = wire.http.post(REST_JSON, data=fields, files={"f": ("f.txt", b"x")})
    assert response.json()["username"] == "admin"


def test_settings_of_the_protocol_are_no_parameters(wire: Wire) -> None:
    answer = wire.call("core_course_get_categories", moodlewssettingraw=1)
    assert len(answer) == 6


def test_answers_are_xml_without_a_format(wire: Wire) -> None:
    fields = {"wstoken": ADMIN_TOKEN, "wsfunction": "core_cohort_get_cohorts"}
    assert '<KEY name="idnumber"><VALUE>exchange</VALUE>' in wire.http.post(REST, data=fields).text


def test_the_front_page_names_the_courses_that_are_not_hidden(wire: Wire) -> None:
    page = wire.http.get("/").text
    assert "Waves &amp; Optics" in page
    assert "Exam Regulations" not in page


def test_an_expired_token_is_refused_once_and_then_unknown(demo: Demo, wire: Wire) -> None:
    demo.site.switches.token_expired = True
    codes = [wire.call("core_webservice_get_site_info")["errorcode"] for _ in range(2)]
    assert codes == ["accessexception", "invalidtoken"]


def test_maintenance_lets_administrators_in(demo: Demo, wire: Wire) -> None:
    demo.site.switches.maintenance = True
    assert "errorcode" not in wire.call("core_webservice_get_site_info")
    refused = wire.call("core_webservice_get_site_info", token=STUDENT_TOKEN)
    assert refused["errorcode"] == "sitemaintenance"


def test_debuginfo_comes_only_with_debugging(demo: Demo, wire: Wire) -> None:
    assert "debuginfo" not in wire.call("core_course_get_contents")
    demo.site.switches.debugging = True
    assert "courseid" in wire.call("core_course_get_contents")["debuginfo"]


def test_a_student_downloads_only_from_own_courses(demo: Demo, wire: Wire) -> None:
    files = {
        module.course: file.path
        for module in demo.site.world.modules_of(2) + demo.site.world.modules_of(4)
        for file in demo.site.world.files.values()
        if file.context % 100_000 == module.id
    }
    query = {"token": STUDENT_TOKEN}
    mine = wire.http.get(f"/webservice/pluginfile.php{files[2]}", params=query)
    assert mine.headers["content-type"].startswith("text/")
    other = wire.http.get(f"/webservice/pluginfile.php{files[4]}", params=query)
    assert (other.status_code, other.json()["errorcode"]) == (200, "requireloginerror")


@pytest.mark.parametrize(("release", "shown"), [("4.5", "4.5.6"), ("5.1", "5.1.5")])
def test_a_site_offers_the_functions_of_its_release(
    release: str, shown: str, http: httpx2.Client
) -> None:
    with serving(DemoSite(release=release).app) as url:
        info = Wire(url, http).call("core_webservice_get_site_info")
    assert info["release"].startswith(shown)
    assert info["siteurl"] == url


def test_two_sites_of_the_same_time_are_equal_and_independent() -> None:
    first, second = DemoSite(1_800_000_000), DemoSite(1_800_000_000)
    assert first.world == second.world
    first.world.users.clear()
    assert second.world.users
    assert first.switches is not second.switches


def test_further_students_can_be_asked_for() -> None:
    assert len(DemoSite(students=500).world.users) == 505
