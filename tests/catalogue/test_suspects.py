"""Suspects: the unusual values of a call that Moodle refused without naming one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.suspects import MAX_SUSPECTS, find_suspects
from tests.support.strategies import NAMES, TEXT, json_values

CATALOGUE = load()
CREATE = CATALOGUE.get("core_user_create_users")
SOUND = {"username": "anna", "password": "Abc-12345!", "firstname": "A", "lastname": "B"} | {
    "email": "anna@example.org"
}


def told(function: str, **arguments: Any) -> list[dict[str, Any]]:
    return [each.report() for each in find_suspects(CATALOGUE.get(function), arguments)]


USERS: dict[str, list[dict[str, Any]]] = {
    "nothing": [{}],
    "capitals": [{"username": "Anna"}],
    "other characters": [{"username": "änna b"}],
    "a bad e-mail": [{"email": "no-mail"}],
    "an e-mail without a top level": [{"email": "anna@example"}],
    "an e-mail with umlauts": [{"email": "änna@example.org"}],
    "a blank first name": [{"firstname": " "}],
    "an empty last name": [{"lastname": ""}],
    "no password": [{"password": None}],
    "an empty password": [{"password": ""}],
    "a language, a theme and an auth plugin": [{"lang": "de", "theme": "x", "auth": "ldap"}],
    "a date for a profile field": [{"customfields": [{"type": "born", "value": "2000-01-31"}]}],
    "a secret profile field": [{"customfields": [{"type": "wifi_password", "value": " x "}]}],
    "white space around a password": [{"password": " Abc-12345! "}],
    "the same user name twice": [{}, {"email": "b@example.org"}],
    "the same e-mail twice": [{}, {"username": "berta", "email": "ANNA@example.org"}],
    "white space around an id number": [{"idnumber": " 5 "}],
}


@pytest.mark.parametrize("case", USERS)
def test_what_is_unusual_about_users_is_told(case: str) -> None:
    users = [
        {key: value for key, value in (SOUND | changes).items() if value is not None}
        for changes in USERS[case]
    ]
    expected = snapshot(
        {
            "nothing": [
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "capitals": [
                {
                    "path": "users[0].username",
                    "problem": "has capitals; Moodle takes user names in lower case",
                    "value": "Anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "other characters": [
                {
                    "path": "users[0].username",
                    "problem": "has characters other than a-z, 0-9 and . _ - @, which Moodle accepts only if the site allows extended user names",
                    "value": "änna b",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "a bad e-mail": [
                {
                    "path": "users[0].email",
                    "problem": "is not an e-mail address that Moodle accepts",
                    "value": "no-mail",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
            ],
            "an e-mail without a top level": [
                {
                    "path": "users[0].email",
                    "problem": "is not an e-mail address that Moodle accepts",
                    "value": "anna@example",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
            ],
            "an e-mail with umlauts": [
                {
                    "path": "users[0].email",
                    "problem": "is not an e-mail address that Moodle accepts",
                    "value": "änna@example.org",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
            ],
            "a blank first name": [
                {"path": "users[0].firstname", "problem": "is blank", "value": " "},
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "an empty last name": [
                {"path": "users[0].lastname", "problem": "is blank", "value": ""},
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "no password": [
                {
                    "path": "users[0].password",
                    "problem": "is missing, and createpassword is not set",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "an empty password": [
                {
                    "path": "users[0].password",
                    "problem": "is missing, and createpassword is not set",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "a language, a theme and an auth plugin": [
                {
                    "path": "users[0].lang",
                    "problem": "must be a language that is installed on the site",
                    "value": "de",
                },
                {
                    "path": "users[0].theme",
                    "problem": "must be a theme that is installed on the site",
                    "value": "x",
                },
                {
                    "path": "users[0].auth",
                    "problem": "must be an authentication plugin that is installed on the site",
                    "value": "ldap",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "a date for a profile field": [
                {
                    "path": "users[0].customfields[0].value",
                    "problem": "is a date; a date field takes Unix seconds",
                    "value": "2000-01-31",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "a secret profile field": [
                {
                    "path": "users[0].customfields[0].value",
                    "problem": "begins or ends with white space",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "white space around a password": [
                {"path": "users[0].password", "problem": "begins or ends with white space"},
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
            "the same user name twice": [
                {
                    "path": "users[1].username",
                    "problem": "is the same as users[0].username",
                    "value": "anna",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
                {
                    "path": "users[1].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "b@example.org",
                },
            ],
            "the same e-mail twice": [
                {
                    "path": "users[1].email",
                    "problem": "is the same as users[0].email",
                    "value": "ANNA@example.org",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
                {
                    "path": "users[1].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "berta",
                },
            ],
            "white space around an id number": [
                {
                    "path": "users[0].idnumber",
                    "problem": "begins or ends with white space",
                    "value": " 5 ",
                },
                {
                    "path": "users[0].username",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna",
                },
                {
                    "path": "users[0].email",
                    "problem": "may already belong to another user; check with core_user_get_users_by_field",
                    "value": "anna@example.org",
                },
            ],
        }
    )
    assert told("core_user_create_users", users=users) == expected[case]


def test_a_blank_at_the_edge_of_a_look_up_is_told() -> None:
    values = ["a@example.org", "b@example.org "]
    assert told("core_user_get_users_by_field", field="email", values=values) == snapshot(
        [
            {
                "path": "values[1]",
                "problem": "begins or ends with white space",
                "value": "b@example.org ",
            }
        ]
    )
    criteria = [{"key": "email", "value": "b@example.org "}]
    assert told("core_user_get_users", criteria=criteria) == snapshot(
        [
            {
                "path": "criteria[0].value",
                "problem": "begins or ends with white space",
                "value": "b@example.org ",
            }
        ]
    )


def test_only_items_that_failed_are_suspected() -> None:
    users = [SOUND | {"username": name} for name in ("A", "b", "C")]
    found = find_suspects(CREATE, {"users": users}, [2])
    assert [each.path for each in found] == ["users[2].username", "users[2].email"]


def test_at_most_twenty_are_listed_and_the_odd_come_first() -> None:
    users = [SOUND | {"lang": "de", "username": f"u{n}", "email": f"u{n}@x.org"} for n in range(99)]
    users[98]["email"] = "no-mail"
    found = find_suspects(CREATE, {"users": users})
    assert len(found) == MAX_SUSPECTS
    assert (found[0].path, found[1].path) == ("users[98].email", "users[0].lang")


def test_a_function_that_nobody_has_described_is_looked_at_too() -> None:
    free = Function("local_shop_order", typed=False)
    arguments = {"orders": [{"email": "no-mail", "token": "geheim "}]}
    assert [each.report() for each in find_suspects(free, arguments)] == snapshot(
        [
            {
                "path": "orders[0].email",
                "problem": "is not an e-mail address that Moodle accepts",
                "value": "no-mail",
            },
            {"path": "orders[0].token", "problem": "begins or ends with white space"},
        ]
    )


@given(st.sampled_from(sorted(CATALOGUE)), st.dictionaries(NAMES | TEXT, json_values(), max_size=3))
def test_any_arguments_can_be_looked_at(name: str, arguments: dict[str, Any]) -> None:
    found = find_suspects(CATALOGUE.get(name), arguments)
    json.dumps([each.report() for each in found]).encode()
    assert len(found) <= MAX_SUSPECTS


@given(st.text("ab0 ", min_size=4), st.sampled_from(["password", "wstoken", "quizpassword"]))
def test_the_value_of_a_secret_is_never_told(secret: str, key: str) -> None:
    free = Function("local_shop_order", typed=False)
    for arguments in ({key: f" {secret}"}, {"pairs": [{"name": key, "value": f" {secret}"}]}):
        (suspect,) = find_suspects(free, arguments)
        assert suspect.value is None
