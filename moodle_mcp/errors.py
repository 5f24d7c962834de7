"""The exceptions, and the report of a failed call that an agent gets.

    MoodleMcpError
    ├── SettingsError   the operator's settings are wrong: the start stops with one line
    └── CallError       a call did not succeed; its `fault` says what, why and what next

A new kind of fault is one member of `Kind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any, Literal, TypeAlias

Written: TypeAlias = Literal["nothing", "something", "unknown"]
Stage: TypeAlias = Literal["environment", "proxy", "host name", "connection", "TLS"]
"""Steps before a request can be sent, in this order."""


class Kind(Enum):
    """Kind of failure: its code, when it occurs, whether a retry may succeed, and a hint."""

    INVALID_ARGUMENTS = (
        "invalid_arguments",
        "The arguments do not fit the function; nothing was sent.",
        False,
        "Correct the arguments named in `parameters` and call again.",
    )
    NOT_ALLOWED = (
        "not_allowed",
        "The operator has not allowed the function; nothing was sent.",
        False,
        "The operator of this server has not allowed this function. Use another tool, or ask the "
        "operator to add it to MOODLE_MCP_TOOLS (and to raise MOODLE_MCP_ACCESS for writes).",
    )
    NEEDS_CONFIRMATION = (
        "needs_confirmation",
        "The call is destructive and nobody has agreed to it yet; nothing was sent.",
        False,
        "Ask the user to confirm the call.",
    )
    DECLINED = (
        "declined",
        "The user declined the call or stopped it.",
        False,
        "The user did not want this. Do not try again unless they ask for it.",
    )
    TOO_LARGE = (
        "too_large",
        "An item, an indivisible list or a file exceeds a limit of this server or the site.",
        False,
        "Send fewer or smaller items in one call, in several calls.",
    )
    INVALID_TOKEN = (
        "invalid_token",
        "The token is unknown to Moodle or has expired.",
        False,
        "The token is unknown, expired or deleted. An administrator makes a new one under Site "
        "administration > Server > Web services > Manage tokens; the operator sets it as "
        "MOODLE_TOKEN, or signs in again with `moodle-mcp login`.",
    )
    ACCESS_DENIED = (
        "access_denied",
        "The token's service lacks the function, or rejects its user or this IP address.",
        False,
        "An administrator must let this token use the function: Site administration > Server > "
        "Web services > External services.",
    )
    NO_PERMISSION = (
        "no_permission",
        "The token's user lacks a capability in this context, or is not enrolled.",
        False,
        "The token's user lacks a capability in this context. A manager or administrator grants it "
        "with a role (course: Participants; site: Site administration > Users > Permissions).",
    )
    NOT_FOUND = (
        "not_found",
        "Nothing in Moodle has the given id or name.",
        False,
        "Nothing has this id. Look the id up first: course id, course-module id, instance id and "
        "context id are different numbers.",
    )
    INVALID_PARAMETER = (
        "invalid_parameter",
        "Moodle rejected a value.",
        False,
        "Moodle rejected a value without naming it. Check those in `suspects` first, if there are "
        "any. Check that ids exist, that values are allowed and that nothing is a duplicate.",
    )
    CONFLICT = (
        "conflict",
        "The thing to create exists already.",
        False,
        "Something with this name or id number exists already: use another, or update that one.",
    )
    ACCOUNT_BLOCKED = (
        "account_blocked",
        "The token's user is suspended, not confirmed or without a way to log in.",
        False,
        "The token's user account is blocked. An administrator can check it under Site "
        "administration > Users > Browse list of users.",
    )
    MAINTENANCE = (
        "maintenance",
        "The site is in maintenance mode.",
        True,
        "The site is in maintenance mode. Wait until an administrator ends it.",
    )
    WEB_SERVICES_OFF = (
        "web_services_off",
        "Web services or the protocol are switched off on the site.",
        False,
        "An administrator must switch on web services (Site administration > General > Advanced "
        "features > Enable web services) and REST (Site administration > Server > Web services > "
        "Manage protocols).",
    )
    WRONG_ADDRESS = (
        "wrong_address",
        "The address is not this Moodle's, or it redirects to another one.",
        False,
        "The operator must set MOODLE_URL to the site's own address, as the browser shows it on "
        "the site's front page (https, host and path).",
    )
    UNREACHABLE = (
        "unreachable",
        "No connection: DNS, the network or TLS failed, or the site is down.",
        True,
        "The site can't be reached. The operator should check MOODLE_URL, the network, a proxy or "
        "firewall, and whether the site is up.",
    )
    TIMEOUT = (
        "timeout",
        "No complete answer within MOODLE_MCP_TIMEOUT or MOODLE_MCP_CALL_BUDGET.",
        True,
        "The site did not answer in time. Ask for less at once, try later, or ask the operator to "
        "raise MOODLE_MCP_TIMEOUT.",
    )
    RATE_LIMITED = (
        "rate_limited",
        "The site, or a proxy in front of it, got too many requests.",
        True,
        "The site asks for fewer requests. Wait, then go on.",
    )
    SITE_ERROR = (
        "site_error",
        "The site failed internally: status 500 or above, or PHP stopped before it answered.",
        True,
        "The site failed internally. Try later. If it fails again, an administrator finds the "
        "cause in the web server's and PHP's error log.",
    )
    BAD_ANSWER = (
        "bad_answer",
        "The answer is not Moodle's: broken JSON, XML, or a page of a firewall or proxy.",
        False,
        "The answer is not what Moodle's web services send. The operator should run `moodle-mcp "
        "check`; an administrator should read the web server's and PHP's error log.",
    )
    MOODLE_ERROR = (
        "moodle_error",
        "Moodle refused for another reason; `errorcode` says which.",
        False,
        "Moodle refused the call for the reason in the message and errorcode.",
    )
    INTERNAL = (
        "internal",
        "A bug in this server.",
        False,
        "This is a bug in the MCP server. The operator finds the details in the server's log.",
    )

    def __init__(self, code: str, when: str, retryable: bool, hint: str) -> None:
        self.code = code
        self.when = when
        self.retryable = retryable
        self.hint = hint


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """What is wrong with an argument; `path` is like `users[0].email`, empty for all of them."""

    path: str
    problem: str
    allowed: str | None = None

    def report(self) -> dict[str, Any]:
        data = {"path": self.path, "problem": self.problem}
        return data if self.allowed is None else data | {"allowed": self.allowed}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A sent value that Moodle may have rejected; `value` is None if it may be a secret."""

    path: str
    problem: str
    value: str | None = None

    def report(self) -> dict[str, Any]:
        data = {"path": self.path, "problem": self.problem}
        return data if self.value is None else data | {"value": self.value}


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure of a call.

    `hint` and `retryable` default to the kind's, `written` to "nothing". `written` says what the
    call may have changed in Moodle. `parameters` are certainly wrong and were not sent. `suspects`
    are values that Moodle may have rejected without naming them. `said` is the part at the end of
    `message` that the site wrote.
    """

    kind: Kind
    message: str
    hint: str | None = None
    function: str | None = None
    errorcode: str | None = None
    exception: str | None = None
    http_status: int | None = None
    parameters: tuple[ParameterFault, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    retryable: bool | None = None
    written: Written | None = None
    said: str = ""

    @property
    def advice(self) -> str:
        """What to do next: this fault's own hint or its kind's."""
        return self.hint or self.kind.hint

    @property
    def may_be_retried(self) -> bool:
        """Whether the same call may work later."""
        return self.kind.retryable if self.retryable is None else self.retryable

    def report(self) -> dict[str, Any]:
        """Return the `error` object of the envelope, without empty fields."""
        data: dict[str, Any] = {
            "kind": self.kind.code,
            "message": self.message,
            "hint": self.advice,
            "function": self.function,
            "errorcode": self.errorcode,
            "exception": self.exception,
            "http_status": self.http_status,
            "parameters": [parameter.report() for parameter in self.parameters] or None,
            "suspects": [suspect.report() for suspect in self.suspects] or None,
            "retryable": self.may_be_retried,
            "written": self.written or "nothing",
        }
        return {key: value for key, value in data.items() if value is not None}


def packed_fault(fault: Fault) -> dict[str, Any]:
    """Convert a fault to JSON values for `unpacked_fault`."""
    return {**asdict(fault), "kind": fault.kind.name}


def unpacked_fault(fields: Mapping[str, Any]) -> Fault:
    """Restore a fault from the values of `packed_fault`."""
    about: dict[str, Any] = {
        "kind": Kind[fields["kind"]],
        "parameters": tuple(ParameterFault(**each) for each in fields["parameters"]),
        "suspects": tuple(Suspect(**each) for each in fields["suspects"]),
    }
    return Fault(**{**fields, **about})


class MoodleMcpError(Exception):
    """The base of all exceptions that this package raises on purpose."""


class SettingsError(MoodleMcpError):
    """A setting is missing or wrong; the message is one line that names it."""


class Delivery(Enum):
    """How far a request is known to have come."""

    NOT_SENT = "not sent"
    """No part of it has left this machine."""

    REJECTED = "rejected"
    """The site refused it before the function ran."""

    EXECUTED = "executed"
    """The function ran, and ended with an exception."""

    UNKNOWN = "unknown"
    """It may have been carried out: Moodle's answer is missing or unreadable, or an earlier attempt
    at the same request may have succeeded.
    """


class CallError(MoodleMcpError):
    """A call did not succeed.

    `while_checking` is True if the function rejected an item in its checks, before it changed
    anything for that item. `retry_after` is the number of seconds that the site asked to wait.
    `stage` is the step that failed before the request could be sent.

    Without `delivery`, a fault with a Moodle exception counts as executed, any other as unknown.
    """

    def __init__(
        self,
        fault: Fault,
        delivery: Delivery | None = None,
        *,
        while_checking: bool = False,
        retry_after: float | None = None,
        stage: Stage | None = None,
    ) -> None:
        super().__init__(f"{fault.kind.code}: {fault.message}")
        self.fault = fault
        default = Delivery.UNKNOWN if fault.exception is None else Delivery.EXECUTED
        self.delivery = delivery or default
        self.while_checking = while_checking
        self.retry_after = retry_after
        self.stage: Stage | None = stage

    @classmethod
    def not_sent(cls, fault: Fault) -> CallError:
        """Return the error of a call that sent nothing."""
        return cls(fault, Delivery.NOT_SENT)

    def but(self, **changes: Any) -> CallError:
        """Return the same error with some of its fault's fields replaced."""
        return self._with(replace(self.fault, **changes), self.delivery)

    def after_doubt(self) -> CallError:
        """Return the same error with unknown delivery, because an earlier attempt may have
        succeeded.
        """
        return self._with(self.fault, Delivery.UNKNOWN)

    def _with(self, fault: Fault, delivery: Delivery) -> CallError:
        return CallError(
            fault,
            delivery,
            while_checking=self.while_checking,
            retry_after=self.retry_after,
            stage=self.stage,
        )
