"""The tools that the conformance suite calls, as functions of a Moodle.

The suite prescribes their names. Each is called like any other function: through the policy, the
check of its arguments, the caller, HTTP and the presentation.
"""

from __future__ import annotations

from typing import Final

from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.model import Function, FunctionText, Object, Value

SLOW: Final = "test_tool_with_progress"
FAILING: Final = "test_error_handling"

_TEXT: Final = Value("raw")


def _fixture(name: str, text: str, access: Access = Access.READ, *texts: str) -> Function:
    """Return a function that answers a text; `texts` are the names of its text arguments."""
    return Function(
        name,
        component="local_conformance",
        params=Object(dict.fromkeys(texts, _TEXT)),
        returns=_TEXT,
        text=FunctionText(text),
        classification=Classification(access),
    )


FIXTURES: Final = {
    function.name: function
    for function in (
        _fixture("test_simple_text", "Answers a text."),
        _fixture("test_image_content", "Answers a text and an image."),
        _fixture("test_audio_content", "Answers a text and a sound."),
        _fixture("test_embedded_resource", "Answers a text and a resource."),
        _fixture("test_multiple_content_types", "Answers a text, an image and a resource."),
        _fixture(FAILING, "Is refused by the site."),
        _fixture(SLOW, "Is answered by a busy site at the fourth time."),
        _fixture("test_logging_tool", "Answers a text and logs nothing to the client."),
        _fixture("test_sampling", "Asks the client's model.", Access.READ, "prompt"),
        _fixture("test_elicitation_sep1034_defaults", "Asks for a form with defaults."),
        _fixture("test_elicitation_sep1330_enums", "Asks for a form with choices."),
        _fixture("test_missing_capability", "Needs a client that has a model."),
        _fixture("test_input_required_result_elicitation", "Asks for a name."),
        _fixture("test_input_required_result_sampling", "Asks the client's model."),
        _fixture("test_input_required_result_list_roots", "Asks for the client's roots."),
        _fixture("test_input_required_result_multiple_inputs", "Asks three things at once."),
        _fixture("test_input_required_result_multi_round", "Asks one thing after the other."),
        _fixture("test_input_required_result_capabilities", "Asks what the client can answer."),
        # These ask for consent as every destructive function does.
        _fixture("test_elicitation", "Is confirmed.", Access.DESTRUCTIVE, "message"),
        _fixture("test_streaming_elicitation", "Is confirmed.", Access.DESTRUCTIVE),
        _fixture("test_input_required_result_request_state", "Is confirmed.", Access.DESTRUCTIVE),
        _fixture("test_input_required_result_tampered_state", "Is confirmed.", Access.DESTRUCTIVE),
    )
}
