"""Receive requests at the demo site, within PHP's limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from moodle_mcp.demo.php import Form, Pair, parse_form, split_pairs
from moodle_mcp.demo.switches import Switches

RESTFUL: Final = "/webservice/restful/server.php"
"""The script of the RESTful protocol; the function's name follows as a part of the path."""

_PART_LIMIT: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Received:
    """A request as it arrived, whatever its outcome."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes = field(repr=False)
    function: str | None
    """The function named in the form fields, even if PHP dropped them, or in the path."""
    fields_sent: int
    """The number of form fields in the body."""
    fields_kept: int
    """The number of form fields that PHP kept."""


@dataclass(frozen=True)
class Input:
    """What a script finds in `$_GET`, `$_POST` and `$_FILES`."""

    received: Received
    form: Form
    files: list[tuple[str, bytes]]


def restful_function(path: str) -> str | None:
    """Return the function in a path of the RESTful protocol; None for any other path."""
    script, _, function = path.partition(RESTFUL)
    return None if script or RESTFUL not in path else function.lstrip("/")


async def receive(request: Request, switches: Switches) -> Input:
    """Read a request as PHP does: what exceeds a limit is dropped silently."""
    body = await request.body()
    query = request.scope["query_string"]
    pairs, files = await _fields(request, body)
    named = dict(split_pairs(query)) | dict(pairs)
    kept = pairs
    if len(body) > switches.post_max_size:
        kept, files = [], []
    kept = kept[: switches.max_input_vars]
    received = Received(
        request.method,
        request.scope["path"],
        query.decode("latin-1"),
        dict(request.headers),
        body,
        restful_function(request.scope["path"]) or named.get("wsfunction"),
        len(pairs),
        len(kept),
    )
    in_query = split_pairs(query)[: switches.max_input_vars]
    return Input(received, parse_form(in_query) | parse_form(kept), files)


async def _fields(request: Request, body: bytes) -> tuple[list[Pair], list[tuple[str, bytes]]]:
    """Return the form fields and files of a body; PHP ignores other kinds of bodies."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return split_pairs(body), []
    if kind != "multipart/form-data":
        return [], []
    fields: list[Pair] = []
    files: list[tuple[str, bytes]] = []
    async with request.form(
        max_files=float("inf"), max_fields=float("inf"), max_part_size=_PART_LIMIT
    ) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files.append((value.filename or name, await value.read()))
            else:
                fields.append((name, value))
    return fields, files
