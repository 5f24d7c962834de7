"""Parses the lines that a client sends, one JSON-RPC message each.

The SDK silently drops what it can't read, and the client waits forever for the answer. So each
unreadable line gets an error reply.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from typing import Any, Final, cast

import mcp_types as types

from moodle_mcp.jsontree import has_more_values
from moodle_mcp.textfile import TextError, decoded

MAX_LINE: Final = 64 * 1024 * 1024
"""Most bytes of one message from a client; a longer one is not read."""

MAX_VALUES: Final = 100_000
"""Most values of one message from a client; a larger one is not parsed."""

_ID: Final = rb'"id"\s*:\s*(-?[0-9]{1,18}|"[^"\\]{1,200}")\s*'
_ID_FIRST: Final = re.compile(
    rb'\s*\{\s*(?:"(?:jsonrpc|method)"\s*:\s*"[^"\\]{0,200}"\s*,\s*){0,2}' + _ID + rb","
)
_ID_LAST: Final = re.compile(
    rb"[,{]\s*" + _ID + rb'(?:,\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]{0,200}"\s*){0,2}\}\s*\Z'
)
_AT_AN_END: Final = 1_000
_ANSWERS: Final = frozenset({"result", "error"})


class UnreadableError(Exception):
    """A line is not a message; `reply` is the error reply, None if there is none to send."""

    def __init__(self, reply: types.JSONRPCError | None = None) -> None:
        super().__init__("the line is not a message" if reply is None else reply.error.message)
        self.reply = reply


async def read_line(reader: asyncio.StreamReader) -> bytes:
    """Read the next line; empty at the end of the input.

    Raises:
        UnreadableError: it is longer than the reader's limit; it has been skipped.
    """
    too_long = False
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as ended:
            line = ended.partial
        except asyncio.LimitOverrunError as over:
            await reader.readexactly(over.consumed)
            too_long = True
            continue
        if too_long:
            problem = f"the message is longer than {MAX_LINE} bytes"
            raise UnreadableError(_refusal(types.INVALID_REQUEST, problem))
        return line


def parse_line(line: bytes) -> types.JSONRPCMessage:
    """Parse the message in a line.

    An answer that can't be read is an error, or the call that has asked would wait for it.

    Raises:
        UnreadableError: it is not a message, or is a request whose id can't be answered.
    """
    # Some clients write a byte-order mark before their first message.
    line = line.removeprefix(codecs.BOM_UTF8)
    if has_more_values(line, MAX_VALUES):
        raise UnreadableError(refusal_of_values(line))
    try:
        message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        answer = _unreadable_answer(line)
        if answer is None:
            raise UnreadableError(_reply(line)) from None
        return answer
    # An id that is no text and no integer makes a notification of a request, for the SDK.
    if isinstance(message, types.JSONRPCNotification) and b'"id"' in line:
        reply = _reply(line)
        if reply is not None:
            raise UnreadableError(reply)
    return message


def refusal_of_values(message: bytes) -> types.JSONRPCError:
    """The reply to a message with more than `MAX_VALUES` values.

    It has the request's id if that is before or after the parameters, where clients write it.
    """
    problem = f"a message may have {MAX_VALUES:,} values; pass fewer items in one call"
    return _refusal(types.INVALID_REQUEST, problem, request_id(message))


def refusal_of_id(number: int | str) -> types.JSONRPCError:
    """The reply to a request whose id another one that is under way has."""
    problem = "a request with this id is under way in this session"
    return _refusal(types.INVALID_REQUEST, problem, number)


def request_id(message: bytes) -> int | str | None:
    """A request's id, if it stands before or after the parameters, as clients write it."""
    found = _ID_FIRST.match(message, 0, _AT_AN_END) or _ID_LAST.search(message[-_AT_AN_END:])
    return json.loads(found[1]) if found else None


def _unreadable_answer(line: bytes) -> types.JSONRPCError | None:
    """The error that stands for an answer which can't be read; None for what is no answer."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or "method" in message or not message.keys() & _ANSWERS:
        return None
    problem = "the answer can't be read"
    answer = _refusal(types.INVALID_REQUEST, problem, cast("dict[str, Any]", message).get("id"))
    return None if answer.id is None else answer


def _reply(line: bytes) -> types.JSONRPCError | None:
    """The reply to a line that is not a message; None if no request was meant."""
    if not line.strip():
        return None
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _refusal(types.PARSE_ERROR, _why_unreadable(line))
    if not isinstance(message, dict):
        return _refusal(
            types.INVALID_REQUEST, "a line is one message, and batches are not supported"
        )
    members = cast("dict[str, Any]", message)
    if "id" not in members and "method" in members:
        return None
    if "method" not in members and ("result" in members or "error" in members):
        # It was meant as a response; a reply to it would be answered again.
        return None
    problem = "not a JSON-RPC 2.0 request, or one with text that UTF-8 can't encode"
    return _refusal(types.INVALID_REQUEST, problem, members.get("id"))


def _why_unreadable(line: bytes) -> str:
    try:
        decoded(line)
    except TextError as error:
        return f"the line {error.problem}; messages must be UTF-8"
    return "the line is not valid JSON"


def _refusal(code: int, problem: str, request: Any = None) -> types.JSONRPCError:
    """An error response, with the request's id if that is a valid one."""
    known = isinstance(request, int) and not isinstance(request, bool)
    known = known or (isinstance(request, str) and _in_utf8(request))
    error = types.ErrorData(code=code, message=f"Nothing was done: {problem}.")
    return types.JSONRPCError(jsonrpc="2.0", id=request if known else None, error=error)


def _in_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
