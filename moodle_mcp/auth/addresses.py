"""Resolve host names for requests to addresses that strangers choose (SSRF)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Final, TypeAlias

import anyio

Allowed: TypeAlias = Callable[[str], bool]
"""Whether a request may go to an IP address."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_CLOUDS: Final = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24")))
"""Addresses that count as public, and at which clouds tell their machines secrets."""


class NotPublicError(Exception):
    """The name does not exist, or leads to an address that is not public."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also if it wraps an IPv4 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if wrapped is None and parsed in _NAT64:
            wrapped = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    special = parsed.is_multicast or any(parsed in network for network in _CLOUDS)
    return parsed.is_global and not special


async def resolve(host: str, port: int, allowed: Allowed = is_public) -> str:
    """Return an IP address of a host. The request must go to it, and not to the name again.

    Raises:
        NotPublicError: the name is unknown, or one of its addresses is not allowed.
    """
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotPublicError("the host is unknown") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(allowed, addresses)):
        raise NotPublicError("the host is not public")
    return addresses[0]
