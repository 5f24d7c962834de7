"""What an operator adds to the package's catalogue: a site's own functions, and what they may do.

A site's export says what its functions take and answer, which is the truth about that site. It
does not say what they may do: Moodle's label is the author's own word, and of Moodle's own
functions it is wrong in dozens of cases. So a function that nobody has classified counts as
destructive, with an export too, until the operator has looked and said otherwise.
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
    # Its models are built when there is a file to check.
    from moodle_mcp.catalogue.site_file import SiteFunction

# A plugin's type and name in full, so that one entry never speaks for all plugins.
_ENTRY = re.compile(r"([a-z0-9]+_[a-z0-9]+_[a-z0-9_*?]*)=([a-z]+)")
_REASON: Final = "the operator says so in {setting}"


@dataclass(frozen=True, slots=True)
class SiteOverrides:
    """A site's own functions by name, and accesses by name or glob.

    `release` is that of the site when the functions were exported.
    """

    functions: Mapping[str, SiteFunction] = field(default_factory=dict[str, "SiteFunction"])
    release: str = ""
    accesses: Mapping[str, Classification] = field(default_factory=dict[str, Classification])

    def on(self, site_release: str | None) -> SiteOverrides:
        """What holds on a site of that release.

        After an upgrade the exported shapes of Moodle's own functions may be wrong, and ours are
        better; a plugin's are still the best there is.
        """
        if site_release is None or site_release == self.release:
            return self
        table = Classifications()
        plugins = {name: each for name, each in self.functions.items() if name not in table}
        return replace(self, functions=plugins)

    def joined(self, own: Function | None, name: str) -> Function | None:
        """The site's function, with our own words and knowledge where we have some.

        The site's shape wins, our texts and what we know of batches too.
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
        """What the operator says of a function that we have not classified.

        The full name before globs, and of several globs the one that allows most harm.
        """
        exact = self.accesses.get(name)
        if exact is not None:
            return exact
        matches = [each for glob, each in self.accesses.items() if fnmatchcase(name, glob)]
        order = list(Access)
        return max(matches, key=lambda each: order.index(each.access), default=UNCLASSIFIED)


NO_OVERRIDES: Final = SiteOverrides()


def parse_accesses(text: str, setting: str) -> Mapping[str, Classification]:
    """The accesses that an operator states as `local_shop_get_*=read, local_shop_order=write`.

    Raises:
        SettingsError: an entry is malformed, or is a function that we have classified.
    """
    classified = Classifications()
    accesses: dict[str, Classification] = {}
    allowed = ", ".join(access.value for access in Access)
    for entry in text.replace(",", " ").split():
        match = _ENTRY.fullmatch(entry)
        if match is None or match[2] not in allowed.split(", "):
            raise SettingsError(
                f"{setting}: {entry!r} is not a plugin's function or glob with what it may do, "
                f"such as local_shop_get_*=read (allowed: {allowed})"
            )
        name, access = match.groups()
        if name in classified:
            raise SettingsError(f"{setting}: {name} is classified by this package, which stands")
        accesses[name] = Classification(Access(access), reason=_REASON.format(setting=setting))
    return accesses
