"""The tools that the conformance suite wants to find, as functions of a Moodle.

The suite knows them by name; the names are its own. Each is called like any other function: through
the gate, the check of its arguments, the caller, HTTP and the answers.
"""

from __future__ import annotations

from typing import Final

from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Function, FunctionText, Object, Value

SLOW: Final = "test_tool_with_progress"
FAILING: Final = "test_error_handling"

_TEXT: Final = Value("raw")


def _reading(name: str, text: str, params: dict[str, Value] | None = None) -> Function:
    return Function(
        name,
        component="local_conformance",
        params=Object(params or {}),
        returns=_TEXT,
        text=FunctionText(text),
        classification=Classification(Access.READ),
    )


def _destructive(name: str, text: str, params: dict[str, Value] | None = None) -> Function:
    return Function(
        name,
        component="local_conformance",
        params=Object(params or {}),
        returns=_TEXT,
        text=FunctionText(text),
        classification=Classification(Access.DESTRUCTIVE),
    )


FIXTURES: Final = {
    function.name: function
    for function in (
        _reading("test_simple_text", "Answers a text."),
        _reading("test_image_content", "Answers a text and an image."),
        _reading("test_audio_content", "Answers a text and a sound."),
        _reading("test_embedded_resource", "Answers a text and a resource."),
        _reading("test_multiple_content_types", "Answers a text, an image and a resource."),
        _reading(FAILING, "Is refused by the site."),
        _reading(SLOW, "Is answered by a busy site at the fourth time."),
        _reading("test_logging_tool", "Answers a text and logs nothing to the client."),
        _reading("test_sampling", "Asks the client's model.", {"prompt": _TEXT}),
        _reading("test_elicitation_sep1034_defaults", "Asks for a form with defaults."),
        _reading("test_elicitation_sep1330_enums", "Asks for a form with choices."),
        _reading("test_missing_capability", "Needs a client that has a model."),
        _reading("test_input_required_result_elicitation", "Asks for a name."),
        _reading("test_input_required_result_sampling", "Asks the client's model."),
        _reading("test_input_required_result_list_roots", "Asks for the client's roots."),
        _reading("test_input_required_result_multiple_inputs", "Asks three things at once."),
        _reading("test_input_required_result_multi_round", "Asks one thing after the other."),
        _reading("test_input_required_result_capabilities", "Asks what the client can answer."),
        # These ask as every destructive function does: the server's own question.
        _destructive("test_elicitation", "Is confirmed.", {"message": _TEXT}),
        _destructive("test_streaming_elicitation", "Is confirmed."),
        _destructive("test_input_required_result_request_state", "Is confirmed."),
        _destructive("test_input_required_result_tampered_state", "Is confirmed."),
    )
}
