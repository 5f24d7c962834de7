"""Decoding a site's answer to a value or a kind of error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError, Delivery, Kind
from moodle_mcp.site.decoding import Answer, decode
from moodle_mcp.site.moodle_errors import failure_in, moodle_fault, plain
from moodle_mcp.site.response import Response, retry_after_seconds
from tests.support.recordings import Exchange, calls, exchanges
from tests.support.strategies import json_values

SUCCESSES = calls(faults=False)
FAULTS = [
    each
    for each in exchanges()
    if each.is_fault
    and "/webservice/rest/" in each.path
    # Its body was not recorded.
    and each.id != "setup:no_parameters_no_format"
]
NOTICES = "PHP printed notices around the answer; they were left out."


def response(exchange: Exchange) -> Response:
    return Response(exchange.status, exchange.body.encode(), location=exchange.location)


def fault(answer: Response) -> dict[str, Any]:
    """Return the error report for an answer."""
    with pytest.raises(CallError) as caught:
        decode(answer)
    report = caught.value.fault.report()
    # A report must be able to leave this process, and fit an answer.
    assert len(json.dumps(report, ensure_ascii=False).encode("utf-8")) < 5000
    return report


@pytest.mark.parametrize("exchange", SUCCESSES, ids=lambda exchange: exchange.id)
def test_a_recorded_success_is_its_own_value(exchange: Exchange) -> None:
    assert decode(response(exchange)) == Answer(exchange.json)


def test_every_recorded_fault_has_its_kind_and_errorcode() -> None:
    assert {
        each.id: (report["kind"], report.get("errorcode"), report.get("http_status"))
        for each in FAULTS
        for report in [fault(response(each))]
    } == snapshot(
        {
            "setup:bad_token": ("invalid_token", "invalidtoken", None),
            "setup:token_with_bad_characters": ("invalid_token", "invalidtoken", None),
            "setup:no_parameters": ("invalid_token", "invalidtoken", None),
            "setup:json_body": ("invalid_token", "invalidtoken", None),
            "setup:function_not_in_service": ("access_denied", "accessexception", None),
            "setup:unknown_function": ("not_found", "invalidrecord", None),
            "setup:rest_protocol_disabled": ("web_services_off", None, 403),
            "setup:web_services_disabled": ("web_services_off", None, 403),
            "setup:maintenance": ("maintenance", "sitemaintenance", None),
            "setup:service_disabled": ("access_denied", "accessexception", None),
            "setup:user_not_authorised_in_restricted_service": (
                "access_denied",
                "accessexception",
                None,
            ),
            "setup:token_ip_restricted": ("access_denied", "accessexception", None),
            "setup:user_suspended": ("account_blocked", "wsaccessusersuspended", None),
            "setup:user_nologin": ("account_blocked", "wsaccessusernologin", None),
            "setup:user_deleted": ("account_blocked", "wsaccessuserdeleted", None),
            "setup:user_not_confirmed": ("account_blocked", "wsaccessuserunconfirmed", None),
            "setup:http_url_on_wrong_host": ("wrong_address", None, 303),
            "params:missing_required": ("invalid_parameter", "invalidparameter", None),
            "params:wrong_type": ("invalid_parameter", "invalidparameter", None),
            "params:unexpected_key": ("invalid_parameter", "invalidparameter", None),
            "params:scalar_for_list": ("invalid_parameter", "invalidparameter", None),
            "params:list_for_scalar": ("invalid_parameter", "invalidparameter", None),
            "params:nested_missing": ("invalid_parameter", "invalidparameter", None),
            "params:nested_wrong_type": ("invalid_parameter", "invalidparameter", None),
            "params:bad_enum": ("invalid_parameter", "codingerror", None),
            "params:bad_alpha": ("invalid_parameter", "invalidparameter", None),
            "params:bool_as_word": ("invalid_parameter", "invalidparameter", None),
            "params:empty_list": ("invalid_parameter", "invalidparameter", None),
            "params:course_missing": ("not_found", "invalidrecord", None),
            "params:user_missing": ("not_found", "invaliduser", None),
            "params:no_permission": ("no_permission", "nopermissions", None),
            "params:not_enrolled": ("no_permission", "errorcoursecontextnotvalid", None),
            "params:duplicate_username": ("invalid_parameter", "invalidparameter", None),
            "params:weak_password": ("invalid_parameter", None, None),
            "params:duplicate_shortname": ("conflict", "shortnametaken", None),
            "params_debug:missing_required": ("invalid_parameter", "invalidparameter", None),
            "params_debug:wrong_type": ("invalid_parameter", "invalidparameter", None),
            "params_debug:unexpected_key": ("invalid_parameter", "invalidparameter", None),
            "params_debug:scalar_for_list": ("invalid_parameter", "invalidparameter", None),
            "params_debug:list_for_scalar": ("invalid_parameter", "invalidparameter", None),
            "params_debug:nested_missing": ("invalid_parameter", "invalidparameter", None),
            "params_debug:nested_wrong_type": ("invalid_parameter", "invalidparameter", None),
            "params_debug:bad_enum": ("invalid_parameter", "codingerror", None),
            "params_debug:bad_alpha": ("invalid_parameter", "invalidparameter", None),
            "params_debug:bool_as_word": ("invalid_parameter", "invalidparameter", None),
            "params_debug:empty_list": ("invalid_parameter", "invalidparameter", None),
            "params_debug:course_missing": ("not_found", "invalidrecord", None),
            "params_debug:user_missing": ("not_found", "invaliduser", None),
            "params_debug:no_permission": ("no_permission", "nopermissions", None),
            "params_debug:not_enrolled": ("no_permission", "errorcoursecontextnotvalid", None),
            "params_debug:duplicate_username": ("invalid_parameter", "invalidparameter", None),
            "params_debug:weak_password": ("invalid_parameter", None, None),
            "params_debug:duplicate_shortname": ("conflict", "shortnametaken", None),
            "params_debug:debugdisplay_on_error": ("not_found", "invalidrecord", None),
            "atomicity:create_users_2nd_bad": ("invalid_parameter", "invalidparameter", None),
            "atomicity:enrol_2nd_bad": ("not_found", "invaliduser", None),
            "atomicity:create_courses_2nd_bad": ("conflict", "shortnametaken", None),
            "atomicity:groups_create_2nd_dup": ("invalid_parameter", "invalidparameter", None),
            "atomicity:cohorts_create_dup": ("invalid_parameter", "invalidparameter", None),
            "atomicity:messages_partial": ("invalid_parameter", "formatnotsupported", None),
            "atomicity:events_create": ("not_found", "invalidrecord", None),
            "atomicity:delete_users_some_missing": ("not_found", "invaliduser", None),
        }
    )


@pytest.mark.parametrize("exchange", FAULTS, ids=lambda exchange: exchange.id)
def test_no_report_of_a_recorded_fault_holds_debuginfo(exchange: Exchange) -> None:
    report = json.dumps(fault(response(exchange)), ensure_ascii=False)
    for word in ("debuginfo", "stacktrace", "SELECT", "WHERE", "[array", "Debug:"):
        assert word not in report
    for line in debuginfo(exchange):
        assert json.dumps(line, ensure_ascii=False)[1:-1] not in report


def debuginfo(exchange: Exchange) -> list[str]:
    """The lines of a fault's debuginfo."""
    try:
        data = exchange.json
    except ValueError:
        return []
    return [line for line in str(data.get("debuginfo") or "").splitlines() if line.strip()]


