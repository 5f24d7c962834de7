"""The tool `upload_users`: accounts from a table as for Moodle's page "Upload users"."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from moodle_mcp.background import Background
from moodle_mcp.caller.ledger import MAX_NAMED, brief, ranges
from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.control_arguments import DRY_RUN
from moodle_mcp.catalogue.model import Function, FunctionText, ListOf, Object, ParameterText, Value
from moodle_mcp.errors import Fault, Kind
from moodle_mcp.files.folder import Folder
from moodle_mcp.service.bulk.given import as_lists, content_in, pairs_in, save_beside, wrong
from moodle_mcp.service.references.resolver import Resolver
from moodle_mcp.service.upload.columns import UploadError, check_headers
from moodle_mcp.service.upload.people import Person, RowError, person, row_fault
from moodle_mcp.service.upload.running import MODES, Call, Row, Upload
from moodle_mcp.tables.content import Content
from moodle_mcp.tables.reader import Table

UPLOAD: Final = "upload_users"

_PARAMS: Final[Mapping[str, Value | ListOf]] = {
    "csv": Value("raw", presence="optional"),
    "file": Value("raw", presence="optional"),
    "mode": Value("alphanumext", presence="optional"),
    "columns": ListOf(Value("raw"), presence="optional"),
    "defaults": ListOf(Value("raw"), presence="optional"),
    "make_groups": Value("bool", presence="optional"),
    "on_error": Value("alpha", presence="optional"),
}
_TEXTS: Final = {
    "csv": ParameterText("The table: a line of headers, then the rows."),
    "file": ParameterText("Instead of csv: a CSV file in the operator's folder."),
    "mode": ParameterText("add (default), add_update or update."),
    "columns": ParameterText("HEADER=COLUMN for other headers. `E-Mail=email`"),
    "defaults": ParameterText("COLUMN=VALUE for all rows. `role1=student`"),
    "make_groups": ParameterText("Make groups that are missing."),
    "on_error": ParameterText("stop (default) or continue with the rows that are understood."),
}
_ON_ERROR: Final = ("stop", "continue")
_AGAIN: Final = (
    "Correct the rows and run it again with mode add_update, because accounts may exist by now: "
    "what is done is not repeated."
)


def upload_function(*, has_folder: bool) -> Function:
    """Define `upload_users`."""
    names = [name for name in _PARAMS if has_folder or name != "file"]
    return Function(
        UPLOAD,
        params=Object({name: _PARAMS[name] for name in names}),
        classification=Classification(Access.DESTRUCTIVE),
        text=FunctionText(
            "Create and update accounts from a table with the columns of Moodle's page Upload "
            "users: username, firstname, lastname, email, password (else Moodle mails one), "
            "profile_field_NAME, suspended, deleted, oldusername, cohort1, course1, role1, group1, "
            "enrolstatus1, enrolperiod1, sysrole1 and more. Begin with _dry_run.",
            {name: _TEXTS[name] for name in names},
        ),
    )


@dataclass(slots=True)
class PreparedUpload:
    """An upload that has been checked; `end` answers what became of it."""

    upload: Upload
    is_dry: bool
    continues: bool
    source: str | None
    folder: Folder | None

    @property
    def is_refused(self) -> bool:
        """Whether nothing is to be sent, because rows are not understood."""
        rows = self.upload.rows
        failed = any(row.fault is not None for row in rows)
        return failed and not (self.continues and any(row.is_open for row in rows))

    @property
    def harm(self) -> dict[str, Any]:
        """Accounts to be deleted and suspended, as arguments of a call that is to be confirmed."""
        rows = [row for row in self.upload.rows if row.is_open and row.user is not None]
        deleted = [_id(row) for row in rows if row.person.is_deleted]
        suspended = [
            {"id": _id(row), "suspended": True}
            for row in rows
            if row.person.suspended
            and not row.person.is_deleted
            and not (row.user or {}).get("suspended")
        ]
        return {
            name: value for name, value in (("userids", deleted), ("users", suspended)) if value
        }

    def planned(self) -> Outcome:
        """The outcome of a dry run."""
        return Outcome(result={"dry_run": True, **self._report(), "would": self.upload.counts()})

    def refused(self) -> Outcome:
        """The outcome if rows are not understood: nothing was sent."""
        bad = [row for row in self.upload.rows if row.fault is not None]
        message = (
            f"Nothing was sent: {len(bad)} of {len(self.upload.rows)} rows are not understood. "
            f"The first: {bad[0].fault.message if bad[0].fault else ''}"
        )
        hint = "Correct the rows in failed. Or pass on_error=continue to do the others only."
        fault = Fault(Kind.INVALID_ARGUMENTS, message, hint=hint, function=UPLOAD)
        return Outcome(result=self._report(planned=True), fault=fault)

    async def run(self, call: Call) -> Outcome:
        """Make the calls and answer what became of each row."""
        await self.upload.run(call)
        rows = self.upload.rows
        result = self._report()
        saved = await save_beside(self.folder, self.source, self.result_lines())
        if saved is not None:
            result["file"] = saved
        bad = [row for row in rows if row.state in ("failed", "unknown")]
        if not bad:
            return Outcome(result=result)
        cause = next((row.fault for row in bad if row.fault is not None), None)
        is_unknown = any(row.state == "unknown" for row in bad)
        wrote = any(row.done for row in rows)
        fault = Fault(
            cause.kind if cause else Kind.MOODLE_ERROR,
            f"{len(bad)} of {len(rows)} rows are not done."
            + (f" The first: {cause.message}" if cause else ""),
            hint=_AGAIN,
            function=UPLOAD,
            errorcode=cause.errorcode if cause else None,
            retryable=False,
            written="unknown" if is_unknown else "something" if wrote else "nothing",
        )
        said = frozenset({cause.said}) if cause and cause.said else frozenset[str]()
        return Outcome(result=result, fault=fault, said_of_items=said)

    def result_lines(self) -> bytes:
        """Return a line of JSON for each row, without anything of its account."""
        lines = ({"state": row.state, **_failure(row)} for row in self.upload.rows)
        return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in lines).encode()

    def _report(self, *, planned: bool = False) -> dict[str, Any]:
        rows = self.upload.rows
        failed = [row for row in rows if row.state == "failed"]
        good = [row for row in rows if row.state != "failed" and not planned]
        counted = Counter(_plan(row) if self.is_dry else row.state for row in good)
        report: dict[str, Any] = {"rows": len(rows), **dict(sorted(counted.items()))}
        report["failed"] = [_failure(row) for row in failed[:MAX_NAMED]]
        if len(failed) > MAX_NAMED:
            report["failed_too"] = ranges(row.person.line for row in failed[MAX_NAMED:])
        unknown = [row.person.line for row in rows if row.state == "unknown"]
        return report | ({"unknown_lines": ranges(unknown)} if unknown else {})


class Uploads:
    """Prepares the uploads of one user."""

    def __init__(
        self,
        resolver: Callable[[], Resolver],
        allowed: Callable[[str], Function],
        checker: ArgumentChecker,
        background: Background,
        folder: Folder | None,
        clock: Callable[[], float],
    ) -> None:
        self.tool = upload_function(has_folder=folder is not None)
        self._resolver = resolver
        self._allowed = allowed
        self._checker = checker
        self._background = background
        self._folder = folder
        self._clock = clock

    async def prepare(self, arguments: Mapping[str, Any]) -> PreparedUpload:
        """Read the table, find accounts and names, and check every row.

        Raises:
            CallError: the arguments are wrong, names can't be looked up, or a function that is
                needed is not allowed; nothing was sent.
        """
        tool = self.tool
        given = self._checker.check(tool, as_lists(arguments))
        mode, on_error = given.get("mode", "add"), given.get("on_error", "stop")
        if mode not in MODES:
            raise wrong(tool, "mode", "is not a mode", ", ".join(MODES))
        if on_error not in _ON_ERROR:
            raise wrong(tool, "on_error", "is not possible", ", ".join(_ON_ERROR))
        content = await content_in(tool, given, self._folder, self._background)
        columns = pairs_in(tool, "columns", given, last=True)
        defaults = pairs_in(tool, "defaults", given)
        try:
            read = partial(rows_of, content, columns, defaults, int(self._clock()))
            rows = await self._background.run(read)
        except UploadError as error:
            raise wrong(tool, "csv" if "csv" in given else "file", str(error)) from None
        upload = Upload(rows, mode, given.get("make_groups", False))
        await upload.prepare(self._resolver())
        for name in upload.functions():
            self._allowed(name)
        is_dry = given.get(DRY_RUN) is True
        return PreparedUpload(
            upload, is_dry, on_error == "continue", given.get("file"), self._folder
        )


def rows_of(
    content: Content, columns: Mapping[str, str], defaults: Mapping[str, str], now: int
) -> list[Row]:
    """Return the rows of a table; those that can't be used have a fault.

    Raises:
        UploadError: a column can't be used.
    """
    if not isinstance(content.data, Table):
        raise UploadError("is not a table")
    table = content.data
    unknown = [name for name in columns if name not in [each.header for each in table.columns]]
    if unknown:
        raise UploadError(f"columns: the table has no column {unknown[0]}")
    names = {each: columns.get(each.header, each.header).lower() for each in table.columns}
    check_headers(dict.fromkeys([*names.values(), *defaults]))
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for row in table.rows:
        cells = {name: row.cell(column) for column, name in names.items()}
        filled = {**defaults, **{name: text for name, text in cells.items() if text.strip()}}
        try:
            each = Row(person(row.line, filled, now))
        except RowError as error:
            each = Row(Person(row.line, "", {}))
            each.fail(row_fault(str(error)))
        first = seen.setdefault(each.person.username, row.line)
        if first != row.line and each.fault is None:
            each.fail(row_fault(f"username {each.person.username} is in line {first} too"))
        rows.append(each)
    return rows


def _id(row: Row) -> int:
    return cast("Mapping[str, Any]", row.user)["id"]


def _plan(row: Row) -> str:
    """Return what would become of a row."""
    if row.state == "skipped":
        return row.state
    if row.person.is_deleted:
        return "deleted"
    return "created" if row.user is None else "existing"


def _failure(row: Row) -> dict[str, Any]:
    failure: dict[str, Any] = {"line": row.person.line}
    if row.step:
        failure |= {"step": row.step, "done": list(dict.fromkeys(row.done))}
    return failure | ({"error": brief(row.fault)} if row.fault else {})
