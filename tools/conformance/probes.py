"""Protocol features that the suite tests and this server never uses by itself.

The server answers with text only, and asks a client for nothing but consent. So the content blocks
here are appended to a fixture's answer, and the questions are asked before a fixture is called. The
rest of such a call is the server's own code.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata

Context: TypeAlias = ServerRequestContext[Any, Any]
Params: TypeAlias = types.CallToolRequestParams | types.GetPromptRequestParams
Probe: TypeAlias = Callable[[Context, Params], Awaitable[types.InputRequiredResult | None]]

# The smallest GIF, and a WAV file without samples.
_GIF: Final = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
_WAV: Final = (
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"
)

IMAGE: Final = types.ImageContent(data=base64.b64encode(_GIF).decode(), mime_type="image/gif")
RESOURCE: Final = types.EmbeddedResource(
    resource=types.TextResourceContents(
        uri="test://embedded", mime_type="text/plain", text="A resource within an answer."
    )
)
BLOCKS: Final[Mapping[str, list[types.ContentBlock]]] = {
    "test_image_content": [IMAGE],
    "test_audio_content": [
        types.AudioContent(data=base64.b64encode(_WAV).decode(), mime_type="audio/wav")
    ],
    "test_embedded_resource": [RESOURCE],
    "test_multiple_content_types": [IMAGE, RESOURCE],
}


def form(message: str, **properties: Any) -> types.ElicitRequest:
    """Return an elicitation with a form, all of whose fields are required."""
    schema: types.ElicitRequestedSchema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


def _to_model(text: str) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=types.TextContent(text=text))
    params = types.CreateMessageRequestParams(messages=[message], max_tokens=100)
    return types.CreateMessageRequest(params=params)


_NAME: Final = form("What is your name?", name={"type": "string"})
_ROOTS: Final = types.ListRootsRequest()


def asking(requests: types.InputRequests, state: str | None = None) -> Probe:
    """Return a probe that asks until every request has an answer."""

    async def probe(_: Context, params: Params) -> types.InputRequiredResult | None:
        if requests.keys() <= (params.input_responses or {}).keys():
            return None
        return types.InputRequiredResult(input_requests=requests, request_state=state)

    return probe


async def _two_rounds(_: Context, params: Params) -> types.InputRequiredResult | None:
    answers = params.input_responses or {}
    if "second" in answers and params.request_state == "2":
        return None
    if "first" in answers and params.request_state == "1":
        second = form("What is your favourite colour?", colour={"type": "string"})
        return types.InputRequiredResult(input_requests={"second": second}, request_state="2")
    return types.InputRequiredResult(input_requests={"first": _NAME}, request_state="1")


async def _what_it_can(ctx: Context, params: Params) -> types.InputRequiredResult | None:
    """Ask only for what the client has declared."""
    declared = ctx.session.client_capabilities
    requests: types.InputRequests = {}
    if declared is not None and declared.elicitation is not None:
        requests["name"] = _NAME
    if declared is not None and declared.sampling is not None:
        requests["model"] = _to_model("What is the capital of Norway?")
    return await asking(requests)(ctx, params)


async def _needs_a_model(ctx: Context, _: Params) -> None:
    declared = ctx.session.client_capabilities
    if declared is None or declared.sampling is None:
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This needs a client that has a model",
            {"requiredCapabilities": {"sampling": {}}},
        )


async def _ask_model(ctx: Context, params: Params) -> None:
    request = _to_model(str((params.arguments or {}).get("prompt")))
    related = ServerMessageMetadata(related_request_id=ctx.request_id)
    await ctx.session.send_request(request, types.CreateMessageResult, metadata=related)


def _showing(message: str, properties: dict[str, Any]) -> Probe:
    async def probe(ctx: Context, _: Params) -> None:
        await ctx.session.elicit_form(
            message, {"type": "object", "properties": properties}, ctx.request_id
        )

    return probe


def _titled(*values: str) -> list[dict[str, str]]:
    return [{"const": value, "title": value.title()} for value in values]


# The suite compares with these values.
_DEFAULTS: Final = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_CHOICES: Final = ["option1", "option2", "option3"]
_ENUMS: Final = {
    "untitledSingle": {"type": "string", "enum": _CHOICES},
    "titledSingle": {"type": "string", "oneOf": _titled("value1", "value2", "value3")},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _CHOICES}},
    "titledMulti": {"type": "array", "items": {"anyOf": _titled("value1", "value2", "value3")}},
}

PROBES: Final[Mapping[str, Probe]] = {
    "test_sampling": _ask_model,
    "test_elicitation_sep1034_defaults": _showing("Please fill this in.", _DEFAULTS),
    "test_elicitation_sep1330_enums": _showing("Please choose.", _ENUMS),
    "test_missing_capability": _needs_a_model,
    "test_input_required_result_elicitation": asking({"user_name": _NAME}),
    "test_input_required_result_sampling": asking({"model": _to_model("The capital of Norway?")}),
    "test_input_required_result_list_roots": asking({"roots": _ROOTS}),
    "test_input_required_result_multiple_inputs": asking(
        {"name": _NAME, "model": _to_model("A greeting, please."), "roots": _ROOTS}, "asked"
    ),
    "test_input_required_result_multi_round": _two_rounds,
    "test_input_required_result_capabilities": _what_it_can,
}
