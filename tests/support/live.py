"""Access to the real Moodle of the live tests, through the MCP server or the caller."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import jsonschema_rs
import mcp_types as types
import pytest
from mcp import Client

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import Catalogue, catalogue_for, every_name
from moodle_mcp.files.folder import Folder
from moodle_mcp.policy.allowlist import parse_allowlist
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.policy.policy import Policy
from moodle_mcp.presentation.presenter import PresentationSettings
from moodle_mcp.server.tools import FUNCTION_KEY
from moodle_mcp.service.builtin_tools import MORE
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.site.session import SiteSession
from tests.support.serving import connection, context_of, server_for

URL: Final = "MOODLE_LIVE_URL"
TOKEN: Final = "MOODLE_LIVE_TOKEN"
OTHERS: Final = {
    "teacher": "MOODLE_LIVE_TOKEN_TEACHER",
    "student": "MOODLE_LIVE_TOKEN_STUDENT",
}
REPORT: Final = "MOODLE_LIVE_REPORT"
"""File for the records, one JSON object a line; `tools.live_report` makes the report of them."""

NO_REASON: Final = frozenset(
    {
        "bad_answer",
        "internal",
        "invalid_arguments",
        "moodle_error",
        "not_allowed",
        "site_error",
        "timeout",
        "unreachable",
    }
)
"""Kinds of error that tell an agent too little, or that valid arguments must not cause."""

PATIENT: Final = CallSettings(timeout=300, budget=900)

_MOST_PAGES: Final = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One call and its result; `seconds` is the duration of the whole call."""

    part: str
    function: str
    user: str
    outcome: str
    seconds: float
    errorcode: str = ""
    message: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    """Writes records to a file, if one is named."""

    path: Path | None = field(
        default_factory=lambda: Path(os.environ[REPORT]) if REPORT in os.environ else None
    )

    def add(self, record: Record) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")


class Live:
    """One user of the site, with an MCP client and a caller."""

    def __init__(self, user: str, session: Client, tools: list[types.Tool], caller: Caller) -> None:
        self.user = user
        self.tools = {str((tool.meta or {}).get(FUNCTION_KEY, tool.name)): tool for tool in tools}
        """By the function's full name; the tool of a long one has a shorter name."""
        self.catalogue: Catalogue = catalogue_for(None)
        self.userid = 0
        self.release = ""
        self.records = Records()
        self.written: set[str] = set()
        """The writes that were called."""
        self._session = session
        self._caller = caller

    async def meet(self) -> None:
        """Read the user's id and the site's release."""
        info = await self.result("core_webservice_get_site_info", {})
        self.userid, self.release = info["userid"], info["release"]
        self.catalogue = catalogue_for(self.release)

    def has(self, name: str) -> bool:
        """Whether the site has a function; records it if not."""
        if name in self.tools:
            return True
        self.records.add(Record("writes", name, self.user, "not_on_the_site", 0.0))
        return False

    def needs(self, name: str) -> None:
        """Skip the test if the site has no such function."""
        if name not in self.tools:
            pytest.skip(f"Moodle {self.release} has no {name}")

    async def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool and return the envelope, after checking its schema, its length, its pages
        and that text and structured content are the same.
        """
        self.needs(name)
        reply = await self._session.call_tool(self.tools[name].name, dict(arguments))
        envelope = self._checked(name, reply)
        following: str | None = envelope.get("page", {}).get("next")
        for _ in range(_MOST_PAGES):
            if following is None:
                break
            more = await self._session.call_tool(MORE.name, {"cursor": following})
            following = self._checked(name, more).get("page", {}).get("next")
        return envelope

    async def done(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a write that must succeed; return its result."""
        envelope = await self.tried(name, arguments)
        assert "error" not in envelope, (name, envelope["error"])
        return envelope["result"]

    async def tried(
        self, name: str, arguments: Mapping[str, Any], part: str = "writes"
    ) -> dict[str, Any]:
        """Call a write that must succeed or be refused with a reason; record it."""
        start = time.monotonic()
        envelope = await self.call(name, arguments)
        error: dict[str, Any] = envelope.get("error", {})
        self.written.add(name)
        self.records.add(
            Record(
                part=part,
                function=name,
                user=self.user,
                outcome=error.get("kind", "answered"),
                seconds=time.monotonic() - start,
                errorcode=error.get("errorcode", ""),
                message=error.get("message", ""),
            )
        )
        assert error.get("kind") not in NO_REASON, (name, error)
        return envelope

    async def outcome(self, name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Return the caller's outcome, without presentation."""
        if self.tools and name != SITE_INFO:
            self.needs(name)
        return await self._caller.call(self.catalogue.get(name), arguments)

    async def plugin(self, name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Return the caller's outcome of a plugin's function, which the catalogue may lack."""
        return await self._caller.call(self.catalogue.get(name), arguments)

    async def result(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Return the whole result of a call that must succeed."""
        outcome = await self.outcome(name, arguments)
        assert outcome.fault is None, (name, outcome.fault)
        return outcome.result

    async def found(
        self, name: str, arguments: Mapping[str, Any], key: str = ""
    ) -> list[dict[str, Any]]:
        """Return the list in a read's answer, under a key or as a whole; empty if refused."""
        outcome = await self.outcome(name, arguments)
        result: Any = outcome.result
        if key and result:
            result = result[key]
        return result or []

    def _checked(self, name: str, reply: types.CallToolResult) -> dict[str, Any]:
        envelope = cast("dict[str, Any]", reply.structured_content)
        text = reply.content[0]
        assert isinstance(text, types.TextContent)
        assert json.loads(text.text) == envelope
        most = PresentationSettings().max_result
        assert most is not None
        assert len(text.text) <= most, (name, len(text.text))
        assert reply.is_error == ("error" in envelope)
        # A page with the rest of a long text is only text, whatever the function answers.
        rest = "text" in envelope.get("page", {})
        schema = self.tools[MORE.name if rest else name].output_schema
        if schema is not None:
            jsonschema_rs.validator_for(schema).validate(envelope)
        return envelope


@asynccontextmanager
async def live_user(
    user: str, token: str, settings: CallSettings = PATIENT, folder: Path | None = None
) -> AsyncGenerator[Live]:
    """Connect as a user of the site, with every tool and without consent questions."""
    url = os.environ[URL]
    names = every_name()
    # Named in full, because some functions are only allowed by their full name.
    policy = Policy(
        parse_allowlist(" ".join([*names, "download_file", "upload_file"]), names),
        Access.DESTRUCTIVE,
    )
    site = SiteSession(connection(url, token))
    own = SiteSession(connection(url, token))
    caller = Caller(own, settings)
    app = context_of(
        site,
        Caller(site, settings),
        policy,
        ServiceSettings(Mode.DIRECT, Confirm.NEVER),
        folder=None if folder is None else Folder(folder),
        clock=time.time,
    )
    try:
        async with Client(server_for(app), read_timeout_seconds=600) as session:
            tools = (await session.list_tools()).tools
            live = Live(user, session, tools, caller)
            await live.meet()
            yield live
    finally:
        await own.aclose()
