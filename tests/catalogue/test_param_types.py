"""Our rules for PARAM_ types, compared with a real Moodle on 24,000 pairs of type and text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value, scalar
from moodle_mcp.catalogue.param_types import RULES
from tests.support.recorded_types import TYPES, VALUES, accepted, refused
from tests.support.strategies import TEXT


def test_every_rule_was_compared_with_a_real_moodle() -> None:
    assert sorted(RULES) == TYPES


@pytest.mark.parametrize("type_", TYPES)
def test_what_moodle_takes_is_never_refused(type_: str) -> None:
    assert [text for text in accepted(type_) if not RULES[type_].accepts(text)] == []


def test_what_moodle_refuses_is_refused_but_where_the_site_decides() -> None:
    passed = {
        type_: count
        for type_ in TYPES
        if (count := sum(RULES[type_].accepts(text) for text in refused(type_)))
    }
    assert passed == snapshot(
        {
            "auth": 75,
            "cleanhtml": 86,
            "lang": 200,
            "localurl": 16,
            "theme": 76,
            "timezone": 1,
            "username": 321,
        }
    )
    assert (len(VALUES) * len(TYPES), sum(passed.values())) == snapshot((24276, 775))


@given(st.sampled_from(TYPES), TEXT)
def test_any_text_is_judged(type_: str, text: str) -> None:
    assert RULES[type_].accepts(text) in (True, False)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(
    "part", ["a", "a_", "/a", "a;", "<lang", "1!", "a.", " ", "%20", "http://"]
)
def test_a_long_text_is_judged_at_once(type_: str, part: str) -> None:
    """A pattern with catastrophic backtracking would not finish."""
    RULES[type_].accepts(part * 20_000 + "\x01")


def test_the_text_types_of_the_catalogue_without_a_rule_are_known() -> None:
    def types(node: Node) -> set[str]:
        match node:
            case Value():
                return {node.type} if scalar(node) == "string" else set()
            case ListOf():
                return types(node.item)
            case Object():
                return set[str]().union(*map(types, node.keys.values()))

    catalogues = [load(release) for release in RELEASES]
    used = {type_ for each in catalogues for name in each for type_ in types(each.get(name).params)}
    assert sorted(used - RULES.keys()) == snapshot(["capability", "clean"])