def test_many_recorded_faults_have_debuginfo_that_could_leak() -> None:
    assert sum(bool(debuginfo(each)) for each in FAULTS) > 10


def test_the_reports_of_telling_recorded_faults() -> None:
    names = [
        "setup:bad_token",
        "setup:unknown_function",
        "setup:rest_protocol_disabled",
        "setup:maintenance",
        "setup:user_suspended",
        "setup:http_url_on_wrong_host",
        "params_debug:weak_password",
        "params_debug:debugdisplay_on_error",
        "params:bad_enum",
    ]
    by_id = {each.id: each for each in FAULTS}
    assert [fault(response(by_id[name])) for name in names] == snapshot(
        [
            {
                "kind": "invalid_token",
                "message": "Invalid token - token not found",
                "hint": "The token is unknown, expired or deleted. An administrator makes a new one under Site administration > Server > Web services > Manage tokens; the operator sets it as MOODLE_TOKEN, or signs in again with `moodle-mcp login`.",
                "errorcode": "invalidtoken",
                "exception": "core\\exception\\moodle_exception",
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "not_found",
                "message": "Can't find data record in database table external_functions.",
                "hint": "The site has no such function: it belongs to another Moodle release, or to a plugin that is not installed there.",
                "errorcode": "invalidrecord",
                "exception": "dml_missing_record_exception",
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "web_services_off",
                "message": "The site refuses web-service requests: web services or REST are switched off.",
                "hint": "An administrator must switch on web services (Site administration > General > Advanced features > Enable web services) and REST (Site administration > Server > Web services > Manage protocols).",
                "http_status": 403,
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "maintenance",
                "message": "The site is undergoing maintenance and is currently not available",
                "hint": "The site is in maintenance mode. Wait until an administrator ends it.",
                "errorcode": "sitemaintenance",
                "exception": "core\\exception\\moodle_exception",
                "retryable": True,
                "written": "nothing",
            },
            {
                "kind": "account_blocked",
                "message": "Refused web service access for suspended username: student1",
                "hint": "The token's user is suspended: Site administration > Users > Browse list of users > Activate user account.",
                "errorcode": "wsaccessusersuspended",
                "exception": "core\\exception\\moodle_exception",
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "wrong_address",
                "message": "The site redirected to http://127.0.0.1:8080/webservice/rest/server.php. The redirect is not followed, to protect the token.",
                "hint": "The operator sets MOODLE_URL to http://127.0.0.1:8080.",
                "http_status": 303,
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "invalid_parameter",
                "message": "Passwords must be at least 8 characters long. Passwords must have at least 1 digit(s). Passwords must have at least 1 upper case letter(s). The password must have at least 1 special character(s) such as *, -, or #.",
                "hint": "Follow Moodle's rules given in the message.",
                "exception": "core\\exception\\moodle_exception",
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "not_found",
                "message": "Can't find data record in database table course.",
                "hint": "Nothing has this id. Look the id up first: course id, course-module id, instance id and context id are different numbers.",
                "errorcode": "invalidrecord",
                "exception": "dml_missing_record_exception",
                "retryable": False,
                "written": "nothing",
            },
            {
                "kind": "invalid_parameter",
                "message": "Coding error detected, it must be fixed by a programmer: invalid field parameter",
                "hint": "Moodle calls it a coding error; seen when a value is not one of the few that the function accepts. Check fixed words such as `field` or `classification`.",
                "errorcode": "codingerror",
                "exception": "core\\exception\\coding_exception",
                "retryable": False,
                "written": "nothing",
            },
        ]
    )


