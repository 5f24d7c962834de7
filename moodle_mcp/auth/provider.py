"""The part of the authorization server that the MCP SDK's endpoints call."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    TokenError,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl, Field

from moodle_mcp.auth.clients import Client, Clients
from moodle_mcp.auth.codes import Codes, UsedError
from moodle_mcp.auth.grants import ACCESS_SECONDS, Draft, Found, Grants, Issued, ReuseError
from moodle_mcp.auth.vault import Vault

log = logging.getLogger(__name__)


class DraftCode(AuthorizationCode):
    """An authorization code with what the person agreed to."""

    draft: Draft = Field(repr=False)


class GrantToken(AccessToken):
    """An access token with the grant that it stands for."""

    found: Found = Field(repr=False, exclude=True)
    is_from_memory: bool = False
    """The store did not answer, and this was true a few minutes ago."""


@dataclass(frozen=True)
class Provider(OAuthAuthorizationServerProvider[DraftCode, RefreshToken, GrantToken]):
    """Issues, refreshes, verifies and revokes tokens."""

    issuer: str
    clients: Clients
    codes: Codes
    grants: Grants
    vault: Vault

    async def get_client(self, client_id: str) -> Client | None:
        return await self.clients.find(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients.register(client_info)

    async def authorize(
        self, client: OAuthClientInformationFull, params: AuthorizationParams
    ) -> str:
        """The server has an endpoint of its own for this: it shows errors to people."""
        raise NotImplementedError

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> DraftCode | None:
        """Use up a code. Whatever else is wrong with the request, the code is gone."""
        try:
            code = await self.codes.use(authorization_code)
        except UsedError as error:
            # Somebody else has the code: what it led to must not stay (RFC 6749 section 4.1.2).
            if await self.grants.end(error.grant) is not None:
                log.warning("an authorization code was used twice; its grant has ended")
            return None
        if code is None:
            return None
        draft = code.draft
        return DraftCode(
            code=authorization_code,
            scopes=list(draft.scopes),
            expires_at=code.end,
            client_id=draft.client_id,
            code_challenge=code.challenge,
            redirect_uri=AnyUrl(code.redirect_uri),
            redirect_uri_provided_explicitly=code.redirect_was_given,
            resource=draft.resource,
            subject=self.subject(draft),
            draft=draft,
        )

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: DraftCode
    ) -> OAuthToken:
        return _answer(await self.grants.begin(authorization_code.draft))

    async def load_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: str
    ) -> RefreshToken | None:
        try:
            found = await self.grants.of_refresh(refresh_token)
        except ReuseError:
            log.warning("a refresh token was used twice; its grant has ended")
            return None
        if found is None:
            return None
        draft = found.grant.draft
        return RefreshToken(
            token=refresh_token,
            client_id=draft.client_id,
            scopes=list(draft.scopes),
            expires_at=found.end,
            resource=draft.resource,
            subject=self.subject(draft),
        )

    async def exchange_refresh_token(
        self,
        client: OAuthClientInformationFull,
        refresh_token: RefreshToken,
        scopes: list[str],
    ) -> OAuthToken:
        try:
            issued = await self.grants.refresh(refresh_token.token, scopes)
        except ReuseError:
            log.warning("a refresh token was used twice at once; its grant has ended")
            issued = None
        if issued is None:
            raise TokenError("invalid_grant", "refresh token does not exist")
        return _answer(issued)

    async def load_access_token(self, token: str) -> GrantToken | None:
        found = await self.grants.of_access(token)
        if found is None:
            return None
        draft = found.grant.draft
        return GrantToken(
            token=token,
            client_id=draft.client_id,
            scopes=list(found.scopes),
            expires_at=found.end,
            resource=draft.resource,
            subject=self.subject(draft),
            claims={"iss": self.issuer},
            found=found,
        )

    async def verify_token(self, token: str) -> GrantToken | None:
        """Return what a bearer token stands for; None if it is not valid."""
        return await self.load_access_token(token)

    async def revoke_token(self, token: GrantToken | RefreshToken) -> None:
        """End the grant of a token, with all its tokens."""
        if isinstance(token, GrantToken):
            await self.grants.end(token.found.grant.id)
            return
        try:
            found = await self.grants.of_refresh(token.token)
        except ReuseError:
            return
        if found is not None:
            await self.grants.end(found.grant.id)

    def subject(self, draft: Draft) -> str:
        """The person in tokens and logs: always the same, but it does not say who."""
        return self.vault.pseudonym(draft.person.owner)


def _answer(issued: Issued) -> OAuthToken:
    return OAuthToken(
        access_token=issued.access_token,
        expires_in=ACCESS_SECONDS,
        scope=" ".join(issued.scopes),
        refresh_token=issued.refresh_token,
    )
