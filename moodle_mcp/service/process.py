"""What all users of one process share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio

from moodle_mcp.background import Background
from moodle_mcp.caller.rate_limit import RateLimit
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.coercion import Coercer
from moodle_mcp.catalogue.loading import Catalogues
from moodle_mcp.catalogue.references import References
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.files.folder import Folder
from moodle_mcp.files.settings import FileSettings
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.presentation.presenter import PresentationSettings, RenderPlans
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.consent import MAX_ITEMS
from moodle_mcp.service.metrics import Metrics, NoMetrics
from moodle_mcp.site.address import Address
from moodle_mcp.site.transport import Transport
from moodle_mcp.store.base import Store
from moodle_mcp.store.memory import MemoryStore

FILES_AT_ONCE: Final = 2
"""Files that are transferred at once."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How functions are shown and called, how consent is got, and how answers are presented.

    `roles` are the ids of the site's roles by short name, as far as the operator has named them.
    """

    mode: Mode = Mode.AUTO
    confirm: Confirm = Confirm.ASK
    confirm_items: int = MAX_ITEMS
    roles: Mapping[str, int] = field(default_factory=dict[str, int])
    presentation: PresentationSettings = field(default_factory=PresentationSettings)
    calls: CallSettings = field(default_factory=CallSettings)
    files: FileSettings = field(default_factory=FileSettings)


@dataclass(frozen=True, slots=True)
class SharedSite:
    """What all users of one site share: connections, rate limit, background thread."""

    transport: Transport
    rate_limit: RateLimit
    background: Background


class Process:
    """What all users of one process share; only the store holds data of single users.

    `folder` is the operator's; only a server with one user has it. `clock` is in Unix seconds.
    """

    def __init__(
        self,
        settings: ServiceSettings | None = None,
        *,
        overrides: SiteOverrides = NO_OVERRIDES,
        store: Store | None = None,
        audit: Audit | None = None,
        metrics: Metrics | None = None,
        folder: Folder | None = None,
        user_agent: str = "moodle-mcp",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or ServiceSettings()
        self.catalogues = Catalogues(overrides)
        self.store = store or MemoryStore()
        self.audit = audit or Audit()
        self.metrics = metrics or NoMetrics()
        self.folder = folder
        self.clock = clock
        self.checker = ArgumentChecker()
        self.references = References()
        self.coercer = Coercer()
        self.render_plans = RenderPlans()
        self.file_turns = anyio.CapacityLimiter(FILES_AT_ONCE)
        self._user_agent = user_agent
        self._sites: dict[str, SharedSite] = {}

    def shared(self, address: Address) -> SharedSite:
        """What the users of the site at an address share; nothing is sent yet."""
        if address.base not in self._sites:
            calls = self.settings.calls
            self._sites[address.base] = SharedSite(
                Transport(address, self._user_agent),
                RateLimit(rate=calls.rate, reads=calls.reads, writes=calls.writes),
                Background(),
            )
        return self._sites[address.base]

    async def aclose(self) -> None:
        """Close the audit log, the store and the connections to all sites."""
        self.audit.close()
        for site in self._sites.values():
            await site.transport.aclose()
        await self.store.aclose()
