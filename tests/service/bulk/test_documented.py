"""The examples in docs/tables.md, on the demo site."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client

from moodle_mcp.policy.approvals import Confirm
from moodle_mcp.policy.exposure import Mode
from moodle_mcp.service.process import ServiceSettings
from tests.support.demo import Demo
from tests.support.serving import server_for

pytestmark = pytest.mark.anyio

PAGE: Final = Path(__file__).parents[3] / "docs" / "tables.md"
BLOCKS: Final = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
EXAMPLES: Final = [
    (json.loads(call), json.loads(answer))
    for call, answer in zip(BLOCKS[::2], BLOCKS[1::2], strict=True)
]


@pytest.mark.parametrize(("arguments", "answer"), EXAMPLES, ids=range(len(EXAMPLES)))
async def test_an_example_answers_as_documented(
    demo: Demo, arguments: dict[str, Any], answer: dict[str, Any]
) -> None:
    settings = ServiceSettings(Mode.FACADE, Confirm.NEVER)
    tool = "bulk_call" if "function" in arguments else "resolve"
    async with Client(server_for(demo.context(settings=settings))) as session:
        called = await session.call_tool(tool, arguments)
    assert called.structured_content is not None
    left_out = ("notice", "undo")
    found = {key: each for key, each in called.structured_content.items() if key not in left_out}
    # The token of a dry run is random.
    found.get("batch", {}).pop("confirm", None)
    assert found == answer
    assert len(EXAMPLES) == 5
