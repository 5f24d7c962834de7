"""Find which step before a first call fails; each step is one setting somebody controls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from moodle_mcp.diagnostics.facts import Refusal
from moodle_mcp.diagnostics.lines import Line
from moodle_mcp.errors import CallError, Kind
from moodle_mcp.site.protocol import Protocol

STEPS: Final = (
    "environment",
    "proxy",
    "host name",
    "connection",
    "TLS",
    "address",
    "entry",
    "web services",
    "protocol",
    "token",
    "IP restriction",
    "maintenance",
    "user",
    "role",
    "service",
)
"""What must be right before the site describes itself, in the order in which it is checked."""

SERVICES: Final = "Site administration > Server > Web services > External services"
_TOKENS: Final = "Site administration > Server > Web services > Manage tokens"
_ROLES: Final = "Site administration > Users > Permissions"
PROVISION: Final = (
    "On the Moodle host, the program that `moodle-mcp admin-script provision` prints tells the "
    "exact cause: php provision.php --moodle=FOLDER --user=NAME --profile=NAME --dry-run (with "
    "--service=NAME for a service by another name)"
)

_SWITCH_ON: Final = (
    "An administrator switches them on: Site administration > General > Advanced features > "
    "Enable web services."
)

_STEP_OF: Final[Mapping[Kind, str]] = {
    Kind.WRONG_ADDRESS: "address",
    Kind.INVALID_TOKEN: "token",
    Kind.MAINTENANCE: "maintenance",
    Kind.ACCOUNT_BLOCKED: "user",
}
"""Any other kind is the web-service script's: what answers there is no working web service."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """The step that fails, and the first step whose state is unknown."""

    step: str
    found: str
    todo: str
    public: str
    reached: str = ""


def refused(refusal: Refusal, base: str, protocol: Protocol, proxy: str = "") -> list[Line]:
    """Return a line for each step: those before the failed one are ok, those after it unknown."""
    failure = _failure(refusal, protocol)
    reached = STEPS.index(failure.reached or failure.step)
    lines: list[Line] = []
    for position, step in enumerate(STEPS):
        if step == failure.step:
            line = Line(step, "failed", failure.found, failure.todo, failure.public)
        elif position < reached:
            line = Line(step, "ok", passed(step, base, proxy))
        else:
            line = Line(step, "skipped")
        lines.append(line)
    return lines


def passed(step: str, base: str, proxy: str = "") -> str:
    """Describe a step that is ok, as far as the address and the proxy show."""
    if step == "proxy":
        return proxy or "not used"
    if step == "TLS":
        return "certificate trusted" if base.startswith("https:") else "not used (http)"
    return base if step == "address" else ""


def _failure(refusal: Refusal, protocol: Protocol) -> _Failure:
    fault = refusal.error.fault
    if fault.kind is Kind.WEB_SERVICES_OFF and fault.errorcode is None:
        return _switched_off(refusal, protocol)
    if fault.errorcode == "accessexception":
        return _denied(refusal, protocol)
    if fault.kind is Kind.WRONG_ADDRESS and refusal.web_services is not None:
        # Another Moodle script answers at this address, but not this protocol's.
        found = f"The plugin for the protocol {protocol.name} is not installed on the site."
        return _Failure("protocol", found, fault.advice, found, "web services")
    step = refusal.error.stage or _STEP_OF.get(fault.kind, "entry")
    if fault.kind is Kind.WEB_SERVICES_OFF:
        # The RESTful plugin is installed and enabled, but part of the request is missing.
        step = "entry"
    # The command-line maintenance page is sent before anything else of Moodle's runs.
    by_page = fault.kind is Kind.MAINTENANCE and fault.exception is None
    return _Failure(
        step, fault.message, fault.advice, _public(refusal.error), "web services" if by_page else ""
    )


def _switched_off(refusal: Refusal, protocol: Protocol) -> _Failure:
    """Moodle answers status 403 without a body in both cases (observed on 4.5.6)."""
    if refusal.web_services is False:
        found = "Web services are switched off on the site."
        return _Failure("web services", found, _SWITCH_ON, found)
    manage = (
        f"An administrator enables {protocol.name}: Site administration > Server > Web services > "
        "Manage protocols."
    )
    if refusal.web_services:
        found = f"The protocol {protocol.name} is switched off on the site."
        return _Failure("protocol", found, manage, found)
    found = f"Web services or the protocol {protocol.name} are switched off, or a firewall refuses."
    return _Failure("web services", found, f"{_SWITCH_ON} {manage}", found)


def _denied(refusal: Refusal, protocol: Protocol) -> _Failure:
    """Moodle gives the same answer to many causes; two more requests distinguish them."""
    match refusal.no_such:
        case "invalidtoken":
            found = "The token had expired, and Moodle has deleted it."
            todo = (
                f"An administrator creates a new one under {_TOKENS}; the operator sets it, or "
                "signs in again with `moodle-mcp login`."
            )
            return _Failure("token", found, todo, found)
        case "accessexception" if not refusal.by_files:
            found = "The token may not be used from this machine's address."
            todo = (
                f"An administrator changes the token's IP restriction under {_TOKENS}. If there is "
                "none: the service is closed to the user, or to files, and a role is missing. "
                f"{_role(protocol)}"
            )
            return _Failure("IP restriction", found, todo, found)
        case "accessexception":
            found = f"The token's user may not use {protocol.name} ({protocol.capability})."
            return _Failure("role", found, _role(protocol), found)
        case _ if not refusal.by_files:
            found = "The service is not open to the token's user."
            return _Failure("service", found, _service_candidates(), found)
        case _:
            found = "The service lets the user in, but does not describe itself."
            todo = (
                "Either the service lacks core_webservice_get_site_info: an administrator adds it "
                f"under {SERVICES} > (the service) > Functions. Or the user's authorisation has an "
                "end date, with which Moodle 4.5 refuses functions even before that date: remove "
                f"it under {SERVICES} > (the service) > Authorised users > (the user). {PROVISION}."
            )
            return _Failure("service", found, todo, found)


def _role(protocol: Protocol) -> str:
    return (
        f"An administrator gives the user a role with the capability {protocol.capability} in the "
        f"system context: {_ROLES} > Define roles, and Assign system roles."
    )


def _service_candidates() -> str:
    return (
        f"Moodle gives the same answer to each of these, all under {SERVICES}: the service is "
        "disabled (Edit > Enabled); the user is not among its users (Authorised users); the user's "
        "authorisation is for another IP address (Authorised users > the user); the user lacks "
        "the capability that the service requires (Edit > Required capability); or downloads and "
        "uploads are off (Edit) and the service lacks core_webservice_get_site_info (Functions). "
        f"{PROVISION}."
    )


def _public(error: CallError) -> str:
    """Describe an error without the site's message, which can name people and hosts."""
    fault = error.fault
    where = f" at {error.stage}" if error.stage else ""
    status = f", status {fault.http_status}" if fault.http_status else ""
    code = f", errorcode {fault.errorcode}" if fault.errorcode else ""
    # Only the part of the certificate's problem that has no name: "Hostname mismatch, … for 'x'".
    reason = fault.message.partition(",")[0] if error.stage == "TLS" else ""
    return f"{fault.kind.code}{where}{status}{code}{reason and f': {reason}'}"
