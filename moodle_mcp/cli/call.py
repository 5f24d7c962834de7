"""`moodle-mcp call`: run a call exactly as for an agent."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from moodle_mcp.caller.executor import Observer
from moodle_mcp.caller.ledger import Fate
from moodle_mcp.caller.outcome import Outcome, left_in_doubt, of_the_whole
from moodle_mcp.catalogue.control_arguments import CONTROL_ARGUMENTS, DRY_RUN, ON_ERROR
from moodle_mcp.catalogue.model import Function
from moodle_mcp.cli.item_file import Reading, read_items
from moodle_mcp.cli.items import ItemsError, Results, held, to_send
from moodle_mcp.cli.named_items import (
    Ready,
    has_names,
    named_rows,
    plain_rows,
    show_plan,
)
from moodle_mcp.errors import CallError, Fault
from moodle_mcp.service.bulk.report import planned_outcome, refused
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.service import CallService
from moodle_mcp.settings import Settings
from moodle_mcp.site.connection import Connection
from moodle_mcp.tables.shapes import Place, with_places
from moodle_mcp.terminal import progress_bar, say
from moodle_mcp.wiring import make_context, make_policy, make_process

if TYPE_CHECKING:
    from rich.progress import Progress

_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Signals that stop the run after the current request; Windows does not have all of them."""

_WAITING = "moodle-mcp: stopping when the current request ends; the result follows"

_CORRECT = "Correct the rows in batch.failed, or use --on-error continue to send the others."

NO_BUDGET = 86_400.0
"""Seconds that a run from a file may take: no client gives up waiting."""


@dataclass(frozen=True, slots=True)
class Job:
    """A call with items from a file.

    `columns` says what headers mean, `defaults` are the values that are the same for all items.
    """

    function: str
    arguments: dict[str, Any]
    items: Path
    result: Path | None
    on_error: str | None
    reading: Reading
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    defaults: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def result_path(self) -> Path:
        """Where the results go: beside the items unless given."""
        return self.result or self.items.with_name(f"{self.items.name}.result.jsonl")

    def call_at(self, connection: Connection) -> dict[str, Any]:
        """Return what identifies the run besides its items, without options on how to run it."""
        arguments = {
            name: self.arguments[name] for name in self.arguments if name not in CONTROL_ARGUMENTS
        }
        site = connection.address.base
        call = {"site": site, "function": self.function, "arguments": arguments}
        named = {"columns": dict(self.columns), "defaults": dict(self.defaults)}
        return call | {name: value for name, value in named.items() if value}


