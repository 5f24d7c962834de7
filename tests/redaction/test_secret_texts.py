"""Which texts among a call's arguments are secrets."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_mcp.redaction.arguments import secret_texts, without_secret_arguments
from moodle_mcp.redaction.known import REMOVED, Secrets
from moodle_mcp.redaction.values import without_secrets


@pytest.mark.parametrize(
    ("arguments", "secrets"),
    [
        ({"users": [{"username": "anna", "password": "Gr8Wolke"}]}, ["Gr8Wolke"]),
        ({"preferences": [{"name": "newemailkey", "value": "Gr8Wolke"}]}, ["Gr8Wolke"]),
        ({"a": {"secret": ["x1", {"y": 22}]}, "b": {"secret": "x1"}}, ["x1", "22"]),
        ({"users": [{"username": "teacher1", "password": "Teacher1"}]}, []),
        ({"groups": [{"name": "Algebra 2026", "enrolmentkey": "Algebra 2026"}]}, []),
    ],
)
def test_a_secret_is_what_stands_under_a_secrets_name_and_nowhere_openly(
    arguments: Any, secrets: list[str]
) -> None:
    assert list(secret_texts(arguments)) == secrets


def test_an_answer_names_its_items_where_a_password_is_the_user_name() -> None:
    arguments = {
        "users": [
            {"username": "teacher1", "password": "teacher1"},
            {"username": "teacher2", "password": "Gr8Wolke"},
        ]
    }
    known = Secrets(arguments=secret_texts(arguments))
    answer = [{"id": 5, "username": "teacher1"}, {"id": 6, "username": "teacher2 Gr8Wolke"}]
    assert without_secrets(answer, known) == [
        {"id": 5, "username": "teacher1"},
        {"id": 6, "username": f"teacher2 {REMOVED}"},
    ]
    assert "Gr8Wolke" not in str(without_secret_arguments(arguments))
    assert "'password': 'teacher1'" not in str(without_secret_arguments(arguments))
