"""Sign in to the operator's Moodle, and learn who signed in.

The address is the operator's alone: nothing that a client or a browser sends changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from moodle_mcp.auth.people import Person
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.address import Address
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.login import Launch, launch, token_for_password
from moodle_mcp.site.protocol import Protocol
from moodle_mcp.site.session import SiteSession

MOST_TYPED: Final = 1_000
"""Most characters of a user name, a password or a pasted link."""


class WrongPasswordError(Exception):
    """The user name or the password is wrong, or Moodle has locked the account."""


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """A person and their token."""

    person: Person
    token: SecretStr


@dataclass(frozen=True, slots=True)
class MoodleSignIn:
    """Signs people in to one site. `service` is the short name of a web service."""

    address: Address
    protocols: tuple[Protocol, ...]
    service: str
    user_agent: str

    async def with_password(self, username: str, password: SecretStr) -> SignedInPerson:
        """Sign in with a user name and a password.

        Raises:
            WrongPasswordError: Moodle refused them.
            CallError: Moodle did not answer, or has no token for this person.
        """
        try:
            token = await token_for_password(
                self.address, username, password, self.service, user_agent=self.user_agent
            )
        except CallError as error:
            if error.fault.kind is Kind.INVALID_TOKEN:
                raise WrongPasswordError from None
            raise
        return await self._identified(token)

    async def start(self) -> Launch:
        """Start a sign-in on Moodle's own page.

        Raises:
            CallError: the site does not offer it or did not answer.
        """
        return await launch(self.address, self.service, user_agent=self.user_agent)

    async def with_link(self, started: Launch, link: str) -> SignedInPerson:
        """Sign in with the link from Moodle's own page.

        Raises:
            CallError: it is no such link, or answers another sign-in, or Moodle did not answer.
        """
        return await self._identified(started.token_in(link))

    async def _identified(self, token: SecretStr) -> SignedInPerson:
        session = SiteSession(
            Connection(self.address, token, self.protocols), user_agent=self.user_agent
        )
        try:
            info = await session.info()
        finally:
            await session.aclose()
        return SignedInPerson(Person(self.address.base, info.user_id, info.user_full_name), token)
