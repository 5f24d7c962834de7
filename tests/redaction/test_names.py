"""Names of secrets: each name of the catalogue that looks like one has a decision."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import ListOf, Node, Object
from moodle_mcp.redaction.names import STEMS, is_password_name, is_secret_name

LOOKS_SECRET = re.compile(
    "|".join([*STEMS, "hash", "auth(?!or)", "cred", "privat", "login", "sid$"])
)


def _names(node: Node | None) -> Iterator[str]:
    match node:
        case Object(keys):
            for key, child in keys.items():
                yield key
                yield from _names(child)
        case ListOf(item):
            yield from _names(item)
        case _:
            pass


def names() -> set[str]:
    """All keys of parameters and answers of all functions of all releases."""
    functions = (release.get(name) for release in map(load, RELEASES) for name in release)
    return {
        key
        for function in functions
        for tree in (function.params, function.returns)
        for key in _names(tree)
        if LOOKS_SECRET.search(key.lower())
    }


def test_every_name_of_the_catalogue_that_looks_secret_is_decided() -> None:
    found = sorted(names())
    decided = {
        "never answered": [name for name in found if is_password_name(name)],
        "secret": [name for name in found if is_secret_name(name) and not is_password_name(name)],
        "shown": [name for name in found if not is_secret_name(name)],
    }
    assert decided == snapshot(
        {
            "never answered": [
                "enrolmentkey",
                "enrolpassword",
                "guestpassword",
                "password",
                "privatetoken",
                "reg_password",
                "userprivateaccesskey",
            ],
            "secret": [
                "accesstoken",
                "apikey",
                "browserexamkey",
                "chatsid",
                "configkey",
                "qrloginkey",
                "reg_key",
                "resourcekey",
                "secret",
                "servicesalt",
                "token",
            ],
            "shown": [
                "attachmentsid",
                "auth",
                "authinstructions",
                "authloginviaemail",
                "authnoneenabled",
                "authrequest",
                "autologinurl",
                "canpostprivatereply",
                "canreadprivatereplies",
                "canreplyprivately",
                "collapsediconkey",
                "contenthash",
                "createpassword",
                "filehash",
                "forgottenpasswordurl",
                "guestlogin",
                "hash",
                "inlineattachmentsid",
                "isprivatereply",
                "key",
                "limitconcurrentlogins",
                "loginurl",
                "md5hash",
                "pagehash",
                "passwordpolicy",
                "passwordrequired",
                "preferencekey",
                "publickey",
                "publickeyset",
                "recaptchachallengehash",
                "recaptchapublickey",
                "registerauth",
                "sha1hash",
                "showloginform",
                "typeoflogin",
                "uniquehash",
                "usepassword",
            ],
        }
    )


@pytest.mark.parametrize(
    "name",
    [
        "newemailkey", "login_lockout_secret", "enrol_guest_ws_password_12", "Access token",
        "badges_email_verify_password", "repository_flickr_access_token", "sesskey", "wstoken",
        "client-secret", "apiKey", "quizpassword", "PASSWORD", "smtp_pwd", "tool.unlockkey",
    ],
)  # fmt: skip
def test_names_of_preferences_settings_and_address_parts_are_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "auth_forcepasswordchange", "create_password", "auth_manual_passwordupdatetime",
        "passwordpolicy", "minpasswordlength", "maxtokens", "prompttokens", "sort_key", "key",
        "keywords", "monkey", "name", "passinggrade", "", "key" * 100,
    ],
)  # fmt: skip
def test_what_is_only_about_secrets_is_shown(name: str) -> None:
    assert not is_secret_name(name)
