"""Finding the names of the ids in a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moodle_mcp.service.id_names import find_names

pytestmark = pytest.mark.anyio


class Groups:
    """Moodle's read of groups, which fails for all if one does not exist."""

    def __init__(self, *missing: int) -> None:
        self._missing = set(missing)
        self.reads = 0

    async def read(self, function: str, arguments: Mapping[str, Any]) -> Any:
        self.reads += 1
        if self._missing.intersection(arguments["groupids"]):
            return None
        return [{"id": each, "name": f"Group {each}"} for each in arguments["groupids"]]


@given(
    ids=st.sets(st.integers(1, 600), min_size=1, max_size=500),
    missing=st.lists(st.integers(1, 600), max_size=2),
)
@example(ids=set(range(1, 501)), missing=[7, 400])
@example(ids={1, 2}, missing=[2])
async def test_ids_that_do_not_exist_take_no_name_from_the_others(
    ids: set[int], missing: list[int]
) -> None:
    groups = Groups(*missing)
    names = await find_names({"groupids": sorted(ids)}, groups.read)
    assert names == {("group", each): f"Group {each}" for each in ids.difference(missing)}
    assert groups.reads <= 35


async def test_a_read_that_always_fails_is_given_up() -> None:
    groups = Groups(*range(1000))
    assert await find_names({"groupids": list(range(500))}, groups.read) == {}
    assert groups.reads == 40
