"""Users of one process, each with a token and what the operator lets them call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.presentation.presenter import PresentationSettings
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import Process, ServiceSettings
from moodle_mcp.site.session import SiteSession
from tests.support.demo import connection, policy

SETTINGS: Final = ServiceSettings(
    mode=Mode.DIRECT, presentation=PresentationSettings(max_result=6_000)
)


@dataclass(frozen=True)
class User:
    """A user, what the operator lets them call, and the release of their site."""

    name: str
    token: str
    tools: str
    access: Access
    release: str

    async def context(self, process: Process, url: str) -> UserContext:
        reached = connection(url, self.token)
        shared = process.shared(reached.address)
        session = SiteSession(reached, transport=shared.transport, background=shared.background)
        own = policy(self.tools, self.access)
        return UserContext(process, session, own, owner=self.name)


ANN: Final = User("ann", ADMIN_TOKEN, "all", Access.DESTRUCTIVE, "4.5")
BOB: Final = User(
    "bob", STUDENT_TOKEN, "core_*,enrol_manual_*,mod_choice_*", Access.DESTRUCTIVE, "5.1"
)
