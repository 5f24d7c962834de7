"""The functions of a Moodle release, read from the package's data when they are asked for.

A data file has one line for each function, its name and its compact JSON with a tab between, so
that loading costs one split and each function is parsed only when it is used. A release after
the first is an overlay: its file holds the functions that differ, `null` for one that is gone.
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
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.catalogue.texts import Texts

RELEASES: Final = ("4.5", "5.1")
"""The releases with data, oldest first; each after the first overlays those before it."""

_GONE: Final = "null"
_VERSION = re.compile(r"(\d+)\.(\d+)")


class Catalogue:
    """All functions of one Moodle release, and what the operator adds to them."""

    def __init__(
        self, release: str, lines: Mapping[str, str], overrides: SiteOverrides = NO_OVERRIDES
    ) -> None:
        """`lines` maps each function's name to its compact JSON text."""
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
        """The function of that name; an untyped one where nobody has said what it is."""
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
        """The function as the package's data have it."""
        line = self._lines.get(name)
        if line is None:
            return None
        return replace(function_from_json(name, json.loads(line)), text=self._texts[name])


def load(release: str = RELEASES[0], overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """The catalogue of one of `RELEASES`."""
    lines: dict[str, str] = {}
    for layer in RELEASES[: RELEASES.index(release) + 1]:
        lines |= _read(layer)
    here = {name: lines[name] for name in sorted(lines) if lines[name] != _GONE}
    return Catalogue(release, here, overrides)


class Catalogues:
    """The catalogues of all sites and users of a process, each read once."""

    def __init__(self, overrides: SiteOverrides = NO_OVERRIDES) -> None:
        self._overrides = overrides
        self._loaded: dict[tuple[str, bool], Catalogue] = {}

    def of(self, site_release: str | None) -> Catalogue:
        """The catalogue that describes a site best; `site_release` is what it says of itself."""
        overrides = self._overrides.on(site_release)
        key = release_for(site_release), overrides is self._overrides
        if key not in self._loaded:
            self._loaded[key] = load(key[0], overrides)
        return self._loaded[key]


def catalogue_for(site_release: str | None, overrides: SiteOverrides = NO_OVERRIDES) -> Catalogue:
    """The catalogue that describes a site best; `site_release` is what it says of itself."""
    return load(release_for(site_release), overrides.on(site_release))


def every_name() -> list[str]:
    """The functions that any release has: what an operator may name before the site is known.

    All of them are classified, and their table is a tenth as long as those of their shapes.
    """
    return sorted(Classifications())


def release_for(site_release: str | None) -> str:
    """The release in `RELEASES` that describes a site best.

    `site_release` is what the site says of itself, such as "4.5.6 (Build: 20250811)": the newest
    release that is not newer than the site, else the oldest; without an answer the oldest, since
    a key that an older site does not know makes it refuse the whole call.
    """
    match = _VERSION.match(site_release or "")
    if match is None:
        return RELEASES[0]
    site = (int(match[1]), int(match[2]))
    known = [name for name in RELEASES if tuple(map(int, name.split("."))) <= site]
    return known[-1] if known else RELEASES[0]


def component_of(name: str) -> str:
    """The component that a function's name says it belongs to.

    `local_shop` of `local_shop_get_all`; Moodle calls all of its core `moodle`.
    """
    kind, _, rest = name.partition("_")
    return "moodle" if kind == "core" else f"{kind}_{rest.partition('_')[0]}"


def _read(release: str) -> dict[str, str]:
    data = resources.files("moodle_mcp.catalogue") / "data" / f"functions-{release}.tsv"
    # Line by line: the whole of it at once would be there four times over.
    with data.open(encoding="utf-8") as rows:
        return dict(row.rstrip("\n").split("\t", 1) for row in rows)
