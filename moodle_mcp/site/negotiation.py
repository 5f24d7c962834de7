"""Which protocol to use on a site that was asked about itself in several: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import Protocol

SelfDescription: TypeAlias = SiteInfo | CallError

_NOT_THERE: Final = frozenset({Kind.WEB_SERVICES_OFF, Kind.WRONG_ADDRESS})
"""Faults that mean that the site does not have a protocol, or does not have it on."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What a site answered in each protocol, the preferred one first."""

    descriptions: Mapping[Protocol, SelfDescription]

    @property
    def answered(self) -> bool:
        """Whether the site answered in one of them."""
        return bool(self._infos)

    @property
    def protocol(self) -> Protocol:
        """The protocol to send calls in.

        Where none answered, the last that is there at all, or the last: the protocol that every
        site has is the least preferred one, and its error is the one that administrators know.
        """
        if self._infos:
            return next(iter(self._infos))
        there = [
            each for each, described in self.descriptions.items() if not _is_missing(described)
        ]
        return (there or list(self.descriptions))[-1]

    @property
    def informant(self) -> Protocol:
        """The protocol in which to ask the site about itself: one that tells its functions."""
        telling = [each for each, info in self._infos.items() if info.functions is not None]
        return telling[0] if telling else self.protocol

    def info(self) -> SiteInfo:
        """What the site said of itself.

        Raises:
            CallError: it answered in none; the error is that of `protocol`.
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
