"""The resources and prompts that the conformance suite asks for, beside the server's own."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import mcp_types as types
from mcp.server import Server
from mcp.shared.exceptions import MCPError

from moodle_mcp.server.handlers import COMPLETED
from tools.conformance.probes import IMAGE, RESOURCE, Context, asking, form

Handler: TypeAlias = Callable[[Any, Any], Awaitable[Any]]

_FROM_TEMPLATE: Final = re.compile(r"test://template/([^/]+)/data")
_TEXT: Final = "text/plain"

_RESOURCES: Final = types.ListResourcesResult(
    resources=[
        types.Resource(uri="test://static-text", name="text", mime_type=_TEXT),
        types.Resource(uri="test://static-binary", name="binary", mime_type="image/gif"),
    ]
)
_TEMPLATES: Final = types.ListResourceTemplatesResult(
    resource_templates=[
        types.ResourceTemplate(uri_template="test://template/{id}/data", name="template")
    ]
)
_PROMPTS: Final = types.ListPromptsResult(
    prompts=[
        types.Prompt(name="test_simple_prompt", description="A text."),
        types.Prompt(
            name="test_prompt_with_arguments",
            description="A text with two arguments in it.",
            arguments=[
                types.PromptArgument(name="arg1", description="The first.", required=True),
                types.PromptArgument(name="arg2", description="The second.", required=True),
            ],
        ),
        types.Prompt(
            name="test_prompt_with_embedded_resource",
            description="A resource and a text.",
            arguments=[
                types.PromptArgument(name="resourceUri", description="Its URI.", required=True)
            ],
        ),
        types.Prompt(name="test_prompt_with_image", description="An image and a text."),
        types.Prompt(name="test_input_required_result_prompt", description="Asks for its context."),
    ]
)
_ASK_CONTEXT: Final = asking(
    {"context": form("Which context is it for?", context={"type": "string"})}
)


def offer(server: Server[Any]) -> None:
    """Add the fixtures to the resources and prompts of the server; keep its own handlers."""
    _list(server, "resources/list", "resources", _RESOURCES)
    _list(server, "resources/templates/list", "resource_templates", _TEMPLATES)
    _list(server, "prompts/list", "prompts", _PROMPTS)
    _answer(server, "resources/read", types.ReadResourceRequestParams, _read)
    _answer(server, "prompts/get", types.GetPromptRequestParams, _get)
    _complete(server)


def _list(server: Server[Any], method: str, items: str, fixtures: Any) -> None:
    """List what the server's own handler lists, then the fixtures."""
    own = server.get_request_handler(method)

    async def handle(ctx: Context, params: Any) -> Any:
        if own is None:
            return fixtures.model_copy()
        result: Any = await own.handler(ctx, params)
        both = [*getattr(result, items), *getattr(fixtures, items)]
        return result.model_copy(update={items: both})

    server.add_request_handler(method, types.PaginatedRequestParams, handle)


def _answer(
    server: Server[Any], method: str, params_type: type[types.RequestParams], fixture: Handler
) -> None:
    """Answer from a fixture if there is one, else with the server's own handler."""
    own = server.get_request_handler(method)

    async def handle(ctx: Context, params: Any) -> Any:
        result = await fixture(ctx, params)
        if result is None and own is not None:
            result = await own.handler(ctx, params)
        if result is None:
            name = str(getattr(params, "uri", None) or params.name)
            raise MCPError(types.INVALID_PARAMS, f"There is no {name}", {"uri": name})
        return result

    server.add_request_handler(method, params_type, handle)


def _complete(server: Server[Any]) -> None:
    """Answer the suite's completion request for its own prompt as for one of the server's."""
    own = server.get_request_handler("completion/complete")
    if own is None:
        return
    handler = own.handler
    prompt = types.PromptReference(name="course_health_check")

    async def handle(ctx: Context, params: types.CompleteRequestParams) -> Any:
        argument = params.argument.model_copy(update={"name": COMPLETED})
        return await handler(ctx, params.model_copy(update={"ref": prompt, "argument": argument}))

    server.add_request_handler("completion/complete", types.CompleteRequestParams, handle)


async def _read(_: Context, params: types.ReadResourceRequestParams) -> Any:
    uri = str(params.uri)
    if uri == "test://static-text":
        content = types.TextResourceContents(uri=uri, mime_type=_TEXT, text="A text.")
    elif uri == "test://static-binary":
        blob = base64.b64encode(b"\0\1\2").decode()
        content = types.BlobResourceContents(uri=uri, mime_type="image/gif", blob=blob)
    elif found := _FROM_TEMPLATE.fullmatch(uri):
        content = types.TextResourceContents(uri=uri, mime_type=_TEXT, text=f"Made of {found[1]}.")
    else:
        return None
    return types.ReadResourceResult(contents=[content])


async def _get(ctx: Context, params: types.GetPromptRequestParams) -> Any:
    arguments = params.arguments or {}
    text = types.TextContent(text="This is a prompt.")
    match params.name:
        case "test_simple_prompt":
            return _prompt(text)
        case "test_prompt_with_arguments":
            words = f"The arguments are {arguments.get('arg1')} and {arguments.get('arg2')}."
            return _prompt(types.TextContent(text=words))
        case "test_prompt_with_embedded_resource":
            return _prompt(RESOURCE, text)
        case "test_prompt_with_image":
            return _prompt(IMAGE, text)
        case "test_input_required_result_prompt":
            return await _ASK_CONTEXT(ctx, params) or _prompt(text)
        case _:
            return None


def _prompt(*blocks: types.ContentBlock) -> types.GetPromptResult:
    messages = [types.PromptMessage(role="user", content=block) for block in blocks]
    return types.GetPromptResult(messages=messages)
