"""The authorization endpoint: checks a client's request and begins a sign-in.

The SDK's own endpoint takes a missing `code_challenge_method` for S256, though the standard says
`plain`, and answers people with JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from mcp.server.auth.provider import AuthorizationErrorCode, AuthorizeError
from mcp.shared.auth import InvalidRedirectUriError
from pydantic import AnyUrl, ValidationError

from moodle_mcp.auth import redirects, scopes
from moodle_mcp.auth.clients import Client, Clients
from moodle_mcp.auth.sign_ins import Asked
from moodle_mcp.catalogue.classification import Access

MOST_STATE: Final = 2_000

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class UnknownClientError(Exception):
    """The client is unknown, or the redirect is not one of its own: nobody may be sent there."""


class RefusedError(Exception):
    """The request is refused; the client learns why at `redirect`."""

    def __init__(self, redirect: str) -> None:
        super().__init__("the request is refused")
        self.redirect = redirect


@dataclass(frozen=True, slots=True)
class Rules:
    """What this server grants: its issuer, its resource, and the most access."""

    issuer: str
    resource: str
    most: Access


async def checked(clients: Clients, rules: Rules, given: list[tuple[str, str]]) -> Asked:
    """Check an authorization request, a list of parameters and values.

    Raises:
        UnknownClientError: the person must be told.
        RefusedError: the client must be told.
    """
    values = dict(given)
    client, redirect, was_given = await _client(clients, given, values)
    try:
        _check_once(given)
        return Asked(
            client_id=client.client_id,
            client_name=client.name,
            redirect_uri=redirect,
            redirect_was_given=was_given,
            state=_state(values),
            challenge=_challenge(values),
            scopes=_scopes(values, rules.most),
            resource=_resource(given, rules.resource),
            refreshes=client.refreshes,
            is_native=client.is_native,
            is_verified=client.described_by_itself,
        )
    except AuthorizeError as error:
        raise RefusedError(refusal(rules, redirect, values.get("state"), error)) from None


def refusal(rules: Rules, redirect: str, state: str | None, error: AuthorizeError) -> str:
    """The redirect that tells a client of an error."""
    problem = {"error": error.error, "error_description": error.error_description}
    return answer(rules, redirect, state, {key: text for key, text in problem.items() if text})


def answer(rules: Rules, redirect: str, state: str | None, result: Mapping[str, str]) -> str:
    """The redirect with a result, the client's state, and who answers (RFC 9207)."""
    parts = urlsplit(redirect)
    added = urlencode(
        {**result, **({} if state is None else {"state": state}), "iss": rules.issuer}
    )
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def is_resource(given: str, resource: str) -> bool:
    """Whether a resource indicator names this server; case and a last slash do not matter."""
    return _canonical(given) == _canonical(resource)


async def _client(
    clients: Clients, given: list[tuple[str, str]], values: Mapping[str, str]
) -> tuple[Client, str, bool]:
    names = [name for name, _ in given]
    if names.count("client_id") != 1 or names.count("redirect_uri") > 1:
        raise UnknownClientError
    client = await clients.find(values["client_id"])
    if client is None:
        raise UnknownClientError
    asked = values.get("redirect_uri")
    try:
        uri = client.validate_redirect_uri(None if asked is None else AnyUrl(asked))
    except (InvalidRedirectUriError, ValidationError):
        raise UnknownClientError from None
    if redirects.problem_of(str(uri)):
        raise UnknownClientError
    return client, str(uri), asked is not None


def _check_once(given: list[tuple[str, str]]) -> None:
    names = [name for name, _ in given if name != "resource"]
    if len(names) != len(set(names)):
        raise _invalid("a parameter is given twice")


def _state(values: Mapping[str, str]) -> str | None:
    state = values.get("state")
    if state is not None and len(state) > MOST_STATE:
        raise _invalid(f"state has more than {MOST_STATE} characters")
    return state


def _challenge(values: Mapping[str, str]) -> str:
    if values.get("response_type") != "code":
        raise AuthorizeError("unsupported_response_type", "response_type must be code")
    if values.get("code_challenge_method") != "S256":
        raise _invalid("code_challenge_method must be S256")
    challenge = values.get("code_challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise _invalid("code_challenge must be a SHA-256 in base64url")
    return challenge


def _scopes(values: Mapping[str, str], most: Access) -> tuple[str, ...]:
    asked = values.get("scope", "").split()
    found = scopes.known(asked, most) if asked else scopes.scopes_up_to(Access.READ)
    if scopes.access_of(found) is None:
        raise AuthorizeError("invalid_scope", "ask for moodle:read, moodle:write or more")
    return found


def _resource(given: list[tuple[str, str]], resource: str) -> str:
    """The resource that tokens will be for: there is only one, which older clients do not name."""
    named = [value for name, value in given if name == "resource"]
    if not all(is_resource(each, resource) for each in named):
        raise AuthorizeError("invalid_target", "the resource is not this server")
    return resource


def _invalid(problem: str) -> AuthorizeError:
    code: AuthorizationErrorCode = "invalid_request"
    return AuthorizeError(code, problem)


def _canonical(url: str) -> str:
    try:
        return str(AnyUrl(url)).removesuffix("/")
    except ValidationError:
        return ""
