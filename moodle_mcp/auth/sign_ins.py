"""Sign-ins under way: what a client asks for, and how far its person has come in the browser.

They lie in the store, so every replica can show the next page. Each belongs to one browser: the
store has the hash of that browser's cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from pydantic import TypeAdapter

from moodle_mcp.auth import secret_texts
from moodle_mcp.auth.grants import ContentionError
from moodle_mcp.auth.people import Person
from moodle_mcp.store.base import Key, Kind, Store

SECONDS: Final = 900

_SIGN_INS: Final = Kind("sign_ins", SECONDS, most_entries=1, most_bytes=20_000)
_BROWSERS: Final = Kind("browsers", SECONDS, most_entries=1, most_bytes=5_000)
_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request, checked. Nobody vouches for a client that is not verified."""

    client_id: str
    client_name: str
    redirect_uri: str
    redirect_was_given: bool
    state: str | None
    challenge: str
    scopes: tuple[str, ...]
    resource: str
    refreshes: bool
    is_native: bool
    is_verified: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in. `asked` is None if the person wants to see their connections.

    `grant` is the id of the grant that it may lead to. `csrf` must be in every form of its pages.
    `launch` is the started sign-in on Moodle's own page: its address and signatures. Once the
    person is known, `moodle_token` is sealed. `answer` is the sealed redirect to the client,
    `answered` the Unix seconds when it was given.
    """

    id: str
    browser: str
    csrf: str
    grant: str
    asked: Asked | None = None
    launch: tuple[str, tuple[str, ...]] | None = None
    person: Person | None = None
    moodle_token: str | None = None
    answer: str | None = None
    answered: float = 0.0


_SIGN_IN: Final = TypeAdapter(SignIn)


class SignIns:
    """The sign-ins in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def start(self, browser: str, asked: Asked | None) -> SignIn:
        """Start a sign-in in the browser with this cookie."""
        found = SignIn(
            secret_texts.new_id(),
            secret_texts.hashed(browser),
            secret_texts.new_secret(),
            secret_texts.new_id(),
            asked,
        )
        await self._store.put(_key(found.id), _SIGN_IN.dump_json(found))
        return found

    async def find(self, number: str, browser: str | None) -> SignIn | None:
        """Return a sign-in, if it belongs to the browser with this cookie."""
        packed = await self._store.get(_key(number))
        if packed is None or browser is None:
            return None
        found = _SIGN_IN.validate_json(packed)
        return found if secret_texts.matches(browser, found.browser) else None

    async def change(self, number: str, change: Callable[[SignIn], SignIn | None]) -> SignIn | None:
        """Change a sign-in and return it. If `change` returns None, nothing is written.

        Returns None if the sign-in is gone.

        Raises:
            ContentionError: others change it all the time.
        """
        for _ in range(_TRIES):
            packed = await self._store.get(_key(number))
            if packed is None:
                return None
            found = _SIGN_IN.validate_json(packed)
            changed = change(found)
            if changed is None:
                return found
            if await self._store.swap(_key(number), packed, _SIGN_IN.dump_json(changed)):
                return changed
        raise ContentionError

    async def end(self, number: str) -> None:
        """Forget a sign-in."""
        await self._store.take(_key(number))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser whose person is known, for their own pages only."""

    person: Person
    csrf: str


_SIGNED_IN: Final = TypeAdapter(SignedIn)


class Browsers:
    """Browsers whose person is known, for 15 minutes, under the hashes of their cookies."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def sign_in(self, browser: str, person: Person) -> None:
        """Note who uses the browser with this cookie."""
        known = SignedIn(person, secret_texts.new_secret())
        await self._store.put(_browser_key(browser), _SIGNED_IN.dump_json(known))

    async def find(self, browser: str | None) -> SignedIn | None:
        """Return who uses the browser with this cookie."""
        packed = None if browser is None else await self._store.get(_browser_key(browser))
        return None if packed is None else _SIGNED_IN.validate_json(packed)

    async def sign_out(self, browser: str) -> None:
        """Forget who uses the browser."""
        await self._store.take(_browser_key(browser))


def with_person(found: SignIn, person: Person, moodle_token: str) -> SignIn | None:
    """The sign-in of a person who is known now; None if it was answered already."""
    if found.answer is not None:
        return None
    return replace(found, person=person, moodle_token=moodle_token)


def _key(number: str) -> Key:
    return Key(number, _SIGN_INS, "sign-in")


def _browser_key(browser: str) -> Key:
    return Key(secret_texts.hashed(browser), _BROWSERS, "browser")
