"""`moodle-mcp catalogue probe`: which functions of the token's service are typed, and by whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from moodle_mcp.catalogue.classification import UNCLASSIFIED, Classifications
from moodle_mcp.catalogue.loading import catalogue_for
from moodle_mcp.catalogue.site_overrides import SiteOverrides
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.wiring import make_site

_EXPORT: Final = (
    "An administrator runs the program that `moodle-mcp admin-script catalogue` prints on the "
    "Moodle host; then set MOODLE_MCP_CATALOGUE to the file that it writes."
)
_STALE: Final = (
    "The file is from another release, so it is used for plugins' functions only. An administrator "
    "exports it again."
)
_CLASSIFY: Final = (
    "They count as destructive. Check what each one does, then classify it in "
    "MOODLE_MCP_PLUGIN_ACCESS, for example local_shop_get_*=read, local_shop_order=write."
)


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of the functions that a token may call.

    `ours` and `exported` count the functions whose types come from the package or the file;
    `untyped` and `unclassified` are names.
    """

    site: str
    release: str
    catalogue: str
    exported_release: str
    functions: int
    ours: int
    exported: int
    untyped: list[str]
    unclassified: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the same for people, with what to do next."""
        of = f" (exported from Moodle {self.exported_release})" if self.exported_release else ""
        lines = [
            f"{self.site}, Moodle {self.release}",
            f"{self.functions:5} functions in the token's service",
            f"{self.ours:5} typed by this package (Moodle {self.catalogue})",
            f"{self.exported:5} typed by MOODLE_MCP_CATALOGUE{of}",
            f"{len(self.untyped):5} untyped{_named(self.untyped)}",
        ]
        if self.untyped:
            lines.append(f"      -> {_EXPORT}")
        if self.exported_release not in ("", self.release):
            lines.append(f"      -> {_STALE}")
        lines.append(f"{len(self.unclassified):5} not classified{_named(self.unclassified)}")
        if self.unclassified:
            lines.append(f"      -> {_CLASSIFY}")
        return lines


async def probe(settings: Settings, connection: Connection) -> Probe:
    """Ask the site what the token may call.

    Raises:
        CallError: the site did not say; `moodle-mcp check` explains why.
        SettingsError: the operator's catalogue is invalid.
    """
    overrides = settings.overrides
    site = make_site(connection)
    try:
        return report(await site.info(), overrides)
    finally:
        await site.aclose()


def report(info: SiteInfo, overrides: SiteOverrides) -> Probe:
    """Summarise the functions that the site has listed.

    Raises:
        CallError: it has listed none.
    """
    if info.functions is None:
        message = "Over RESTful the site does not report which functions the token may call."
        hint = "Set MOODLE_PROTOCOL to auto or rest."
        raise CallError(Fault(Kind.BAD_ANSWER, message, hint=hint))
    catalogue = catalogue_for(info.release, overrides)
    held = overrides.on(info.release).functions
    names = sorted(info.functions)
    untyped = [name for name in names if name not in catalogue]
    exported = sum(name in held for name in names)
    classified = Classifications()
    return Probe(
        site=info.site_name,
        release=info.release,
        catalogue=catalogue.release,
        exported_release=overrides.release,
        functions=len(names),
        ours=len(names) - exported - len(untyped),
        exported=exported,
        untyped=untyped,
        unclassified=[
            name
            for name in names
            if name not in classified and overrides.classification(name) is UNCLASSIFIED
        ],
    )


def _named(names: list[str]) -> str:
    return f": {', '.join(names)}" if names else ""
