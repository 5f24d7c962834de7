"""tool_mobile: several calls in one request."""

from __future__ import annotations

from typing import Any, cast

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import MoodleError, invalid_parameter
from moodle_mcp.demo.php import parse_json, to_json


def call_external_functions(call: Call, params: Params) -> Answer:
    """tool_mobile_call_external_functions: each call succeeds or fails separately."""
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
    decoded = parse_json(text)
    if not isinstance(decoded, dict):
        raise invalid_parameter("The arguments are no JSON object.")
    return cast("dict[str, Any]", decoded)
