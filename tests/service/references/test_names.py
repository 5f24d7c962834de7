"""Finding a name in a complete list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.catalogue.references import Thing
from moodle_mcp.service.references.names import (
    KEYS,
    Listed,
    Name,
    among,
    most_suggested,
)

TEXTS = st.sampled_from(["", "A", "a", " A ", "Group 1", "7"])


@st.composite
def lists(draw: st.DrawFn) -> list[Listed]:
    pairs = draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
    return [
        Listed(number, {"name": name, "idnumber": idnumber})
        for number, (name, idnumber) in enumerate(pairs, 1)
    ]


@given(text=TEXTS, key=st.sampled_from(["", "name", "idnumber"]), listed=lists())
def test_a_name_is_everything_that_is_called_so(text: str, key: str, listed: list[Listed]) -> None:
    (match,) = among([Name(Thing.GROUP, text, key)], listed).values()

    def called(by: str) -> list[int]:
        wanted = text.strip()
        return [each.id for each in listed if wanted and each.texts[by].strip() == wanted]

    keys = (key,) if key else KEYS[Thing.GROUP]
    fitting = [ids for ids in map(called, keys) if ids]
    assert [list(match.ids)] == (fitting or [[]])[:1]
    assert not (match.ids and match.near)


def test_similar_names_are_looked_for_only_for_the_first_unknown_ones() -> None:
    listed = [Listed(number, {"name": "Monday lab"}) for number in range(1_000)]
    names = [Name(Thing.GROUP, f"Monday lab {number}", "name") for number in range(100)]
    near = [match.near for match in among(names, listed).values() if match.near]
    assert near == [("Monday lab",)] * most_suggested(listed)
    assert len(near) < 10