VALUES: dict[str, tuple[bytes, Any]] = {
    "null": (b"null", None),
    "true": (b"true", True),
    "a number": (b"5", 5),
    "text": (b'"done"', "done"),
    "an empty list": (b"[]", []),
    "spaces around": (b'\r\n {"a": 1} \n', {"a": 1}),
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "half a character": (b'["\\ud800"]', ["\ud800"]),
    "a number beyond a double": (b"[1e999, -1e999]", ["1e999", "-1e999"]),
    "an integer beyond 64 bits": (b"[18446744073709551616]", [2**64]),
    "an integer of thousands of digits": (b"[1" + b"0" * 5000 + b"]", ["1" + "0" * 5000]),
    "keys that mean a fault elsewhere": (
        b'{"error": "", "errorcode": "", "success": true}',
        {"error": "", "errorcode": "", "success": True},
    ),
    "faults inside a list": (
        b'{"responses": [{"error": true, "exception": "{\\"errorcode\\": \\"x\\"}"}]}',
        {"responses": [{"error": True, "exception": '{"errorcode": "x"}'}]},
    ),
    "an XML text as a value": (b'"<?xml version=\\"1.0\\"?>"', '<?xml version="1.0"?>'),
    "a login page as a value": (b'"<html>login</html>"', "<html>login</html>"),
}


@pytest.mark.parametrize("case", VALUES)
def test_json_of_any_kind_is_a_value(case: str) -> None:
    body, value = VALUES[case]
    assert decode(Response(200, body)) == Answer(value)


