"""`moodle-mcp call`: a call through the same gate and caller as an agent's."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moodle_mcp.assembly import make_caller, make_gate, make_site
from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.outcome import Outcome, failed
from moodle_mcp.caller.run import Hooks
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.reserved import ON_ERROR
from moodle_mcp.catalogue.store import load, release_for
from moodle_mcp.cli.items import (
    as_arguments,
    merge_results,
    read_items,
    read_results,
    to_send,
    write_results,
)
from moodle_mcp.errors import CallError
from moodle_mcp.settings import Settings
from moodle_mcp.site.client import Connection, Site

NO_BUDGET = 86_400.0
"""Seconds that a run from a file may take: a person waits for it, no client gives up."""


@dataclass(frozen=True, slots=True)
class Job:
    """A call with items from a file."""

    function: str
    arguments: dict[str, Any]
    items: Path
    result: Path | None
    on_error: str

    @property
    def result_path(self) -> Path:
        """Where the fates go: beside the items unless named."""
        return self.result or self.items.with_name(f"{self.items.name}.result.jsonl")


async def call_once(
    settings: Settings, connection: Connection, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The envelope of one call."""
    async with _opened(settings, connection, name) as (function, caller):
        return (await _guarded(settings, caller, function, arguments)).envelope


async def call_with_items(settings: Settings, connection: Connection, job: Job) -> dict[str, Any]:
    """The envelope of a call with the items of a file that are not done yet.

    Raises:
        ItemsError: a file can't be used.
    """
    items = read_items(job.items)
    settings = settings.model_copy(update={"call_budget": NO_BUDGET})
    async with _opened(settings, connection, job.function) as (function, caller):
        before = read_results(job.result_path, items)
        sent = to_send(before, len(items), repeat_unknown=function.repeat_is_harmless)
        if before and not sent:
            return {"result": None, "batch": {"items": 0, "requests": 0, "succeeded": 0}}
        lists = as_arguments(function, [items[index] for index in sent])
        arguments = {**job.arguments, **lists}
        if function.batching and not function.reads_only:
            arguments[ON_ERROR] = job.on_error
        with _Bar(len(sent)) as bar:
            outcome = await _guarded(settings, caller, function, arguments, bar.hooks())
        if outcome.account is not None:
            results = merge_results(items, before, sent, outcome.account)
            write_results(job.result_path, results)
        return outcome.envelope


@dataclass
class _Bar:
    """A progress bar on stderr, and Ctrl-C as the wish to stop after the present request."""

    total: int
    _stop: bool = False
    _progress: Progress = field(
        default_factory=lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
    )

    def __enter__(self) -> _Bar:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        self._progress.start()
        self._task = self._progress.add_task("items", total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        signal.signal(signal.SIGINT, self._before)

    def hooks(self) -> Hooks:
        """What the caller tells and asks."""
        return Hooks(self._waits, self._done, lambda: self._stop)

    def _interrupted(self, *_: object) -> None:
        self._stop = True
        self._progress.update(self._task, description="stopping")

    async def _waits(self, seconds: float, error: CallError) -> None:
        self._progress.update(self._task, description=f"waiting {seconds:.0f} s")

    async def _done(self, done: int, _: int) -> None:
        self._progress.update(self._task, completed=done, description="items")


@asynccontextmanager
async def _opened(
    settings: Settings, connection: Connection, name: str
) -> AsyncGenerator[tuple[Function, Caller]]:
    """The function as the site's release has it, and a caller; the site is closed at the end."""
    site = make_site(connection)
    try:
        known = make_gate(settings).names(name)
        release = await _release(site) if known else None
        yield load(release_for(release)).get(name), make_caller(settings, site)
    finally:
        with anyio.CancelScope(shield=True):
            await site.aclose()


async def _guarded(
    settings: Settings,
    caller: Caller,
    function: Function,
    arguments: dict[str, Any],
    hooks: Hooks | None = None,
) -> Outcome:
    try:
        make_gate(settings).check(function)
    except CallError as error:
        return failed(function, error)
    return await caller.call(function, arguments, hooks)


async def _release(site: Site) -> str | None:
    """The site's release; unknown where it does not tell, which the call itself may explain."""
    try:
        return (await site.info()).release
    except CallError:
        return None