async def call_once(
    settings: Settings, connection: Connection, name: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Run one call; return its envelope, complete and as Moodle wrote it except for `_fields`."""
    async with opened_context(settings, connection) as context:
        await context.learn(name)
        service = CallService()
        if context.registry.function(name).reads_only:
            return (await service.call(context, name, arguments)).envelope
        with _Stop(lambda: say(_WAITING, err=True)) as stop:
            observer = Observer(stopped=lambda: stop.asked)
            return (await service.call(context, name, arguments, observer=observer)).envelope


async def call_with_items(settings: Settings, connection: Connection, job: Job) -> dict[str, Any]:
    """Run a call with a file's remaining items and return its envelope.

    Raises:
        ItemsError: a file can't be used, or another process is using the result file.
    """
    is_dry = job.arguments.get(DRY_RUN) is True
    with nullcontext() if is_dry else held(job.result_path):
        return await _call_with_items(settings, connection, job)


async def _call_with_items(settings: Settings, connection: Connection, job: Job) -> dict[str, Any]:
    file = read_items(job.items, job.reading)
    settings = settings.model_copy(update={"call_budget": NO_BUDGET})
    async with opened_context(settings, connection) as context:
        await context.learn(job.function)
        function = context.registry.function(job.function)
        names_things = has_names(file, function, context.process.references)
        if names_things or job.columns or job.defaults:
            rows = named_rows(file, function, job, context)
        else:
            rows = plain_rows(file, function, job.arguments)
        results = Results(job.result_path, rows.identities, job.call_at(connection))
        sent = to_send(results.fates, repeat_unknown=function.repeat_is_harmless)
        done_before = results.warnings_of_done(rows.identities)
        if not sent:
            outcome = replace(_nothing_to_send(function, results), warnings=done_before)
            return outcome.envelope
        ready = await rows.ready(sent)
        refusal = _refusal(function, job, ready)
        if refusal is not None:
            return refusal.envelope
        arguments = dict(ready.arguments)
        if job.on_error and function.batching and not function.reads_only:
            arguments[ON_ERROR] = job.on_error
        if not arguments.get(DRY_RUN):
            results.open()
            results.refuse(ready.faults)
        with _Bar(len(ready.sent)) as bar:
            observer = replace(bar.observer(), on_fates=partial(results.add, ready.sent))
            reply = await CallService().call(context, job.function, arguments, observer=observer)
        outcome = reply.outcome
        if outcome.fault is not None:
            placed = with_places(outcome.fault, function, rows.place, ready.sent)
            outcome = replace(outcome, fault=placed)
        if outcome.ledger is not None:
            outcome = _noted(outcome, results)
            if results.resumed or ready.faults:
                outcome = _of_the_file(function, outcome, results)
            outcome = _with_what_is_left(_with_lines(outcome, rows.place), results)
            outcome = replace(outcome, warnings=[*outcome.warnings, *done_before])
        elif ready.planned is not None and arguments.get(DRY_RUN):
            show_plan(ready.planned)
            requests = (outcome.batch or {}).get("requests", 0)
            outcome = planned_outcome(function, ready.planned, requests)
        result = {key: value for key, value in reply.envelope.items() if key == "result"}
        return outcome.envelope | result


def _refusal(function: Function, job: Job, ready: Ready) -> Outcome | None:
    """Return the answer if rows are not understood, so that nothing is sent."""
    planned = ready.planned
    if planned is None or planned.all_are_good:
        return None
    is_dry = job.arguments.get(DRY_RUN) is True
    if planned.good and (is_dry or job.on_error not in (None, "stop")):
        return None
    if is_dry:
        return planned_outcome(function, planned, 0)
    outcome = refused(function, planned)
    if outcome.fault is None:
        return outcome
    return replace(outcome, fault=replace(outcome.fault, hint=_CORRECT))


def _noted(outcome: Outcome, results: Results) -> Outcome:
    """Save the outcome to the result file; if that fails, add a warning."""
    try:
        results.finish()
    except ItemsError as error:
        warning = {"warningcode": "result_file", "message": str(error)}
        return replace(outcome, warnings=[*outcome.warnings, warning])
    return outcome


def _of_the_file(function: Function, outcome: Outcome, results: Results) -> Outcome:
    """Return a run's outcome for all items of the file, by their indexes there."""
    ledger = results.ledger()
    ledger.requests = outcome.ledger.requests if outcome.ledger else 0
    whole = of_the_whole(function, outcome, ledger)
    if outcome.fault is not None or whole.fault is None or not ledger.count(Fate.UNKNOWN):
        return whole
    return replace(whole, fault=_look_first(whole.fault, results.name))


def _with_lines(outcome: Outcome, place: Place) -> Outcome:
    """Add the line of each failed item, if the file has lines."""
    batch = outcome.batch or {}
    failures: list[dict[str, Any]] = batch.get("failed", [])
    placed = [{**each, "place": place(each["index"], ())} for each in failures]
    if not any(each["place"] for each in placed):
        return outcome
    return replace(outcome, batch={**batch, "failed": placed})


def _with_what_is_left(outcome: Outcome, results: Results) -> Outcome:
    """Add how to continue, if items failed or were not sent."""
    ledger = results.ledger()
    left = len(ledger.left)
    if outcome.fault is None or not left:
        return outcome
    go_on = f"Run the same command again: it continues with the {left} remaining items."
    return replace(outcome, fault=replace(outcome.fault, hint=f"{outcome.fault.advice} {go_on}"))


def _nothing_to_send(function: Function, results: Results) -> Outcome:
    """Return the outcome if all items are done, or the rest must be checked first."""
    ledger = results.ledger()
    if ledger.complete:
        return Outcome(batch=ledger.report())
    fault = _look_first(left_in_doubt(function, ledger.count(Fate.UNKNOWN)), results.name)
    fault = replace(fault, message=f"Nothing was sent: {fault.message}")
    return Outcome(batch=ledger.report(), fault=fault)


def _look_first(fault: Fault, file: str) -> Fault:
    """Explain for items whose outcome is unknown how to send them again."""
    return replace(fault, hint=f"{fault.advice} Then remove their lines from {file}.")


@dataclass
class _Stop:
    """Handles signals by stopping after the current request, so that its outcome is known."""

    tell: Callable[[], None]
    asked: bool = False

    def __enter__(self) -> _Stop:
        self._before = {number: signal.signal(number, self._ask) for number in _STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True
        self.tell()


@dataclass
class _Bar:
    """A progress bar on stderr; signals stop the run while it is shown."""

    total: int
    _progress: Progress = field(default_factory=progress_bar)

    def __enter__(self) -> _Bar:
        self._stop = _Stop(self._stopping).__enter__()
        self._progress.start()
        self._task = self._progress.add_task("items", total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._stop.__exit__()

    def observer(self) -> Observer:
        """The observer that updates the bar and reports whether to stop."""
        return Observer(self._waits, self._done, stopped=lambda: self._stop.asked)

    def _stopping(self) -> None:
        self._progress.update(self._task, description="stopping")

    async def _waits(self, seconds: float, error: CallError) -> None:
        self._progress.update(self._task, description=f"waiting {seconds:.0f} s")

    async def _done(self, done: int, _: int) -> None:
        self._progress.update(self._task, completed=done, description="items")


@asynccontextmanager
async def opened_context(settings: Settings, connection: Connection) -> AsyncGenerator[UserContext]:
    """Open the context of the command's user; closed at the end."""
    process = make_process(settings, for_agents=False)
    try:
        yield make_context(process, connection, make_policy(settings), has_builtins=False)
    finally:
        with anyio.CancelScope(shield=True):
            await process.aclose()
