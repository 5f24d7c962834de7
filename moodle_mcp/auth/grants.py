"""Grants: what a person has allowed a client, with the tokens that the client holds for it.

A grant is one entry of the store, so ending it takes effect at once and everywhere. The tokens lie
there as hashes, Moodle's token encrypted and bound to the grant and its person. The id of a grant
is part of its tokens, so finding it takes one read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from moodle_mcp.auth import secret_texts
from moodle_mcp.auth.people import Person
from moodle_mcp.auth.vault import Vault
from moodle_mcp.store.base import Key, Kind, Store

ACCESS_SECONDS: Final = 3600
REFRESH_SECONDS: Final = 30 * 86_400

MOST_GRANTS: Final = 50
"""Most grants of one person; a further one ends the one that was used longest ago."""

_MOST_ACCESS: Final = 4
"""Most access tokens of a grant: while a client refreshes, its other requests use the old one."""

_MOST_SPENT: Final = 40
"""Refresh tokens that are remembered after their use, to notice that they are used again."""

_USE_STEP: Final = 300
"""Seconds between two notes of when a grant was used."""

_TRIES: Final = 20

GRANTS: Final = Kind("grants", REFRESH_SECONDS, most_entries=1, most_bytes=20_000)
_OF_PERSON: Final = Kind("grants_of_person", REFRESH_SECONDS, most_entries=1, most_bytes=20_000)


class ReuseError(Exception):
    """A refresh token was used a second time; its grant has ended."""


class ContentionError(Exception):
    """Too many changes at once to one entry."""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """An access token: its hash, its end in Unix seconds, and its scopes."""

    hash: str
    end: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person has agreed to, before the client has fetched its tokens.

    `moodle_token` is sealed for `binding(person, draft's id)`; `id` becomes the grant's.
    """

    id: str
    person: Person
    client_id: str
    client_name: str
    redirect_host: str
    scopes: tuple[str, ...]
    resource: str
    moodle_token: str
    refreshes: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as it is kept. Times are in Unix seconds.

    `refresh` is the hash of the refresh token, `spent` has those of earlier ones.
    """

    draft: Draft
    made: int
    used: int
    end: int
    refresh: str | None = None
    spent: tuple[str, ...] = ()
    access: tuple[AccessEntry, ...] = ()

    @property
    def id(self) -> str:
        return self.draft.id

    @property
    def person(self) -> Person:
        return self.draft.person


class Issued(NamedTuple):
    """The tokens that a client gets; the only time that they are known."""

    grant: Grant
    access_token: str
    scopes: tuple[str, ...]
    refresh_token: str | None


class Found(NamedTuple):
    """A grant, with the scopes and the end of the token that it was found by.

    `packed` is the entry in the store. Another version of the program may have written it, so
    packing the grant again can give something else.
    """

    grant: Grant
    scopes: tuple[str, ...]
    end: int
    packed: bytes


def binding(person: Person, grant: str) -> str:
    """What the Moodle token of a grant is bound to."""
    return f"moodle token {grant} {person.owner}"


class Grants:
    """The grants in a store. `clock` is in Unix seconds."""

    def __init__(self, store: Store, vault: Vault, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    async def begin(self, draft: Draft) -> Issued:
        """Make a grant and its first tokens."""
        now = int(self._clock())
        end = now + (REFRESH_SECONDS if draft.refreshes else ACCESS_SECONDS)
        issued = _issue(Grant(draft, now, now, end), draft.scopes, now)
        await self._store.put(_key(draft.id), _packed(issued.grant))
        await self._note(draft)
        return issued

    async def of_access(self, token: str) -> Found | None:
        """The grant that an access token stands for, if both are valid."""
        kept = await self._of(token, secret_texts.ACCESS)
        if kept is None:
            return None
        for entry in kept.grant.access:
            if secret_texts.matches(token, entry.hash) and self._clock() < entry.end:
                return kept._replace(scopes=entry.scopes, end=entry.end)
        return None

    async def of_refresh(self, token: str) -> Found | None:
        """The grant that a refresh token stands for, if both are valid.

        Raises:
            ReuseError: the token was used before. Whoever used it first or now is not the client,
                so the grant has ended.
        """
        kept = await self._of(token, secret_texts.REFRESH)
        if kept is None:
            return None
        grant = kept.grant
        if any(secret_texts.matches(token, spent) for spent in grant.spent):
            await self.end(grant.id)
            raise ReuseError
        if grant.refresh is None or not secret_texts.matches(token, grant.refresh):
            return None
        return kept

    async def refresh(self, token: str, scopes: Sequence[str]) -> Issued | None:
        """Replace a refresh token and issue an access token with some of the grant's scopes.

        None if the token is not valid; of two who use it at once, one gets tokens and the grant of
        both ends.

        Raises:
            ReuseError: as for `of_refresh`.
        """
        for _ in range(_TRIES):
            found = await self.of_refresh(token)
            if found is None:
                return None
            now = int(self._clock())
            before = found.grant
            grant = replace(
                before,
                draft=self._sealed_anew(before.draft),
                spent=(*before.spent, secret_texts.hashed(token))[-_MOST_SPENT:],
                end=now + REFRESH_SECONDS,
                used=now,
            )
            issued = _issue(grant, tuple(scopes), now)
            if await self._store.swap(_key(grant.id), found.packed, _packed(issued.grant)):
                return issued
        raise ContentionError

    def moodle_token(self, grant: Grant) -> str:
        """Decrypt a grant's Moodle token.

        Raises:
            VaultError: it does not belong to this grant, or its key is gone.
        """
        return self._vault.open(grant.draft.moodle_token, bound_to=binding(grant.person, grant.id))

    async def note_use(self, found: Found) -> None:
        """Note that a grant was used just now, at most every five minutes."""
        now = int(self._clock())
        if now - found.grant.used >= _USE_STEP:
            # If somebody else changes it at the same time, the note is not worth a second try.
            used = _packed(replace(found.grant, used=now))
            await self._store.swap(_key(found.grant.id), found.packed, used)

    async def end(self, grant: str) -> Grant | None:
        """End a grant: its tokens are unknown from now on. Returns what it was."""
        packed = await self._store.take(_key(grant))
        return None if packed is None else _GRANT.validate_json(packed)

    async def of_person(self, person: Person) -> list[Grant]:
        """A person's grants, the latest used first."""
        found: list[Grant] = []
        for grant_id in _ids(await self._store.get(_index(person))):
            kept = await self._get(grant_id)
            if kept is not None and kept.grant.person.owner == person.owner:
                found.append(kept.grant)
        return sorted(found, key=lambda grant: grant.used, reverse=True)

    async def end_of_person(self, person: Person, grants: Iterable[str]) -> None:
        """End some of a person's grants; others' stay."""
        own = {grant.id for grant in await self.of_person(person)}
        for grant in own.intersection(grants):
            await self.end(grant)

    async def _note(self, draft: Draft) -> None:
        """Add a grant to its person's list, and end the grants that are too many."""
        key = _index(draft.person)
        for _ in range(_TRIES):
            before = await self._store.get(key)
            kept = await self.of_person(draft.person)
            others = [grant.id for grant in kept if grant.id != draft.id]
            ids = [draft.id, *others][:MOST_GRANTS]
            if await self._store.swap(key, before, json.dumps(ids).encode()):
                for grant in others[MOST_GRANTS - 1 :]:
                    await self.end(grant)
                return
        raise ContentionError

    async def _of(self, token: str, kind: str) -> Found | None:
        parsed = secret_texts.parsed(token, kind)
        return None if parsed is None else await self._get(parsed.grant)

    async def _get(self, grant_id: str) -> Found | None:
        packed = await self._store.get(_key(grant_id))
        if packed is None:
            return None
        grant = _GRANT.validate_json(packed)
        if self._clock() >= grant.end:
            return None
        return Found(grant, grant.draft.scopes, grant.end, packed)

    def _sealed_anew(self, draft: Draft) -> Draft:
        """The draft with Moodle's token under the current key; old keys can then be forgotten."""
        bound_to = binding(draft.person, draft.id)
        token = self._vault.open(draft.moodle_token, bound_to=bound_to)
        return replace(draft, moodle_token=self._vault.seal(token, bound_to=bound_to))


def _issue(grant: Grant, scopes: tuple[str, ...], now: int) -> Issued:
    access_token = secret_texts.new_token(secret_texts.ACCESS, grant.id)
    refresh_token = (
        secret_texts.new_token(secret_texts.REFRESH, grant.id) if grant.draft.refreshes else None
    )
    entry = AccessEntry(secret_texts.hashed(access_token), now + ACCESS_SECONDS, scopes)
    valid = [each for each in grant.access if now < each.end]
    grant = replace(
        grant,
        access=(*valid, entry)[-_MOST_ACCESS:],
        refresh=None if refresh_token is None else secret_texts.hashed(refresh_token),
    )
    return Issued(grant, access_token, scopes, refresh_token)


def _key(grant: str) -> Key:
    return Key(grant, GRANTS, "grant")


def _index(person: Person) -> Key:
    return Key(person.owner, _OF_PERSON, "ids")


def _ids(packed: bytes | None) -> list[str]:
    return [] if packed is None else json.loads(packed)


_GRANT: Final = TypeAdapter(Grant)
"""Reads and writes entries. It ignores fields that only a newer version knows."""


def _packed(grant: Grant) -> bytes:
    return _GRANT.dump_json(grant)