def test_deep_and_long_answers_are_values() -> None:
    assert json.dumps(decode(Response(200, b"[" * 200 + b"]" * 200)).value) == "[" * 200 + "]" * 200
    texts = ["é" * (5 * 1024 * 1024 // 8)] * 4
    body = json.dumps(texts, ensure_ascii=False).encode()
    assert decode(Response(200, body)) == Answer(texts)


def test_a_text_that_takes_too_long_to_work_on_is_left_out_whole() -> None:
    texts = {"id": 1, "kept": "x" * 2_000_000, "long": "x" * 2_000_001}
    answer = decode(Response(200, json.dumps(texts).encode()))
    note = "(text of 2,000,001 characters left out; open it in Moodle with a browser)"
    assert answer.value == texts | {"long": note}
    assert answer.warnings == snapshot(("Left out: texts of more than 2,000,000 characters (1).",))


@pytest.mark.parametrize("line", ["Notice: x", "", " "])
def test_only_the_beginning_of_endless_notices_is_searched(line: str) -> None:
    notices = "Notice: x\n" + f"{line}\n" * (1_000_000 // (len(line) + 1) + 1)
    assert fault(Response(200, f"{notices}[1]".encode()))["kind"] == snapshot("bad_answer")


AMONG_NOTICES: dict[str, str] = {
    "html before": "<br />\n<b>Warning</b>:  Undefined variable $x in <b>/m/lib.php</b> on line "
    '<b>7</b><br />\n{"a": [1]}',
    "several before": "<br />\n<b>Notice</b>:  A in <b>/m/a.php</b> on line <b>1</b><br />\n"
    '<br />\n<b>Deprecated</b>:  B in <b>/m/b.php</b> on line <b>2</b><br />\n{"a": [1]}',
    "plain text before": '\nWarning: Undefined array key "x" in /m/lib.php on line 7\n{"a": [1]}',
    "PHP's name before": 'PHP Notice:  Undefined index: x in /m/a.php on line 7\n{"a": [1]}',
    "brackets in the notice": "<br />\n<b>Warning</b>:  Array [0] of {x} and [] in "
    '<b>/m/{lib}.php</b> on line <b>7</b><br />\n{"a": [1]}',
    "json in the notice": '<br />\n<b>Warning</b>:  Bad {"a": 2} or [2] in <b>/m/lib.php</b> on '
    'line <b>7</b><br />\n{"a": [1]}',
    "html after": '{"a": [1]}<br />\n<b>Warning</b>:  Unknown: [x] in <b>Unknown</b> on line '
    "<b>0</b><br />",
    "plain text after": '{"a": [1]}\nDeprecated: f() is deprecated in /m/lib.php on line 7',
    "before and after": "<br />\n<b>Notice</b>:  A in <b>/m/a.php</b> on line <b>1</b><br />\n"
    '{"a": [1]}\n<br />\n<b>Warning</b>:  B in <b>/m/b.php</b> on line <b>2</b><br />',
}


@pytest.mark.parametrize("case", AMONG_NOTICES)
def test_the_answer_is_found_among_phps_notices_and_says_so(case: str) -> None:
    answer = decode(Response(200, AMONG_NOTICES[case].encode()))
    assert answer == Answer({"a": [1]}, (NOTICES,))
    assert answer.size > len('{"a": [1]}')


def test_an_exception_among_notices_is_a_fault() -> None:
    body = '<br />\n<b>Warning</b>:  A in <b>x</b> on line <b>1</b><br />\n{"exception": "e", '
    report = fault(Response(200, (body + '"errorcode": "invalidtoken"}').encode()))
    assert report["kind"] == "invalid_token"


def test_json_after_anything_else_than_a_notice_is_no_answer() -> None:
    for before in ("<p>Hello</p>", "Hello ", "<script>x</script>"):
        assert "kind" in fault(Response(200, f'{before}{{"a": 1}}'.encode()))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f"Warning: x{chr(10) * 2_000_000}x", "bad_answer"),
        (f"<?xml ?>{'<ERRORCODE>' * 500_000}", "bad_answer"),
        (f"<?xml ?>{'<MESSAGE>' * 500_000}", "bad_answer"),
        (
            json.dumps(
                {
                    "exception": "e",
                    "message": f"m{' (a' * 2_000_000}b)",
                    "debuginfo": f"a{' (a' * 2_000_000}",
                }
            ),
            "moodle_error",
        ),
    ],
    ids=["line ends", "errorcodes", "messages", "brackets"],
)
def test_no_body_makes_decoding_slow(body: str, kind: str) -> None:
    """A quadratic search would not finish here."""
    assert fault(Response(200, body.encode()))["kind"] == kind


LOGIN = b"<!DOCTYPE html><html><head><title>Log in to the site</title></head><body>Login</body>"
MAINTENANCE = b"<!DOCTYPE html><html><body>This site is undergoing maintenance</body></html>"
PROXY = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
XML = (
    b'<?xml version="1.0" encoding="UTF-8" ?>\n<EXCEPTION class="moodle_exception">\n'
    b"<ERRORCODE>invalidtoken</ERRORCODE>\n<MESSAGE>Invalid token - token not found</MESSAGE>\n"
    b"<DEBUGINFO>SELECT s3cret</DEBUGINFO></EXCEPTION>"
)
EXCEPTION = b'{"exception": "e", "errorcode": "invalidparameter", "message": "m", "debuginfo": "s"}'

