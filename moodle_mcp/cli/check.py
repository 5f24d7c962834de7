"""`moodle-mcp check`: whether everything between here and a first call is right, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.additions import NO_ADDITIONS, Additions
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.gate.gate import Gate
from moodle_mcp.server.toolset import Toolset
from moodle_mcp.site.client import Site
from moodle_mcp.site.info import SiteInfo

Verdict: TypeAlias = Literal["ok", "warning", "failed", "skipped"]

STEPS: Final = ("address", "TLS", "web services", "token", "service")
"""What must be right before the site says anything of itself, in the order it is met."""

_MAX_NAMED: Final = 10
_ADD_FUNCTIONS: Final = (
    "An administrator adds them under Site administration > Server > Web services > External "
    "services > (the token's service) > Functions"
)

_STEP_OF: Final[Mapping[Kind, str]] = {
    Kind.UNREACHABLE: "address",
    Kind.TIMEOUT: "address",
    Kind.WRONG_ADDRESS: "address",
    Kind.SITE_ERROR: "web services",
    Kind.BAD_ANSWER: "web services",
    Kind.WEB_SERVICES_OFF: "web services",
    Kind.MAINTENANCE: "web services",
    Kind.RATE_LIMITED: "web services",
    Kind.INVALID_TOKEN: "token",
    Kind.ACCOUNT_BLOCKED: "token",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One step: how it stands, what was found and what to do next."""

    step: str
    verdict: Verdict
    found: str
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def check(site: Site, gate: Gate, additions: Additions = NO_ADDITIONS) -> list[Line]:
    """The lines on one site; the first failed one stops those after it."""
    try:
        info = await site.info(fresh=True)
    except CallError as error:
        return _failed_lines(site, error)
    base = site.address.base
    passed = [
        Line("address", "ok", base),
        Line("TLS", "ok", _tls(base)),
        Line("web services", "ok", f"web services and {await site.protocol()} are on"),
        Line("token", "ok", "valid"),
        _service(info),
    ]
    return [*passed, *_about_the_site(base, info), _functions(gate, info, additions)]


def succeeded(lines: list[Line]) -> bool:
    """Whether nothing has failed."""
    return all(line.verdict != "failed" for line in lines)


def _tls(base: str) -> str:
    return "certificate trusted" if base.startswith("https:") else "not used (http)"


def _failed_lines(site: Site, error: CallError) -> list[Line]:
    fault = error.fault
    step = _STEP_OF.get(fault.kind, "service")
    if fault.kind is Kind.UNREACHABLE and "TLS" in fault.message:
        step = "TLS"
    at = STEPS.index(step)
    before = {"address": site.address.base, "TLS": _tls(site.address.base)}
    return [
        *(Line(name, "ok", before.get(name, "")) for name in STEPS[:at]),
        Line(step, "failed", fault.message, fault.hint or fault.kind.hint),
        *(Line(name, "skipped", "") for name in STEPS[at + 1 :]),
    ]


def _about_the_site(base: str, info: SiteInfo) -> list[Line]:
    user = f"{info.user_full_name} ({info.user_name}, id {info.user_id})"
    lines = [
        Line("user", "ok", user),
        Line("site", "ok", f"{info.site_name}, Moodle {info.release or 'of unknown release'}"),
    ]
    if info.site_url.rstrip("/") != base:
        found = f"the site calls itself {info.site_url}"
        lines.append(Line("site address", "warning", found, "Set MOODLE_URL to that address."))
    return lines


def _service(info: SiteInfo) -> Line:
    if info.functions is not None:
        return Line("service", "ok", f"{len(info.functions)} functions")
    found = "over RESTful the site does not say which functions and release it has"
    todo = "MOODLE_PROTOCOL=auto asks for them over REST, where that is on as well."
    return Line("service", "warning", found, todo)


def _functions(gate: Gate, info: SiteInfo, additions: Additions) -> Line:
    """Which functions that the operator has named the token's service lacks."""
    toolset = Toolset(gate, info, additions)
    exposed, catalogue = toolset.functions, toolset.catalogue
    wanted = [name for name in catalogue if gate.names(name) and gate.allows(catalogue.get(name))]
    missing = [name for name in wanted if info.lacks(name)]
    found = f"{len(exposed)} exposed as tools"
    if not exposed and not missing:
        todo = "See `moodle-mcp tools --all`, and MOODLE_MCP_TOOLS and MOODLE_MCP_ACCESS."
        return Line("functions", "failed", found, todo)
    if not missing:
        return Line("functions", "ok", found)
    rest = len(missing) - _MAX_NAMED
    names = ", ".join(missing[:_MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    verdict: Verdict = "warning" if exposed else "failed"
    return Line(
        "functions", verdict, f"{found}, {len(missing)} not in the token's service: {names}",
        f"{_ADD_FUNCTIONS}: {names}.",
    )  # fmt: skip
