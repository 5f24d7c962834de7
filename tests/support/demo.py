"""The demo site of one test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from mcp.server import Server

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.demo import ADMIN_TOKEN, DemoSite
from moodle_mcp.demo.records import StoredFile
from moodle_mcp.files.folder import Folder
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.protocol import REST, RESTFUL, Protocol
from moodle_mcp.site.session import SiteSession
from tests.support.serving import NOW, connection, context_of, no_wait, policy, server_for


@dataclass
class Demo:
    """The demo site of one test, and the protocol that its clients use."""

    site: DemoSite
    url: str
    protocol: Protocol = REST

    def client(self, token: str = ADMIN_TOKEN) -> SiteSession:
        """Return a client of the site; the caller closes it."""
        return SiteSession(connection(self.url, token, (self.protocol,)))

    def context(
        self,
        tools: str = "all",
        access: Access = Access.DESTRUCTIVE,
        *,
        token: str = ADMIN_TOKEN,
        calls: CallSettings | None = None,
        settings: ServiceSettings | None = None,
        audit: Audit | None = None,
        folder: Folder | None = None,
    ) -> UserContext:
        """Return a user context in front of the site."""
        site = self.client(token)
        caller = Caller(site, calls, sleep=no_wait)
        allowed = policy(tools, access)
        return context_of(site, caller, allowed, settings, audit=audit, folder=folder)

    def server(self, *args: Any, **kwargs: Any) -> Server[Any]:
        """Return an MCP server for such a context."""
        return server_for(self.context(*args, **kwargs))

    def calls_of(self, function: str) -> int:
        """Return how many requests for a function have arrived."""
        return sum(received.function == function for received in self.site.requests)

    def add_file(self, name: str, content: bytes, mimetype: str = "text/plain") -> str:
        """Add a file to a course of student1; return its address."""
        files = self.site.world.files
        module = next(each for each in self.site.world.modules_of(2) if each.modname == "resource")
        context = next(
            file.context for file in files.values() if file.context % 100_000 == module.id
        )
        number = files.next_id()
        files[number] = StoredFile(
            number, context, "mod_resource", "content", number, name, content, mimetype, 2, NOW
        )
        return f"{self.url}/webservice/pluginfile.php{files[number].path}?forcedownload=1"


in_both_protocols = pytest.mark.parametrize("demo", [REST, RESTFUL], indirect=True, ids=str)
"""Runs a test once for each protocol."""
