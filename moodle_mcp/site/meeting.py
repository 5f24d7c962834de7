"""Which protocol to use on a site that was asked about itself in several: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.site.protocol import Protocol

Greeting: TypeAlias = SiteInfo | CallError

_NOT_THERE: Final = frozenset({Kind.WEB_SERVICES_OFF, Kind.WRONG_ADDRESS})
"""Faults that mean that the site does not have a protocol, or does not have it on."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a site answered in each protocol, the preferred one first."""

    greetings: Mapping[Protocol, Greeting]

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
        there = [each for each, greeting in self.greetings.items() if not _is_missing(greeting)]
        return (there or list(self.greetings))[-1]

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
        greeting = self.greetings[self.informant]
        if isinstance(greeting, CallError):
            raise greeting
        return greeting

    @property
    def _infos(self) -> dict[Protocol, SiteInfo]:
        return {
            protocol: greeting
            for protocol, greeting in self.greetings.items()
            if isinstance(greeting, SiteInfo)
        }


def _is_missing(greeting: Greeting) -> bool:
    return isinstance(greeting, CallError) and greeting.fault.kind in _NOT_THERE
