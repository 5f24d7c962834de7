"""Markdown that a viewer would fetch, run or follow becomes text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moodle_mcp.presentation.active_content import without_active
from tests.support.hostile import active


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("![map](https://e.example/a.png)", "map (https://e.example/a.png)"),
        ('![](<https://e.example/a b> "t")', "image (https://e.example/a b)"),
        ("[![a](b)](https://e.example/)", "[a (b)](https://e.example/)"),
        ("![a [b]](c)", "!\\[a [b]](c)"),
        ("![a][b]\n\n[b]: https://e.example/", "!\\[a][b]\n\n[b]: https://e.example/"),
        ("[a](javascript:b)", "[a] (javascript:b)"),
        ("[a](<java&#115;cript&colon;b>)", "[a] (<java&#115;cript&colon;b>)"),
        ("[a](<data:text/html,b>)", "[a] (&lt;data:text/html,b>)"),
        ("[a](\n javascript:b)", "[a] (\n javascript:b)"),
        ("[a]\n\n> [a]: data:b", "[a]\n\n> [a] : data:b"),
        ("<javascript:a>", "&lt;javascript:a>"),
        ("<IMG src=a>", "&lt;IMG src=a>"),
        ("<script>a</script>", "&lt;script>a</script>"),
        ("<p hidden>a</p>", "&lt;p hidden>a</p>"),
        ("<p id='a' b hidden>a</p>", "&lt;p id='a' b hidden>a</p>"),
        ("a <!-- b --> c", "a &lt;!-- b --> c"),
        ("<?a?> <!A b> <![CDATA[c]]>", "&lt;?a?> &lt;!A b> &lt;!\\[CDATA[c]]>"),
        ("<p style=a>", "&lt;p style=a>"),
        ("<<javascript:y>:z>", "<&lt;javascript:y>:z>"),
        ("[a](" + "&Tab;" * 99 + "javascript:b)", "[a] (" + "&Tab;" * 99 + "javascript:b)"),
    ],
)
def test_what_acts_is_shown_as_text(written: str, shown: str) -> None:
    assert without_active(written) == shown
    assert active(written)
    assert not active(shown)


def test_a_broken_bracket_makes_no_address_of_what_stands_before_it() -> None:
    assert without_active("<javascript:a//<img/b>") == "&lt;javascript:a//&lt;img/b>"


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://e.example/a(b)c) <https://e.example> <a@e.example> [b](mailto:a@e.example)",
        "[a](/mod/page/view.php?id=3) [b](#top) [c](page.html) [d]: https://e.example/",
        "vec! [1, 2]; if a <b and c> d: x < y",
        "**bold** <b>bold</b><br/> `code` | a | b |",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert without_active(text) == text


PARTS = st.sampled_from(
    ["![", "[", "]", "(", ")", "](", "]:", "javascript:", "https://e.example/", "<", ">", "img src=",
     "a", "img/", "?", "hidden", "\n", "\n\n", " ", "\\", "&#106;", "&colon;", '"', "'", "`", "x:", "/", "data:", "!"]
)  # fmt: skip


@settings(max_examples=500)
@given(st.lists(PARTS, max_size=25).map("".join))
def test_nothing_acts_whatever_is_put_together(text: str) -> None:
    assert not active(without_active(text))


@settings(max_examples=500)
@given(st.lists(st.lists(PARTS, max_size=8).map("".join), max_size=4))
def test_no_image_begins_in_one_text_and_ends_in_another(texts: list[str]) -> None:
    shown = [without_active(text) for text in texts]
    for together in (json.dumps(shown, separators=(",", ":")), "\n\n".join(shown)):
        assert not [each for each in active(together) if each.startswith("image")]


@pytest.mark.parametrize(
    "texts",
    [
        ["![a", "](<https://e.example/?q=", "Anna", ">)"],
        ["![a", "](https://e.example/)"],
        ["![a][b]", "[b]: https://e.example/"],
        ["a ![b]", "[b]: https://e.example/"],
    ],
)
def test_an_image_that_several_texts_make_is_none(texts: list[str]) -> None:
    assert active("\n\n".join(texts)) or active(json.dumps(texts))
    shown = [without_active(text) for text in texts]
    assert not active("\n\n".join(shown))
    assert not active(json.dumps(shown))


@pytest.mark.parametrize(
    "part", ["![", "![](", "[a](", "](", "]:", "<a ", "<xy:", "<p a ", "<p hid", "!", "![a](b 'c"]
)
def test_a_part_without_end_takes_time_in_proportion(part: str) -> None:
    """A quadratic pattern would not finish here."""
    assert len(without_active(part * 200_000)) < 10_000_000
