"""Choose the protocol for a site from its answers in each protocol. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import Protocol

SelfDescription: TypeAlias = SiteInfo | CallError

_NOT_THERE: Final = frozenset({Kind.WEB_SERVICES_OFF, Kind.WRONG_ADDRESS})
"""Kinds of error by which a site lacks a protocol or has it switched off."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """A site's answers in each protocol, in order of preference."""

    descriptions: Mapping[Protocol, SelfDescription]

    @property
    def answered(self) -> bool:
        """Whether the site answered in any protocol."""
        return bool(self._infos)

    @property
    def protocol(self) -> Protocol:
        """The protocol to send calls in.

        If none answered, this is the last one that exists on the site, or else the last one. The
        least preferred protocol exists on every site, and administrators know its errors.
        """
        if self._infos:
            return next(iter(self._infos))
        there = [
            each for each, described in self.descriptions.items() if not _is_missing(described)
        ]
        return (there or list(self.descriptions))[-1]

    @property
    def informant(self) -> Protocol:
        """The protocol for asking the site about itself: one that reports its functions."""
        telling = [each for each, info in self._infos.items() if info.functions is not None]
        return telling[0] if telling else self.protocol

    def info(self) -> SiteInfo:
        """Return the site's description of itself.

        Raises:
            CallError: no protocol answered; this is the error of `protocol`.
        """
        described = self.descriptions[self.informant]
        if isinstance(described, CallError):
            raise described
        return described

    @property
    def _infos(self) -> dict[Protocol, SiteInfo]:
        return {
            protocol: described
            for protocol, described in self.descriptions.items()
            if isinstance(described, SiteInfo)
        }


def _is_missing(described: SelfDescription) -> bool:
    return isinstance(described, CallError) and described.fault.kind in _NOT_THERE
