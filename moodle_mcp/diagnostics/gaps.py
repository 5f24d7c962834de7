"""Compare what the operator wants of a service with what it has, by profile. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from moodle_mcp.catalogue.loading import Catalogue, catalogue_for, every_name
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.diagnostics.lines import Line, Verdict
from moodle_mcp.diagnostics.steps import SERVICES
from moodle_mcp.policy.allowlist import PROFILES, profile
from moodle_mcp.policy.policy import Policy
from moodle_mcp.service.registry import Functions
from moodle_mcp.site.info import SiteInfo

MAX_NAMED: Final = 10
_FUNCTIONS: Final = f"{SERVICES} > (the token's service) > Functions > Add functions"
_GRANT: Final = "Site administration > Users > Permissions > Define roles"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The operator's settings that the check needs.

    `tools` is MOODLE_MCP_TOOLS, `policy` what it allows, `max_fields` MOODLE_MCP_MAX_FIELDS.
    """

    tools: str
    policy: Policy
    max_fields: int = 900
    overrides: SiteOverrides = NO_OVERRIDES

    def profiles(self) -> list[str]:
        """The profiles that are named; all if none is."""
        named = self.tools.replace(",", " ").split()
        return [name for name in PROFILES if name in named] or list(PROFILES)

    @property
    def names_profiles(self) -> bool:
        """Whether any profile is named."""
        return any(name in PROFILES for name in self.tools.replace(",", " ").split())


def gaps(wanted: Wanted, info: SiteInfo) -> list[Line]:
    """Return a line for each profile, and one for the tools that result from the settings."""
    catalogue = catalogue_for(info.release, wanted.overrides)
    lines: list[Line] = []
    if info.functions is not None:
        lines = [_profile(name, wanted, info, catalogue) for name in wanted.profiles()]
    reported = frozenset[str]()
    if wanted.names_profiles:
        reported = reported.union(*(line.missing for line in lines))
    return [*lines, _tools(wanted, info, catalogue, reported)]


def _profile(name: str, wanted: Wanted, info: SiteInfo, catalogue: Catalogue) -> Line:
    needed = [
        each
        for each in sorted(profile(name))
        if each in catalogue and _reaches(wanted, catalogue, each)
    ]
    missing = tuple(each for each in needed if info.lacks(each))
    step = f"profile {name}"
    have = f"{len(needed) - len(missing)} of {len(needed)} functions"
    if not missing:
        return Line(step, "ok", have, public=have)
    verdict: Verdict = "warning" if wanted.names_profiles else "ok"
    capabilities = _capabilities(missing, catalogue)
    todo = (
        f"An administrator adds the missing ones under {_FUNCTIONS}; or all at once, on the Moodle "
        "host, with the program that `moodle-mcp admin-script provision` prints: php provision.php "
        f"--moodle=FOLDER --user=NAME --profile={name}.{_needed(capabilities)}"
    )
    return Line(
        step,
        verdict,
        f"{have}; missing: {_some(missing)}",
        todo if wanted.names_profiles else "",
        f"{have}; missing: {', '.join(missing)}",
        missing,
        capabilities,
    )


def _reaches(wanted: Wanted, catalogue: Catalogue, name: str) -> bool:
    """Whether the operator would get a function if it were in the service.

    For a profile that is not named, every function that MOODLE_MCP_ACCESS allows counts.
    """
    function = catalogue.get(name)
    if wanted.names_profiles:
        return wanted.policy.allows(function)
    return wanted.policy.access.allows(function.classification.access)


def _tools(wanted: Wanted, info: SiteInfo, catalogue: Catalogue, reported: frozenset[str]) -> Line:
    policy = wanted.policy
    exposed = Functions(policy, catalogue, info).allowed
    named = [
        name for name in catalogue if policy.names(name) and policy.allows(catalogue.get(name))
    ]
    missing = tuple(name for name in named if info.lacks(name))
    others = tuple(name for name in missing if name not in reported)
    found = f"{len(exposed)} exposed as tools"
    if not exposed:
        verdict: Verdict = "failed"
        todo = "Check `moodle-mcp tools --all`, MOODLE_MCP_TOOLS and MOODLE_MCP_ACCESS."
    else:
        verdict, todo = ("warning" if others else "ok"), ""
    if not others:
        return Line("functions", verdict, found, todo, found)
    ours = frozenset(every_name())
    public = [name for name in others if name in ours]
    plugins = len(others) - len(public)
    capabilities = _capabilities(others, catalogue)
    lacks = f"{found}, {len(others)} not in the token's service"
    return Line(
        "functions",
        verdict,
        f"{lacks}: {_some(others)}",
        f"An administrator adds them under {_FUNCTIONS}.{_needed(capabilities)}",
        f"{lacks}: {', '.join(public)}{(plugins and f' and {plugins} of plugins') or ''}",
        others,
        capabilities,
    )


def _capabilities(names: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(sorted({each for name in names for each in catalogue.get(name).capabilities}))


def _needed(capabilities: tuple[str, ...]) -> str:
    """Name the required capabilities; web services don't tell which of them the user lacks."""
    if not capabilities:
        return ""
    return (
        f" The user's roles need {_some(capabilities)} ({_GRANT}); provision.php with --dry-run "
        "lists the missing ones."
    )


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")
