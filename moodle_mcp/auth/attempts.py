"""Limits of what strangers may try: sign-ins, registrations, authorization requests.

The counts are in the store, so they hold across replicas.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from moodle_mcp.auth.secret_texts import hashed
from moodle_mcp.store.base import Key, Kind, Store

ACCOUNT: Final = 8
"""Most sign-ins of an account in a row, within `WINDOW` seconds; a right password begins anew."""

ADDRESS: Final = 300
"""Most sign-ins from an address within `WINDOW` seconds; an institution may have one for all."""

WINDOW: Final = 600

REGISTRATIONS: Final = 60
"""Most registrations of clients from an address within an hour."""

REQUESTS: Final = 600
"""Most authorization requests from an address within `WINDOW` seconds."""


def _kind(name: str, seconds: float) -> Kind:
    return Kind(name, seconds, most_entries=1, most_bytes=100)


_ACCOUNTS: Final = _kind("sign_ins_of_account", WINDOW)
_ADDRESSES: Final = _kind("sign_ins_of_address", WINDOW)
_REGISTRATIONS: Final = _kind("registrations_of_address", 3600)
_REQUESTS: Final = _kind("authorizations_of_address", WINDOW)


class Attempts:
    """Counts attempts. Each is counted before it is made, so that many at once are all counted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def may_sign_in(self, address: str, account: str) -> bool:
        """Whether one more sign-in may be tried; the account need not exist."""
        of_address = await self._count(_ADDRESSES, network(address))
        of_account = await self._count(_ACCOUNTS, _account(account))
        return of_address <= ADDRESS and of_account <= ACCOUNT

    async def signed_in(self, account: str) -> None:
        """Forget an account's attempts after a right password."""
        await self._store.take(Key(_account(account), _ACCOUNTS, "count"))

    async def may_paste(self, address: str) -> bool:
        """Whether one more link may be pasted."""
        return await self._count(_ADDRESSES, network(address)) <= ADDRESS

    async def may_register(self, address: str) -> bool:
        """Whether one more client may register."""
        return await self._count(_REGISTRATIONS, network(address)) <= REGISTRATIONS

    async def may_authorize(self, address: str) -> bool:
        """Whether one more authorization may be asked for."""
        return await self._count(_REQUESTS, network(address)) <= REQUESTS

    async def _count(self, kind: Kind, owner: str) -> int:
        return await self._store.increment(Key(owner, kind, "count"))


def network(address: str) -> str:
    """The network whose attempts count together: one IPv4 address, or a /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _account(name: str) -> str:
    # Moodle's user names are in lower case (read in the source of 4.5.6), whatever is typed.
    return hashed(name.strip().casefold())
