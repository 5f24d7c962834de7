"""OAuth clients: those with a metadata document, and those that registered themselves.

A registration is not kept: the client's id is what was registered, sealed. So nobody can fill the
store by registering, and every replica knows every client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import InvalidRedirectUriError, OAuthClientInformationFull
from pydantic import AnyUrl, ValidationError

from moodle_mcp.auth import redirects
from moodle_mcp.auth.vault import Vault, VaultError
from moodle_mcp.invisible import without_invisible

MOST_NAME: Final = 80
MOST_REDIRECTS: Final = 10
MOST_SEALED: Final = 2_000
"""Most bytes of a registration; its sealed form is part of URLs."""

_PREFIX: Final = "mcr."
_BOUND_TO: Final = "registered client"


class Client(OAuthClientInformationFull):
    """A public client. PKCE takes the place of a secret, which such clients could not keep.

    `described_by_itself` is False if nothing ties the client to the host of its id.
    """

    described_by_itself: bool = False

    @property
    def uris(self) -> list[str]:
        """The registered redirect URIs, spelt as pydantic spells those of requests."""
        return [str(AnyUrl(str(uri))) for uri in self.redirect_uris or []]

    @property
    def name(self) -> str:
        """The name that the client gave itself; never trusted."""
        return self.client_name or self.client_id[:MOST_NAME]

    @property
    def is_native(self) -> bool:
        """Whether all redirects stay on the person's machine, where any program could use them."""
        return all(map(redirects.is_on_this_machine, self.uris))

    @property
    def refreshes(self) -> bool:
        """Whether the client can use refresh tokens."""
        return "refresh_token" in self.grant_types

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        if redirect_uri is None and len(self.uris) == 1:
            return AnyUrl(self.uris[0])
        if redirect_uri is None or not redirects.is_registered(str(redirect_uri), self.uris):
            raise InvalidRedirectUriError("This redirect URI is not one of the client's.")
        return redirect_uri


class Documents(Protocol):
    """Finds clients by the address of their metadata document."""

    async def client(self, url: str) -> Client | None:
        """Return the client that a document describes; None if there is no such document."""
        ...


class Clients:
    """All clients."""

    def __init__(self, vault: Vault, documents: Documents) -> None:
        self._vault = vault
        self._documents = documents

    async def find(self, client_id: str) -> Client | None:
        """Return a client by its id; None if it is unknown."""
        if client_id.startswith(_PREFIX):
            return self._registered(client_id)
        if client_id.startswith("https://"):
            return await self._documents.client(client_id)
        return None

    def register(self, asked: OAuthClientInformationFull) -> None:
        """Register a client by giving it its id. It becomes a public client.

        Raises:
            RegistrationError: its metadata is not acceptable.
        """
        kept = client_metadata(asked.model_dump(mode="json", exclude_none=True))
        text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > MOST_SEALED:
            raise RegistrationError("invalid_client_metadata", "the metadata is too long")
        # RFC 7591 section 3.2.1: the server may substitute what the client asked for.
        asked.client_id = _PREFIX + self._vault.seal(text, bound_to=_BOUND_TO)
        asked.client_secret = asked.client_secret_expires_at = None
        asked.token_endpoint_auth_method = "none"  # noqa: S105 - a method, not a secret
        asked.client_name = kept.get("client_name")
        asked.scope = None

    def _registered(self, client_id: str) -> Client | None:
        try:
            text = self._vault.open(client_id.removeprefix(_PREFIX), bound_to=_BOUND_TO)
        except VaultError:
            return None
        return client_of(client_id, json.loads(text))


def client_of(client_id: str, metadata: Mapping[str, Any], **more: Any) -> Client:
    """The client that checked metadata describes."""
    return Client.model_validate(
        {
            **metadata,
            "client_id": client_id,
            "token_endpoint_auth_method": "none",
            **more,
        }
    )


def client_metadata(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check a client's metadata and return the part that is needed.

    Raises:
        RegistrationError: it is not acceptable.
    """
    uris = given.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= MOST_REDIRECTS:  # type: ignore[arg-type]
        raise RegistrationError(
            "invalid_redirect_uri", f"redirect_uris must have 1 to {MOST_REDIRECTS} URIs"
        )
    checked = [str(uri) for uri in uris]  # type: ignore[misc]
    for uri in checked:
        if problem := redirects.problem_of(uri):
            raise RegistrationError("invalid_redirect_uri", f"a redirect URI {problem}")
    method = given.get("token_endpoint_auth_method")
    if method == "private_key_jwt":
        raise RegistrationError("invalid_client_metadata", "private_key_jwt is not supported")
    grants = given.get("grant_types") or ["authorization_code"]
    if not isinstance(grants, list) or "authorization_code" not in grants:
        raise RegistrationError("invalid_client_metadata", "grant_types lacks authorization_code")
    name = given.get("client_name")
    kept: dict[str, Any] = {
        "redirect_uris": checked,
        "grant_types": [each for each in ("authorization_code", "refresh_token") if each in grants],
    }
    if isinstance(name, str) and (shown := shown_name(name)):
        kept["client_name"] = shown
    try:
        client_of("checked", kept)
    except ValidationError:
        raise RegistrationError("invalid_redirect_uri", "a redirect URI is no URI") from None
    return kept


def shown_name(name: str) -> str:
    """A name as it may be shown: on one line, visible, and not too long."""
    return " ".join(without_invisible(name).split())[:MOST_NAME]
