"""Load the functions of a Moodle release from the package's data, on demand.

A data file has one line for each function: its name, a tab and its compact JSON. So loading only
splits lines, and each function is parsed when it is first used. `BASE` is described in full. The
files of the other releases contain the functions that differ, and `null` for those they lack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from typing import Final, NamedTuple

from moodle_mcp.catalogue.between import between
from moodle_mcp.catalogue.came import Came
from moodle_mcp.catalogue.classification import UNCLASSIFIED, Classifications
from moodle_mcp.catalogue.codec import function_from_json
from moodle_mcp.catalogue.descriptions import Texts
from moodle_mcp.catalogue.lookups import Lookups
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.refusals import Refusals
from moodle_mcp.catalogue.silent import Silent
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides

RELEASES: Final = ("4.1", "4.5", "5.1")
"""The releases with data, oldest first; each overlays its neighbour on the side of `BASE`."""

BASE: Final = "4.5"
"""The release whose file is complete, and the one for sites that report none."""

_GONE: Final = "null"
_VERSION = re.compile(r"(\d+)\.(\d+)")


class Neighbours(NamedTuple):
    """The releases with data next to a site's release, which may be the same one twice."""

    older: str
    newer: str

    def __str__(self) -> str:
        return self.older if self.older == self.newer else f"{self.older} to {self.newer}"


class Catalogue:
    """All functions of one Moodle release, or of one between two, with the operator's additions."""

    def __init__(
        self,
        releases: Neighbours,
        older: Mapping[str, str],
        newer: Mapping[str, str],
        overrides: SiteOverrides = NO_OVERRIDES,
    ) -> None:
        """Take the lines of both releases, which map each function's name to its compact JSON."""
        self.release = str(releases)
        self._releases = releases
        self._older = older
        self._newer = newer
        self._overrides = overrides
        self._parsed: dict[str, Function] = {}
        self._texts = Texts()
        self._classifications = Classifications()
        self._came = Came()
        self._silent = Silent()
        self._lookups = Lookups()
        self._refusals = Refusals()
        added = {*newer, *overrides.functions} - older.keys()
        self._names = sorted({*older, *added}) if added else list(older)

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in (self._older, self._newer, self._overrides.functions))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def get(self, name: str) -> Function:
        """Return the function of that name; an untyped one if it is unknown."""
        function = self._parsed.get(name)
        if function is None:
            function = self._parsed[name] = self._make(name)
        return function

    def _make(self, name: str) -> Function:
        own = self._own(name)
        function = self._overrides.joined(own, name) or own
        function = function or Function(name, component=component_of(name), typed=False)
        classification = self._classifications[name]
        if classification is UNCLASSIFIED:
            classification = self._overrides.classification(name)
        return replace(
            function,
            release=self.release,
            classification=classification,
            checks=self._silent[name].checks,
            lookup=self._lookups.get(name),
            refusals=self._refusals.of(name),
        )

    def _own(self, name: str) -> Function | None:
        """Return the function as the package's data describe it."""
        one, other = self._older.get(name), self._newer.get(name)
        older = _function(name, one)
        newer = older if one == other else _function(name, other)
        own = newer or older
        if older is not None and newer is not None and one != other:
            own = between(older, newer, self._releases, self._came[name])
        return None if own is None else replace(own, text=self._texts[name])


def _function(name: str, line: str | None) -> Function | None:
    return None if line is None else function_from_json(name, json.loads(line))


def load(release: str = BASE, overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """Load the catalogue of one of `RELEASES`."""
    return load_between(Neighbours(release, release), overrides)


def load_between(releases: Neighbours, overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """Load the catalogue for a site of one of `RELEASES`, or between two of them."""
    older = _lines(releases.older)
    newer = older if releases.newer == releases.older else _lines(releases.newer)
    return Catalogue(releases, older, newer, overrides)


def _lines(release: str) -> dict[str, str]:
    """Return the lines of one of `RELEASES`: `BASE` and what overlays it on the way there."""
    at, base = RELEASES.index(release), RELEASES.index(BASE)
    way = RELEASES[base : at + 1] if at >= base else RELEASES[at : base + 1][::-1]
    lines: dict[str, str] = {}
    for layer in way:
        lines |= _read(layer)
    return {name: lines[name] for name in sorted(lines) if lines[name] != _GONE}


class Catalogues:
    """The catalogues for all sites and users of a process, each loaded once."""

    def __init__(self, overrides: SiteOverrides = NO_OVERRIDES) -> None:
        self._overrides = overrides
        self._loaded: dict[tuple[Neighbours, bool], Catalogue] = {}

    def of(self, site_release: str | None) -> Catalogue:
        """Return the catalogue that fits a site best; `site_release` is what the site reports."""
        overrides = self._overrides.on(site_release)
        key = neighbours(site_release), overrides is self._overrides
        if key not in self._loaded:
            self._loaded[key] = load_between(key[0], overrides)
        return self._loaded[key]


def catalogue_for(site_release: str | None, overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """Return the catalogue that fits a site best; `site_release` is what the site reports."""
    return load_between(neighbours(site_release), overrides.on(site_release))


def every_name() -> list[str]:
    """Return the functions of all releases: those an operator may name before the site is known.

    They are read from the classification table, a tenth the size of the functions' data.
    """
    return sorted(Classifications())


def neighbours(site_release: str | None) -> Neighbours:
    """Return the releases in `RELEASES` that describe a site best.

    `site_release` is what the site reports, such as "4.5.6 (Build: 20250811)". A site older than
    all gets the oldest, a newer one the newest; one that reports nothing gets `BASE`.
    """
    site = numbered(site_release)
    if site is None:
        return Neighbours(BASE, BASE)
    older = [name for name in RELEASES if _number(name) <= site] or [RELEASES[0]]
    newer = [name for name in RELEASES if _number(name) >= site] or [RELEASES[-1]]
    return Neighbours(older[-1], newer[0])


def numbered(release: str | None) -> tuple[int, int] | None:
    """Return the first two numbers of a release, None if it does not begin with them."""
    match = _VERSION.match(release or "")
    return (int(match[1]), int(match[2])) if match else None


def _number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def component_of(name: str) -> str:
    """Return the component in a function's name: `local_shop` for `local_shop_get_all`.

    For functions of the core, Moodle's component is `moodle`.
    """
    kind, _, rest = name.partition("_")
    return "moodle" if kind == "core" else f"{kind}_{rest.partition('_')[0]}"


def _read(release: str) -> dict[str, str]:
    data = resources.files("moodle_mcp.catalogue") / "data" / f"functions-{release}.tsv"
    # Line by line: reading the whole file at once would take four times the memory.
    with data.open(encoding="utf-8") as rows:
        return dict(row.rstrip("\n").split("\t", 1) for row in rows)
