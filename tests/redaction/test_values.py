"""Secrets in the answers of ordinary reads are removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moodle_mcp.redaction.known import REMOVED
from moodle_mcp.redaction.values import MAX_DEPTH, without_secrets

KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"userprivateaccesskey": KEY}, {"userprivateaccesskey": REMOVED}),
        ([{"groups": [{"enrolmentkey": "k"}]}], [{"groups": [{"enrolmentkey": REMOVED}]}]),
        ({"password": ""}, {"password": ""}),
        ({"password": None, "id": 5}, {"password": None, "id": 5}),
        (
            f"https://m.example/webservice/pluginfile.php/1/a.txt?token={KEY}&x=1",
            f"https://m.example/webservice/pluginfile.php/1/a.txt?token={REMOVED}&x=1",
        ),
        (
            f"https://m.example/tokenpluginfile.php/{KEY}/1/a.txt",
            f"https://m.example/tokenpluginfile.php/{REMOVED}/1/a.txt",
        ),
        ("a token of thanks", "a token of thanks"),
        ({"password": 12345}, {"password": REMOVED}),
        ({"password": ["a"]}, {"password": REMOVED}),
        ({"password": True, "enrolmentkey": 0}, {"password": True, "enrolmentkey": 0}),
        (f'<a href="/f?x=1&amp;token={KEY}">f</a>', f'<a href="/f?x=1&amp;token={REMOVED}">f</a>'),
        (f"/f?next=%2Fg%3Ftoken%3D{KEY}", f"/f?next=%2Fg%3Ftoken%3D{REMOVED}"),
        (
            f"/calendar/export_execute.php?userid=5&authtoken={KEY}",
            f"/calendar/export_execute.php?userid=5&authtoken={REMOVED}",
        ),
        (json.dumps({"a": {"password": 'x"y\\z'}}), f'{{"a": {{"password": "{REMOVED}"}}}}'),
        (json.dumps({"password": "é"}), f'{{"password": "{REMOVED}"}}'),
        (json.dumps({"password": 12}), f'{{"password": "{REMOVED}"}}'),
        (
            json.dumps({"data": json.dumps({"password": 'x"y\\z', "id": 5})}),
            json.dumps({"data": json.dumps({"password": REMOVED, "id": 5})}),
        ),
        (
            [{"name": "newemailkey", "value": "k"}, {"name": "lang", "value": "en"}],
            [{"name": "newemailkey", "value": REMOVED}, {"name": "lang", "value": "en"}],
        ),
        (
            {"type": "text", "shortname": "api_key", "valueraw": "k", "displayvalue": "k"},
            {"type": "text", "shortname": "api_key", "valueraw": REMOVED, "displayvalue": REMOVED},
        ),
        ({"key": "quizpassword", "other": "k"}, {"key": "quizpassword", "other": "k"}),
        (
            json.dumps([{"name": "login_lockout_secret", "value": "k"}], separators=(",", ":")),
            f'[{{"name":"login_lockout_secret","value":"{REMOVED}"}}]',
        ),
        (
            json.dumps({"data": json.dumps([{"preference": "x_token", "value": "k"}])}),
            json.dumps({"data": json.dumps([{"preference": "x_token", "value": REMOVED}])}),
        ),
        ('M.cfg = {"sesskey":"k1k2k3k4"};', f'M.cfg = {{"sesskey":"{REMOVED}"}};'),
        (
            "{&quot;password&quot;:&quot;k&quot;,&quot;id&quot;:5}",
            f"{{&quot;password&quot;:&quot;{REMOVED}&quot;,&quot;id&quot;:5}}",
        ),
        ('cut off: "token": "k1k2', f'cut off: "token": "{REMOVED}"'),
        (
            '<input type="hidden" name="sesskey" value="k1"><input name="id" value="5">',
            f'<input type="hidden" name="sesskey" value="{REMOVED}"><input name="id" value="5">',
        ),
        (f"/login/logout.php?sesskey={KEY[:10]}#x", f"/login/logout.php?sesskey={REMOVED}#x"),
        (
            f"/rss/file.php/5/{KEY}/mod_forum/1/rss.xml",
            f"/rss/file.php/5/{REMOVED}/mod_forum/1/rss.xml",
        ),
        (
            {"accesstoken": "https://m.example/mod/lti/token.php"},
            {"accesstoken": "https://m.example/mod/lti/token.php"},
        ),
        (
            {"passwordpolicy": "At least 8", "key": "k"},
            {"passwordpolicy": "At least 8", "key": "k"},
        ),
    ],
)
def test_passwords_keys_and_tokens_in_addresses_are_removed(value: Any, expected: Any) -> None:
    assert without_secrets(value) == expected


def test_what_hands_out_keys_answers_keys_and_no_passwords() -> None:
    answer = {
        "token": KEY,
        "privatetoken": KEY,
        "reg_key": "k",
        "reg_password": "k",
        "url": f"/login?sesskey={KEY}&token={KEY}",
        "preferences": [
            {"name": "newemailkey", "value": "k"},
            {"name": "enrol_guest_ws_password_5", "value": "k"},
        ],
    }
    assert without_secrets(answer, hands_out_keys=True) == {
        "token": KEY,
        "privatetoken": REMOVED,
        "reg_key": "k",
        "reg_password": REMOVED,
        "url": f"/login?sesskey={KEY}&token={REMOVED}",
        "preferences": [
            {"name": "newemailkey", "value": "k"},
            {"name": "enrol_guest_ws_password_5", "value": REMOVED},
        ],
    }


def test_secrets_below_the_deepest_level_are_removed_too() -> None:
    deep: Any = {"password": "hidden", "url": f"/f?token={KEY}"}
    for _ in range(MAX_DEPTH):
        deep = [deep]
    text = str(without_secrets(deep))
    assert "hidden" not in text
    assert KEY not in text


def test_an_answer_too_deep_to_be_written_is_said_to_be_so() -> None:
    deep: Any = "end"
    for _ in range(100_000):
        deep = [deep]
    flat = without_secrets(deep)
    for _ in range(MAX_DEPTH):
        flat = flat[0]
    assert flat == "(nested too deeply to be shown)"


def test_an_answer_deeper_than_the_protocol_carries_becomes_text() -> None:
    deep: Any = "end"
    for _ in range(MAX_DEPTH + 50):
        deep = [deep]
    flat = without_secrets(deep)
    for _ in range(MAX_DEPTH):
        flat = flat[0]
    assert flat == "[" * 50 + '"end"' + "]" * 50
