"""The operator's additions to the catalogue: a site's own functions, and their classification.

A site's export describes its functions' parameters and answers exactly. It does not tell what they
may do: labels are set by the functions' authors, and in Moodle itself dozens are wrong. So an
unclassified function counts as destructive, even with an export, until the operator has classified
it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from moodle_mcp.catalogue.classification import (
    UNCLASSIFIED,
    Access,
    Classification,
    Classifications,
)
from moodle_mcp.catalogue.model import Function, ListOf
from moodle_mcp.errors import SettingsError

if TYPE_CHECKING:
    # Its pydantic models are built only if there is a file to check.
    from moodle_mcp.catalogue.site_file import SiteFunction

# A plugin's type and name in full, so that one entry can't apply to all plugins.
_ENTRY = re.compile(r"([a-z0-9]+_[a-z0-9]+_[a-z0-9_*?]*)=([a-z]+)")
_REASON: Final = "the operator says so in {setting}"


@dataclass(frozen=True, slots=True)
class SiteOverrides:
    """A site's own functions by name, and accesses by name or glob.

    `release` is the site's release at the time of the export.
    """

    functions: Mapping[str, SiteFunction] = field(default_factory=dict[str, "SiteFunction"])
    release: str = ""
    accesses: Mapping[str, Classification] = field(default_factory=dict[str, Classification])

    def on(self, site_release: str | None) -> SiteOverrides:
        """Return the overrides that apply to a site of that release.

        After an upgrade the exported shapes of Moodle's own functions may be wrong, so ours are
        used. A plugin's exported shapes are still the best available.
        """
        if site_release in (None, self.release) or not self.functions:
            return self
        table = Classifications()
        plugins = {name: each for name, each in self.functions.items() if name not in table}
        # Without a change it must stay the same object: a catalogue is kept for each.
        return self if len(plugins) == len(self.functions) else replace(self, functions=plugins)

    def joined(self, own: Function | None, name: str) -> Function | None:
        """Merge the site's function with ours, if we have it.

        The site's shape wins; texts and batch behaviour are ours.
        """
        found = self.functions.get(name)
        if found is None:
            return None
        function = found.function(name)
        if own is None:
            return function
        text = function.text
        if own.text.is_ours:
            text = replace(own.text, params={**text.params, **own.text.params})
        lists = own.batching.items if own.batching else ()
        fits = all(isinstance(function.params.keys.get(each), ListOf) for each in lists)
        return replace(function, text=text, batching=own.batching if fits else None)

    def classification(self, name: str) -> Classification:
        """Return the operator's classification of a function that we have not classified.

        A full name wins over globs. Of several globs the most harmful access wins.
        """
        exact = self.accesses.get(name)
        if exact is not None:
            return exact
        matches = [each for glob, each in self.accesses.items() if fnmatchcase(name, glob)]
        order = list(Access)
        return max(matches, key=lambda each: order.index(each.access), default=UNCLASSIFIED)


NO_OVERRIDES: Final = SiteOverrides()


def parse_accesses(text: str, setting: str) -> Mapping[str, Classification]:
    """Parse accesses such as `local_shop_get_*=read, local_shop_order=write`.

    Raises:
        SettingsError: an entry is malformed, or names a function that we have classified.
    """
    classified = Classifications()
    accesses: dict[str, Classification] = {}
    allowed = ", ".join(access.value for access in Access)
    for entry in text.replace(",", " ").split():
        match = _ENTRY.fullmatch(entry)
        if match is None or match[2] not in allowed.split(", "):
            raise SettingsError(
                f"{setting}: {entry!r} does not assign an access to a plugin's function or glob, "
                f"such as local_shop_get_*=read (allowed: {allowed})"
            )
        name, access = match.groups()
        if name in classified:
            raise SettingsError(f"{setting}: {name} is already classified by this package")
        accesses[name] = Classification(Access(access), reason=_REASON.format(setting=setting))
    return accesses
