"""What ordinary reads answer with and nobody should see."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.catalogue.secrets import MAX_DEPTH, REMOVED, without_secrets

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
    ],
)
def test_passwords_keys_and_tokens_in_addresses_are_removed(value: Any, expected: Any) -> None:
    assert without_secrets(value) == expected


def test_an_answer_deeper_than_the_protocol_carries_becomes_text() -> None:
    deep: Any = "end"
    for _ in range(MAX_DEPTH + 50):
        deep = [deep]
    flat = without_secrets(deep)
    for _ in range(MAX_DEPTH):
        flat = flat[0]
    assert flat == "[" * 50 + '"end"' + "]" * 50
