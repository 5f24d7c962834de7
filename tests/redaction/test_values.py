"""What ordinary reads answer with and nobody should see."""

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
    ],
)
def test_passwords_keys_and_tokens_in_addresses_are_removed(value: Any, expected: Any) -> None:
    assert without_secrets(value) == expected


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
