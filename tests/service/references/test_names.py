"""Finding a name in a complete list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.catalogue.references import Thing
from moodle_mcp.service.references.names import KEYS, Listed, Name, among

TEXTS = st.sampled_from(["", "A", "a", " A ", "Group 1", "7"])
LISTS = st.lists(
    st.builds(lambda name, idnumber: {"name": name, "idnumber": idnumber}, TEXTS, TEXTS),
    max_size=6,
).map(lambda rows: [Listed(number, row) for number, row in enumerate(rows, 1)])


@given(text=TEXTS, key=st.sampled_from(["", "name", "idnumber"]), listed=LISTS)
def test_a_name_is_everything_that_is_called_so(text: str, key: str, listed: list[Listed]) -> None:
    match = among(Name(Thing.GROUP, text, key), listed)

    def called(by: str) -> list[int]:
        return [
            each.id for each in listed if text.strip() and each.texts[by].strip() == text.strip()
        ]

    by_key = [called(each) for each in ((key,) if key else KEYS[Thing.GROUP])]
    assert list(match.ids) == next((ids for ids in by_key if ids), [])
    assert not (match.ids and match.near)
