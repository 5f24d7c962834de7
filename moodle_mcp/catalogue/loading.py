"""Load the functions of a Moodle release from the package's data, on demand.

A data file has one line for each function: its name, a tab and its compact JSON. So loading only
splits lines, and each function is parsed when it is first used. Releases after the first are
overlays: their files contain the functions that differ, and `null` for removed ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from typing import Final

from moodle_mcp.catalogue.classification import UNCLASSIFIED, Classifications
from moodle_mcp.catalogue.codec import function_from_json
from moodle_mcp.catalogue.descriptions import Texts
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides

RELEASES: Final = ("4.5", "5.1")
"""The releases with data, oldest first; each overlays those before it."""

_GONE: Final = "null"
_VERSION = re.compile(r"(\d+)\.(\d+)")


class Catalogue:
    """All functions of one Moodle release, with the operator's additions."""

    def __init__(
        self, release: str, lines: Mapping[str, str], overrides: SiteOverrides = NO_OVERRIDES
    ) -> None:
        """Take `lines`, which map each function's name to its compact JSON text."""
        self.release = release
        self._lines = lines
        self._overrides = overrides
        self._parsed: dict[str, Function] = {}
        self._texts = Texts()
        self._classifications = Classifications()
        added = overrides.functions.keys() - lines.keys()
        self._names = sorted({*lines, *added}) if added else list(lines)

    def __contains__(self, name: object) -> bool:
        return name in self._lines or name in self._overrides.functions

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
        return replace(function, release=self.release, classification=classification)

    def _own(self, name: str) -> Function | None:
        """Return the function as the package's data describe it."""
        line = self._lines.get(name)
        if line is None:
            return None
        return replace(function_from_json(name, json.loads(line)), text=self._texts[name])


def load(release: str = RELEASES[0], overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """Load the catalogue of one of `RELEASES`."""
    lines: dict[str, str] = {}
    for layer in RELEASES[: RELEASES.index(release) + 1]:
        lines |= _read(layer)
    here = {name: lines[name] for name in sorted(lines) if lines[name] != _GONE}
    return Catalogue(release, here, overrides)


class Catalogues:
    """The catalogues for all sites and users of a process, each loaded once."""

    def __init__(self, overrides: SiteOverrides = NO_OVERRIDES) -> None:
        self._overrides = overrides
        self._loaded: dict[tuple[str, bool], Catalogue] = {}

    def of(self, site_release: str | None) -> Catalogue:
        """Return the catalogue that fits a site best; `site_release` is what the site reports."""
        overrides = self._overrides.on(site_release)
        key = release_for(site_release), overrides is self._overrides
        if key not in self._loaded:
            self._loaded[key] = load(key[0], overrides)
        return self._loaded[key]


def catalogue_for(site_release: str | None, overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """Return the catalogue that fits a site best; `site_release` is what the site reports."""
    return load(release_for(site_release), overrides.on(site_release))


def every_name() -> list[str]:
    """Return the functions of all releases: those an operator may name before the site is known.

    They are read from the classification table, a tenth the size of the functions' data.
    """
    return sorted(Classifications())


def release_for(site_release: str | None) -> str:
    """Return the release in `RELEASES` that fits a site best.

    `site_release` is what the site reports, such as "4.5.6 (Build: 20250811)". The result is the
    newest release that is not newer than the site, else the oldest. If the site reports nothing, it
    is the oldest, because a site refuses a whole call with a key that it does not know.
    """
    match = _VERSION.match(site_release or "")
    if match is None:
        return RELEASES[0]
    site = (int(match[1]), int(match[2]))
    known = [name for name in RELEASES if tuple(map(int, name.split("."))) <= site]
    return known[-1] if known else RELEASES[0]


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
