"""tool_mobile: several calls in one request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import MoodleError, invalid_parameter
from moodle_mcp.demo.php import to_json


def call_external_functions(call: Call, params: Params) -> Answer:
    """tool_mobile_call_external_functions: each call succeeds or fails for itself."""
    return {"responses": [_response(call, item) for item in params["requests"]]}


def _response(call: Call, item: Params) -> Answer:
    try:
        answer = call.run(item["function"], _arguments(option(item, "arguments", "{}")))
    except MoodleError as error:
        shown = {
            "exception": error.exception,
            "errorcode": error.errorcode,
            "message": error.message,
        }
        return {"error": True, "exception": to_json(shown)}
    return {"error": False, "data": to_json(answer)}


def _arguments(text: str) -> dict[str, Any]:
    try:
        decoded = _as_form(json.loads(text))
    except ValueError:
        raise invalid_parameter("The arguments are no JSON.") from None
    if not isinstance(decoded, dict):
        raise invalid_parameter(f"Only arrays accepted. The bad value is: '{decoded}'")
    return cast("dict[str, Any]", decoded)


def _as_form(value: Any) -> Any:
    """Decoded JSON as the same arguments would have come in a form."""
    match value:
        case dict():
            items = cast("Mapping[str, Any]", value).items()
            return {key: _as_form(child) for key, child in items}
        case list():
            children = enumerate(cast("list[Any]", value))
            return {str(index): _as_form(child) for index, child in children}
        case bool():
            return str(int(value))
        case _:
            return str(value)