ODD: dict[str, Response] = {
    "empty": Response(200, b""),
    "spaces only": Response(200, b" \r\n"),
    "a byte order mark only": Response(200, b"\xef\xbb\xbf"),
    "a login page": Response(200, LOGIN),
    "a page that is not a login": Response(200, b"<html><body>Welcome</body></html>"),
    "a maintenance page": Response(200, MAINTENANCE),
    "an error page of a proxy with status 200": Response(200, PROXY),
    "a fatal error": Response(
        200, b"<br />\n<b>Fatal error</b>:  Uncaught Error in /m/x.php:7<br />"
    ),
    "a notice and nothing else": Response(
        200, b"<br />\n<b>Warning</b>:  Undefined [x] in <b>/m/x.php</b> on line <b>7</b><br />"
    ),
    "an exception in XML": Response(200, XML),
    "XML without an exception": Response(200, b'<?xml version="1.0"?><RESPONSE></RESPONSE>'),
    "truncated": Response(200, b'{"users": [{"id": 1, "name": "A'),
    "truncated to its first sign": Response(200, b"{"),
    "two values": Response(200, b'{"a": 1}{"b": 2}'),
    "plain text": Response(200, b"Service is fine"),
    "NaN": Response(200, b'{"grade": NaN}'),
    "Infinity": Response(200, b"[-Infinity]"),
    "invalid UTF-8": Response(200, b'{"name": "M\xfcller"}'),
    "UTF-16": Response(200, '{"a": 1}'.encode("utf-16")),
    "nested beyond reason": Response(200, b"[" * 100_000 + b"]" * 100_000),
    "nested beyond reason and cut": Response(200, b'{"a":' * 100_000),
    "gzip that nobody unpacked": Response(200, b"\x1f\x8b\x08\x00\x00\x00"),
    "301": Response(301, b"", location="https://moodle.example/webservice/rest/server.php"),
    "302 to a login page": Response(302, LOGIN, location="https://sso.example/login?back=s3cret"),
    "303 to the own address": Response(
        303,
        b"<html>",
        location="https://m.example/sub/webservice/rest/server.php?moodlewsrestformat=json",
    ),
    "303 without a location": Response(303, b""),
    "307 to a path": Response(307, b"", location="/login/index.php"),
    "307 to another scheme": Response(307, b"", location="http://m.example/"),
    "307 to nonsense": Response(307, b"", location="http://[bad"),
    "307 with a password": Response(307, b"", location="https://u:s3cret@m.example/a?b#c"),
    "304": Response(304, b""),
    "403 without a body": Response(403, b""),
    "403 with a page": Response(403, b"<html><body>Forbidden by the firewall</body></html>"),
    "403 with a challenge": Response(403, b"<!DOCTYPE html><title>Just a moment...</title>"),
    "401 with a page": Response(401, b"<html>Authorization required</html>"),
    "404": Response(404, b"<html>Not found</html>"),
    "404 without a body": Response(404, b""),
    "405": Response(405, b"<html>Method not allowed</html>"),
    "413": Response(413, b"<html>Request Entity Too Large</html>"),
    "429": Response(429, b""),
    "429 in 2 seconds": Response(429, b"", retry_after="2"),
    "429 in 600 seconds": Response(429, b"", retry_after="600"),
    "429 at a date": Response(429, b"", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
    "500": Response(500, b""),
    "500 with a Moodle page": Response(500, b"<html><body>Error reading from database</body>"),
    "502": Response(502, PROXY),
    "503": Response(503, b"<html>Service Unavailable</html>", retry_after="30"),
    "503 of Moodle's maintenance": Response(503, b"", reason="Moodle under maintenance"),
    "503 with a maintenance page": Response(503, MAINTENANCE),
    "504": Response(504, b""),
    "400 with an exception": Response(400, EXCEPTION),
    "400 with a page": Response(400, b"<html>Bad Request</html>"),
    "400 with JSON of another": Response(400, b'{"message": "blocked"}'),
    "400 with an error of Moodle's": Response(
        400, b'{"error": "Invalid token", "errorcode": "invalidtoken", "stacktrace": null}'
    ),
    "400 with an error of another": Response(400, b'{"error": "Bad Request"}'),
    "an error with its errorcode": Response(
        200, b'{"error": "Invalid token", "errorcode": "invalidtoken", "stacktrace": null}'
    ),
    "an error alone": Response(200, b'{"error": "Forbidden"}'),
    "an error in an object": Response(200, b'{"error": {"code": 7, "message": "Forbidden"}}'),
    "an error that only says so": Response(200, b'{"error": true}'),
    "errors alone": Response(200, b'{"errors": [{"title": "Forbidden"}]}'),
    "an answer of the AJAX script": Response(
        200, b'[{"error": true, "exception": {"errorcode": "invalidtoken", "message": "Bad"}}]'
    ),
    "a fatal error after a notice and before a line of JSON": Response(
        200, b'PHP Warning: A in /m/x.php\nPHP Fatal error: Uncaught B:\n{"a": 1}\n'
    ),
    "a fatal error among notices after an answer": Response(
        200, b'{"a": 1}\nWarning: A in /m/x.php\nFatal error: Out of memory in /m/x.php'
    ),
    "an exception in XML without an errorcode": Response(
        200, b'<?xml version="1.0"?><EXCEPTION class="TypeError"><MESSAGE>m</MESSAGE></EXCEPTION>'
    ),
    "an exception without a message": Response(200, b'{"exception": "e", "errorcode": "x"}'),
    "an exception with nothing but its name": Response(200, b'{"exception": "e", "message": null}'),
    "an unlisted errorcode of a known class": Response(
        200,
        b'{"exception": "core\\\\exception\\\\required_capability_exception", '
        b'"errorcode": "somethingnew", "message": "Non"}',
    ),
    "an unlisted errorcode and class": Response(
        200, b'{"exception": "mod_x\\\\oops", "errorcode": "somethingnew", "message": "Non"}'
    ),
    "half a character in a message": Response(
        200, b'{"exception": "e", "errorcode": "x\\ud800", "message": "\\ud800 bad"}'
    ),
    "an exception without an errorcode": Response(
        200, b'{"exception": "required_capability_exception", "message": "Non"}'
    ),
    "an exception whose name has no end": Response(
        200, b'{"exception": "' + b"<b>x" * 9000 + b'", "errorcode": "x"}'
    ),
    "an errorcode that is a number": Response(200, b'{"exception": 1, "errorcode": 5}'),
    "an errorcode that is a list": Response(200, b'{"exception": [], "errorcode": [1]}'),
}


@pytest.mark.parametrize(
    "errorcode", ["nopermissiontoviewcalendar", "cannotviewpage", "noviewdiscussionspermission"]
)
def test_an_unlisted_errorcode_that_denies_is_a_missing_permission(
    errorcode: str,
) -> None:
    body = {"exception": "moodle_exception", "errorcode": errorcode, "message": "No."}
    with pytest.raises(CallError) as raised:
        decode(Response(200, json.dumps(body).encode()))
    assert raised.value.fault.kind is Kind.NO_PERMISSION


def test_an_answer_tells_how_long_it_was() -> None:
    assert decode(Response(200, '\ufeff{"a": "ä"}\n'.encode())).size == 10


@pytest.mark.parametrize("case", ODD)
def test_what_is_not_an_answer_is_a_fault_of_the_right_kind(case: str) -> None:
    report = fault(ODD[case])
    assert "s3cret" not in json.dumps(report)
    shown = (report["kind"], report.get("http_status"), report["message"])
    expected = snapshot(
        {
            "empty": (
                "site_error",
                None,
                "The site answered with an empty body, as PHP does after a fatal error.",
            ),
            "spaces only": (
                "site_error",
                None,
                "The site answered with an empty body, as PHP does after a fatal error.",
            ),
            "a byte order mark only": (
                "site_error",
                None,
                "The site answered with an empty body, as PHP does after a fatal error.",
            ),
            "a login page": (
                "wrong_address",
                None,
                "The address answers with a login page instead of Moodle's web service.",
            ),
            "a page that is not a login": (
                "wrong_address",
                None,
                "The address answers with a web page instead of Moodle's web service.",
            ),
            "a maintenance page": ("maintenance", None, "The site shows its maintenance page."),
            "an error page of a proxy with status 200": (
                "wrong_address",
                None,
                "The address answers with a web page instead of Moodle's web service.",
            ),
            "a fatal error": ("site_error", None, "PHP stopped with an error before it answered."),
            "a notice and nothing else": (
                "site_error",
                None,
                "PHP stopped with an error before it answered.",
            ),
            "an exception in XML": ("invalid_token", None, "Invalid token - token not found"),
            "XML without an exception": (
                "bad_answer",
                None,
                "The site answered in XML, but JSON was requested.",
            ),
            "truncated": ("bad_answer", None, "The answer is not complete JSON."),
            "truncated to its first sign": ("bad_answer", None, "The answer is not complete JSON."),
            "two values": ("bad_answer", None, "The answer is not complete JSON."),
            "plain text": ("bad_answer", None, "The answer is not complete JSON."),
            "NaN": ("bad_answer", None, "The answer is not complete JSON."),
            "Infinity": ("bad_answer", None, "The answer is not complete JSON."),
            "invalid UTF-8": ("bad_answer", None, "The answer is not valid UTF-8."),
            "UTF-16": ("bad_answer", None, "The answer is not valid UTF-8."),
            "nested beyond reason": ("bad_answer", None, "The answer is not complete JSON."),
            "nested beyond reason and cut": (
                "bad_answer",
                None,
                "The answer is not complete JSON.",
            ),
            "gzip that nobody unpacked": ("bad_answer", None, "The answer is not valid UTF-8."),
            "301": (
                "wrong_address",
                301,
                "The site redirected to https://moodle.example/webservice/rest/server.php. The redirect is not followed, to protect the token.",
            ),
            "302 to a login page": (
                "wrong_address",
                302,
                "The site redirected to https://sso.example/login. The redirect is not followed, to protect the token.",
            ),
            "303 to the own address": (
                "wrong_address",
                303,
                "The site redirected to https://m.example/sub/webservice/rest/server.php. The redirect is not followed, to protect the token.",
            ),
            "303 without a location": (
                "wrong_address",
                303,
                "The site redirected. The redirect is not followed, to protect the token.",
            ),
            "307 to a path": (
                "wrong_address",
                307,
                "The site redirected. The redirect is not followed, to protect the token.",
            ),
            "307 to another scheme": (
                "wrong_address",
                307,
                "The site redirected to http://m.example/. The redirect is not followed, to protect the token.",
            ),
            "307 to nonsense": (
                "wrong_address",
                307,
                "The site redirected. The redirect is not followed, to protect the token.",
            ),
            "307 with a password": (
                "wrong_address",
                307,
                "The site redirected to https://m.example/a. The redirect is not followed, to protect the token.",
            ),
            "304": (
                "wrong_address",
                304,
                "The site redirected. The redirect is not followed, to protect the token.",
            ),
            "403 without a body": (
                "web_services_off",
                403,
                "The site refuses web-service requests: web services or REST are switched off.",
            ),
            "403 with a page": (
                "bad_answer",
                403,
                "A firewall or proxy in front of Moodle answered with status 403.",
            ),
            "403 with a challenge": (
                "bad_answer",
                403,
                "A firewall or proxy in front of Moodle answered with status 403.",
            ),
            "401 with a page": (
                "bad_answer",
                401,
                "A firewall or proxy in front of Moodle answered with status 401.",
            ),
            "404": ("wrong_address", 404, "There is no Moodle web-service script at this address."),
            "404 without a body": (
                "wrong_address",
                404,
                "There is no Moodle web-service script at this address.",
            ),
            "405": (
                "bad_answer",
                405,
                "A firewall or proxy in front of Moodle answered with status 405.",
            ),
            "413": ("too_large", 413, "The web server refused the request because of its size."),
            "429": ("rate_limited", 429, "The site answered that there were too many requests."),
            "429 in 2 seconds": (
                "rate_limited",
                429,
                "The site answered that there were too many requests and asks to wait 2 seconds.",
            ),
            "429 in 600 seconds": (
                "rate_limited",
                429,
                "The site answered that there were too many requests and asks to wait 600 seconds.",
            ),
            "429 at a date": (
                "rate_limited",
                429,
                "The site answered that there were too many requests.",
            ),
            "500": ("site_error", 500, "The site answered with status 500."),
            "500 with a Moodle page": ("site_error", 500, "The site answered with status 500."),
            "502": ("site_error", 502, "The site answered with status 502."),
            "503": ("site_error", 503, "The site answered with status 503."),
            "503 of Moodle's maintenance": ("maintenance", 503, "The site is in maintenance mode."),
            "503 with a maintenance page": ("maintenance", 503, "The site is in maintenance mode."),
            "504": ("site_error", 504, "The site answered with status 504."),
            "400 with an exception": ("invalid_parameter", 400, "m"),
            "400 with a page": (
                "bad_answer",
                400,
                "A firewall or proxy in front of Moodle answered with status 400.",
            ),
            "400 with JSON of another": (
                "bad_answer",
                400,
                "A firewall or proxy in front of Moodle answered with status 400.",
            ),
            "an exception without a message": ("moodle_error", None, "x"),
            "an exception with nothing but its name": (
                "moodle_error",
                None,
                "Moodle refused the call without giving a reason.",
            ),
            "an unlisted errorcode of a known class": ("no_permission", None, "Non"),
            "an unlisted errorcode and class": ("moodle_error", None, "Non"),
            "an errorcode that is a number": ("moodle_error", None, "5"),
            "an errorcode that is a list": ("invalid_parameter", None, "[1]"),
            "half a character in a message": ("invalid_parameter", None, "x?"),
            "an exception without an errorcode": ("no_permission", None, "Non"),
            "an exception whose name has no end": ("moodle_error", None, "x"),
            "400 with an error of Moodle's": ("invalid_token", 400, "Invalid token"),
            "400 with an error of another": (
                "bad_answer",
                400,
                "A firewall or proxy in front of Moodle answered with status 400.",
            ),
            "an error with its errorcode": ("invalid_token", None, "Invalid token"),
            "an error alone": ("moodle_error", None, "Forbidden"),
            "an error in an object": ("moodle_error", None, "Forbidden"),
            "an error that only says so": (
                "moodle_error",
                None,
                "Moodle refused the call without giving a reason.",
            ),
            "errors alone": ("moodle_error", None, "Forbidden"),
            "an answer of the AJAX script": ("invalid_token", None, "Bad"),
            "a fatal error after a notice and before a line of JSON": (
                "bad_answer",
                None,
                "The answer is not complete JSON.",
            ),
            "a fatal error among notices after an answer": (
                "bad_answer",
                None,
                "The answer is not complete JSON.",
            ),
            "an exception in XML without an errorcode": ("site_error", None, "m"),
        }
    )
    assert shown == expected[case]


def test_the_hint_of_a_redirect_names_the_address_that_moodle_calls_its_own() -> None:
    assert fault(ODD["303 to the own address"])["hint"] == snapshot(
        "The operator sets MOODLE_URL to https://m.example/sub."
    )
    assert fault(ODD["302 to a login page"])["hint"] == Kind.WRONG_ADDRESS.hint


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None),
        ("", None),
        ("2", 2.0),
        (" 600 ", 600.0),
        ("0", 0.0),
        ("-1", None),
        ("1.5", None),
        ("1e9", None),
        ("9999999", None),
        ("\u0663", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_a_site_asks_for_is_a_number_of_seconds(
    given: str | None, seconds: float | None, status: int
) -> None:
    answer = Response(status, b"", retry_after=given)
    assert retry_after_seconds(answer) == seconds
    with pytest.raises(CallError) as caught:
        decode(answer)
    assert caught.value.retry_after == seconds
    assert caught.value.delivery is not Delivery.NOT_SENT


STATUSES = st.integers(100, 599)
HEADERS = st.none() | st.text(max_size=30) | st.just("http://m.example/" + "a" * 9000)


@given(STATUSES, st.binary(max_size=60), HEADERS, HEADERS, st.text(max_size=10))
def test_any_bytes_with_any_status_are_an_answer_or_a_fault(
    status: int, body: bytes, location: str | None, retry_after: str | None, reason: str
) -> None:
    total(Response(status, body, reason, location, retry_after))


PIECES = st.sampled_from([*'{}[]",:', "null", "1", "<br />", "<b>Warning</b>:", "<html>", "\n"]) | (
    st.sampled_from(['"exception"', '"errorcode"', '"message"', "<EXCEPTION>", "\ufeff", "login"])
)


@given(STATUSES, st.lists(PIECES, max_size=20).map("".join))
def test_any_mixture_of_what_sites_send_is_an_answer_or_a_fault(status: int, body: str) -> None:
    total(Response(status, body.encode()))


@given(
    STATUSES,
    st.dictionaries(
        st.sampled_from(["exception", "errorcode", "message", "error", "debuginfo"]), json_values()
    ),
)
def test_any_exception_is_a_fault_and_its_debuginfo_stays_here(
    status: int, data: dict[str, Any]
) -> None:
    secret = "SELECT s3cret"
    total(Response(status, json.dumps(data | {"debuginfo": secret}).encode()))


def total(answer: Response) -> None:
    refusal = None
    try:
        decode(answer)
    except CallError as error:
        refusal = error.fault
    if refusal is None:
        assert answer.status < 400
        return
    text = json.dumps(refusal.report(), ensure_ascii=False)
    assert "s3cret" not in text
    assert len(text.encode("utf-8")) < 5000


@given(json_values())
def test_json_comes_back_as_it_was(value: Any) -> None:
    body = json.dumps(value).encode()
    assert failure_in(value) is not None or decode(Response(200, body)).value == value


def test_a_message_has_no_debuginfo_even_where_it_repeats_a_part_of_it() -> None:
    data = {"exception": "e", "errorcode": "x", "debuginfo": "SELECT a (b) FROM c\n[array]"}
    for said in ("Bad (SELECT a (b) FROM c)", "Bad (really) (SELECT a (b) FROM c)"):
        message = moodle_fault(data | {"message": said}).message
        assert "SELECT" not in message
        assert message.startswith("Bad")
    assert moodle_fault(data | {"message": "Bad (really)"}).message == "Bad (really)"


def test_a_message_is_plain_text_on_one_line_of_bounded_length() -> None:
    assert plain("<div>Passwords&nbsp;must\n <b>be</b></div>") == "Passwords must be"
    assert len(plain("x" * 10_000)) == 501
    assert plain("a < b") == "a < b"


def test_a_fault_of_status_200_does_not_name_the_status() -> None:
    answer = Response(200, EXCEPTION)
    assert "http_status" not in fault(answer)
    assert fault(replace(answer, status=400))["http_status"] == 400


def test_what_php_itself_throws_is_a_failure_of_the_site_that_no_repeat_mends() -> None:
    thrown = {"exception": "TypeError", "errorcode": "", "message": "Argument #1 is null"}
    fault = moodle_fault(thrown)
    assert (fault.kind, fault.may_be_retried) == (Kind.SITE_ERROR, False)
    with_code = moodle_fault(thrown | {"errorcode": "invalidrecord"})
    assert (with_code.kind, with_code.may_be_retried) == (Kind.NOT_FOUND, False)
