"""Random answers of a site to any function, and checks of what the server makes of them."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import anyio
import jsonschema_rs
import mcp_types as types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import strategies as st
from mcp import Client

from moodle_mcp.caller.caller import Caller
from moodle_mcp.caller.settings import CallSettings
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.naming import tool_name
from moodle_mcp.catalogue.schema import output_schema
from moodle_mcp.demo import ADMIN_TOKEN
from moodle_mcp.errors import CallError
from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.presentation.presenter import PresentationSettings
from moodle_mcp.service.process import ServiceSettings
from moodle_mcp.site.session import SiteSession
from tests.support.faults.proxy import Exchange, Proxy
from tests.support.serving import connection, context_of, no_wait, policy, server_for
from tests.support.strategies import ANY_JSON, ODD_NUMBERS, ODD_TEXTS, TEXT, json_values

SMALLEST: Final[dict[str, Any]] = {"integer": 1, "number": 1.0, "boolean": True, "string": "a"}


def smallest(node: Node) -> Any:
    """Return the smallest value that a part of a tree takes as an argument."""
    match node:
        case Value():
            kinds = {"int": 1, "float": 1.0, "bool": True}
            return kinds.get(node.type, "a")
        case ListOf():
            return [smallest(node.item)]
        case Object():
            needed = {k: v for k, v in node.keys.items() if v.presence == "required"}
            return {key: smallest(child) for key, child in needed.items()}


def _callable() -> dict[str, tuple[Function, dict[str, Any]]]:
    """Return the functions that accept the smallest arguments, with those arguments."""
    catalogue = load()
    caller = Caller(SiteSession(connection("http://127.0.0.1:9")))
    found: dict[str, tuple[Function, dict[str, Any]]] = {}
    for name in catalogue:
        function = catalogue.get(name)
        arguments = smallest(function.params)
        try:
            anyio.run(caller.prepare, function, arguments)
        except CallError:
            continue
        found[name] = function, arguments
    return found


CALLS: Final = _callable()

_ANY: Final = json_values(ODD_NUMBERS, ODD_TEXTS, st.sampled_from(["<p>x</p>" * 500, "\u202e\x07"]))


def rendered(node: Node | None) -> st.SearchStrategy[Any]:
    """Return answers that mostly fit the tree, with other values in some places."""
    match node:
        case None:
            return st.none()
        case Value():
            right = {
                "int": st.integers(-(2**63), 2**63 - 1),
                "float": st.floats(allow_nan=False, allow_infinity=False),
                "bool": st.booleans(),
            }
            return st.one_of(right.get(node.type, TEXT), st.none(), ODD_TEXTS, _ANY)
        case ListOf():
            return st.lists(st.deferred(lambda: rendered(node.item)), max_size=3) | _ANY
        case Object():
            members = {key: rendered(child) for key, child in node.keys.items()}
            return st.fixed_dictionaries({}, optional=members) | st.just([]) | _ANY


_WARNINGS: Final[st.SearchStrategy[Any]] = st.lists(
    st.fixed_dictionaries(
        {"warningcode": ANY_JSON},
        optional={"item": ANY_JSON, "itemid": ANY_JSON, "message": ANY_JSON},
    ),
    max_size=3,
)
_EXCEPTIONS: Final[st.SearchStrategy[Any]] = st.fixed_dictionaries(
    {"exception": ANY_JSON},
    optional={"errorcode": ANY_JSON, "message": ANY_JSON, "debuginfo": ANY_JSON},
)
_ERRORS: Final[st.SearchStrategy[Any]] = st.fixed_dictionaries(
    {"error": ANY_JSON},
    optional={"errorcode": st.sampled_from(["invalidtoken", "x"]), "stacktrace": st.none()},
)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def bodies(draw: st.DrawFn, function: Function) -> bytes:
    """Draw the body of an answer: of the right shape, of any shape, cut, or not JSON."""
    value: st.SearchStrategy[Any] = st.one_of(
        rendered(function.returns),
        _ANY,
        _EXCEPTIONS,
        _ERRORS,
        st.fixed_dictionaries({"warnings": _WARNINGS | ANY_JSON}),
    )
    body = draw(st.one_of(value.map(_dumped), st.binary(max_size=50)))
    before = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"<br>Notice: x\n", b"\n"]))
    return before + body[: draw(st.sampled_from([len(body), len(body), len(body), 7]))]


# Without 429 and 503, because the server would wait as long as they ask.
_STATUSES: Final = [201, 204, 302, 400, 403, 404, 413, 500, 502]


@st.composite
def answers(draw: st.DrawFn, function: Function) -> bytes:
    """Draw all bytes of an answer: mostly HTTP."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    body = draw(bodies(function))
    status = draw(st.sampled_from([200] * 12 + _STATUSES))
    length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 %d Odd\r\n%b\r\n" % (status, length) + (body if length else b"")


class Answering:
    """The server in front of a site with scripted answers."""

    def __init__(self, portal: BlockingPortal, client: Client, proxy: Proxy) -> None:
        self._portal = portal
        self._client = client
        self._proxy = proxy
        self._schemas: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def check_answer(self, function: Function, arguments: dict[str, Any], answer: bytes) -> str:
        """Check that the envelope keeps its contracts; return its kind of error or ""."""

        async def reply(exchange: Exchange) -> None:
            await exchange.request()
            await exchange.send(answer)
            await exchange.close()

        self._proxy.fallback = reply
        call = self._client.call_tool
        result = self._portal.call(call, tool_name(function.name), arguments)
        assert isinstance(result, types.CallToolResult)
        envelope = result.structured_content
        assert envelope is not None
        assert self._schema(function).is_valid(envelope)
        text = result.content[0]
        assert isinstance(text, types.TextContent)
        assert json.loads(text.text) == envelope
        assert ADMIN_TOKEN not in text.text
        error = envelope.get("error")
        assert bool(result.is_error) == (error is not None)
        if error is None:
            assert b"HTTP/1.1 20" in answer
            return ""
        assert error["kind"] != "internal"
        check_written(function, answer, error)
        return error["kind"]

    def _schema(self, function: Function) -> jsonschema_rs.Draft202012Validator:
        if function.name not in self._schemas:
            schema = output_schema(function)
            self._schemas[function.name] = jsonschema_rs.Draft202012Validator(schema)
        return self._schemas[function.name]


def check_written(function: Function, answer: bytes, error: dict[str, Any]) -> None:
    """Check that `written` is "nothing" only if the answer is a refusal."""
    if function.reads_only:
        assert error["written"] == "nothing"
        return
    # The same course twice, for example, is refused before anything is sent.
    refused = error.get("http_status") in (302, 403, 404, 413) or "Not sent: " in error["message"]
    told = any(
        word in answer
        for word in (b"exception", b"EXCEPTION", b"errorcode", b"errormessage", b"warning")
    )
    assert error["written"] != "nothing" or refused or told


@contextmanager
def answering() -> Generator[Answering]:
    """Run a server and its client in an event loop of their own."""
    with start_blocking_portal() as portal:
        proxy = Proxy("http://127.0.0.1:9")
        with portal.wrap_async_context_manager(proxy):
            site = SiteSession(connection(proxy.url))
            caller = Caller(site, CallSettings(rate=1000, timeout=30), sleep=no_wait)
            style = PresentationSettings(max_result=4_000)
            presentation = ServiceSettings(Mode.DIRECT, Confirm.NEVER, presentation=style)
            app = context_of(site, caller, policy(",".join(load())), presentation)
            with portal.wrap_async_context_manager(Client(server_for(app))) as client:
                yield Answering(portal, client, proxy)
