"""The tool `bulk_call`: calls a function with the rows of a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from moodle_mcp.background import Background
from moodle_mcp.caller.ledger import BatchLedger
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.caller.resumable import Leftover
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import CONFIRM, DRY_RUN, ON_ERROR, on_error_choices
from moodle_mcp.catalogue.model import Function, FunctionText, ListOf, Object, ParameterText, Value
from moodle_mcp.catalogue.references import References
from moodle_mcp.errors import CallError, MoodleMcpError
from moodle_mcp.files.folder import Folder
from moodle_mcp.jsontree import LARGE_TEXT
from moodle_mcp.service.bulk.given import (
    as_lists,
    content_in,
    pairs_in,
    save_beside,
    wrong,
)
from moodle_mcp.service.bulk.only import chosen
from moodle_mcp.service.bulk.planning import Planned, Wanted, Zone, laid_out, plan
from moodle_mcp.service.bulk.report import (
    planned_outcome,
    refused,
    result_lines,
    warnings,
    with_file,
)
from moodle_mcp.service.bulk.source import read_answer
from moodle_mcp.service.references.resolver import Resolver
from moodle_mcp.service.registry import Functions
from moodle_mcp.service.resuming import Resumption
from moodle_mcp.tables.content import Content

BULK: Final = "bulk_call"

_PARAMS: Final[Mapping[str, Value | ListOf]] = {
    "function": Value("raw"),
    "csv": Value("raw", presence="optional"),
    "file": Value("raw", presence="optional"),
    "read": Value("raw", presence="optional"),
    "read_with": ListOf(Value("raw"), presence="optional"),
    "query": Value("raw", presence="optional"),
    "columns": ListOf(Value("raw"), presence="optional"),
    "defaults": ListOf(Value("raw"), presence="optional"),
    "only": Value("raw", presence="optional"),
    "on_error": Value("alpha", presence="optional"),
}
_TEXTS: Final = {
    "function": ParameterText("A function that takes a list, such as enrol_manual_enrol_users."),
    "csv": ParameterText("The table: a line of headers, then the rows."),
    "file": ParameterText("Instead of csv: a CSV or JSON file in the operator's folder."),
    "read": ParameterText("Instead of csv: a read whose answer has the rows."),
    "read_with": ParameterText("Its arguments. `courseid=5`"),
    "query": ParameterText(
        "JMESPath that finds the rows in its answer: `[?!submitted].{touserid: id}`"
    ),
    "columns": ParameterText(
        "HEADER=MEANING for headers that don't say it: an argument of an item (roleid), or what a "
        "name stands for: user, user.email, user.idnumber, course, role, group, cohort, activity "
        "(as in resolve). `E-Mail=user.email`; `Notes=` leaves a column out."
    ),
    "defaults": ParameterText("MEANING=VALUE for all rows. `role=student`, `course=BIO101`"),
    "only": ParameterText("Lines to do, such as 2-50,60."),
    "on_error": ParameterText(
        "stop (default: nothing is sent unless all rows are understood), continue or isolate."
    ),
}


def bulk_function(exposed: Sequence[Function], *, has_folder: bool) -> Function | None:
    """Define `bulk_call` with the highest access of the functions; None if no write takes a list.

    A table that is only read is a job for a read with a list of values, or for `resolve`.
    """
    accesses = {each.classification.access for each in exposed if each.batching is not None}
    if accesses <= {Access.READ}:
        return None
    access = Access.highest(accesses)
    names = [name for name in _PARAMS if has_folder or name != "file"]
    return Function(
        BULK,
        params=Object({name: _PARAMS[name] for name in names}),
        classification=Classification(access),
        text=FunctionText(
            "Call a function once with the rows of a table, in which people, courses, roles and "
            "more may be named instead of given by id. Every row is checked before anything is "
            "sent, and reported by its line. Begin with _dry_run.",
            {name: _TEXTS[name] for name in names},
        ),
    )


@dataclass(frozen=True, slots=True)
class BulkCall:
    """What `bulk_call` stands for: a call of the function with the good rows.

    `refusal` is the answer instead, if nothing is to be sent.
    """

    function: Function
    resumption: Resumption
    planned: Planned
    refusal: Outcome | None
    save: Callable[[BatchLedger], Awaitable[str | None]]
    is_dry: bool

    async def end(self, outcome: Outcome, ledger: BatchLedger | None) -> Outcome:
        """Extend the outcome of the call: what was planned, or where each row's result is.

        `ledger` is that of all rows.
        """
        if self.is_dry:
            requests = (outcome.batch or {}).get("requests", 0)
            return planned_outcome(self.function, self.planned, requests)
        outcome = replace(outcome, warnings=[*outcome.warnings, *warnings(self.planned)])
        saved = None if ledger is None else await self.save(ledger)
        return outcome if saved is None else replace(with_file(outcome, saved), result=None)


class Bulk:
    """Prepares the calls of `bulk_call` for one user."""

    def __init__(
        self,
        resolver: Callable[[], Resolver],
        checker: ArgumentChecker,
        background: Background,
        folder: Folder | None,
        references: References,
    ) -> None:
        self._resolver = resolver
        self._checker = checker
        self._background = background
        self._folder = folder
        self._references = references

    def function(self, exposed: Sequence[Function]) -> Function | None:
        """Define the tool for the functions that are allowed; None if none takes a list."""
        return bulk_function(exposed, has_folder=self._folder is not None)

    async def prepare(
        self, tool: Function, arguments: Mapping[str, Any], functions: Functions, zone: Zone
    ) -> BulkCall:
        """Read the table, find the ids of its names and check every row.

        Raises:
            CallError: the arguments are wrong, or names can't be looked up; nothing was sent.
        """
        given = self._checker.check(tool, as_lists(arguments))
        function = functions.named(tool, given["function"])
        functions.policy.check(function)
        on_error = given.get("on_error")
        known = on_error is None or on_error in on_error_choices(function)
        if not known and not function.reads_only:
            choices = ", ".join(on_error_choices(function))
            raise wrong(tool, "on_error", f"is not possible for {function.name}", choices)
        content = await self._content(tool, given, functions)
        wanted = Wanted(
            function,
            content,
            pairs_in(tool, "columns", given, last=True),
            pairs_in(tool, "defaults", given),
        )
        large = len(content.lines) > LARGE_TEXT // 100
        try:
            found, rows = await self._background.run_if(large, laid_out, wanted, self._references)
            if "only" in given:
                numbers = rows.lines or range(len(rows.items))
                rows = rows.only(chosen(given["only"], numbers))
        except CallError:
            raise
        except MoodleMcpError as error:
            raise wrong(tool, "", str(error)) from None
        planned = await plan(
            wanted, found, rows, self._resolver(), self._checker, self._background, zone
        )
        return self._call(function, planned, given, on_error)

    def _call(
        self, function: Function, planned: Planned, given: Mapping[str, Any], on_error: str | None
    ) -> BulkCall:
        is_dry = given.get(DRY_RUN) is True
        control: dict[str, Any] = {
            name: given[name] for name in (DRY_RUN, CONFIRM) if name in given
        }
        if on_error is not None and not function.reads_only and function.batching is not None:
            control[ON_ERROR] = on_error
        leftover = Leftover(function.name, planned.arguments, planned.good, planned.ledger)
        # Without `on_error`, nothing is sent unless all rows are understood; Moodle's own refusals
        # are then handled as the function's default says.
        is_strict = on_error in (None, "stop")
        refusal = None
        if is_dry and not planned.good:
            refusal = planned_outcome(function, planned, 0)
        elif not planned.good or (is_strict and not planned.all_are_good and not is_dry):
            refusal = refused(function, planned)
        source = given.get("file")
        return BulkCall(
            function,
            Resumption(None, leftover, None, control),
            planned,
            refusal,
            partial(self._save, source, planned.filled.rows.lines),
            is_dry,
        )

    async def _content(
        self, tool: Function, given: Mapping[str, Any], functions: Functions
    ) -> Content:
        if _source(tool, given, self._folder) != "read":
            return await content_in(tool, given, self._folder, self._background)
        read = functions.named(tool, given["read"])
        arguments = pairs_in(tool, "read_with", given)
        query, ask = given["query"], self._resolver().ask
        try:
            return await read_answer(read, arguments, query, ask, self._background)
        except CallError:
            raise
        except MoodleMcpError as error:
            raise wrong(tool, "read", str(error)) from None

    async def _save(
        self, source: str | None, lines: Sequence[int], ledger: BatchLedger
    ) -> str | None:
        """Save the result of each row beside the source; return the file's name if it is saved."""
        data = result_lines(ledger, lines or range(ledger.items))
        return await save_beside(self._folder, source, data)


def _source(tool: Function, given: Mapping[str, Any], folder: Folder | None) -> str:
    """Return which argument says where the rows are.

    Raises:
        CallError: none or several do, or the read lacks a query.
    """
    sources = ["csv", *(["file"] if folder else []), "read"]
    used = [name for name in sources if name in given]
    if len(used) != 1:
        others = " or ".join(sources[1:])
        raise wrong(tool, "csv", f"or {others} must be given, and only one of them")
    if ("query" in given) is not (used == ["read"]):
        raise wrong(tool, "query", "belongs to read, and read needs it")
    return used[0]
