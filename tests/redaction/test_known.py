"""Known secrets are found in every form in which software may echo them."""

from __future__ import annotations

import base64
import html
import json
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value
from moodle_mcp.redaction.known import LONG, REMOVED, SHORT, Secrets
from moodle_mcp.redaction.names import is_secret_name
from moodle_mcp.redaction.values import without_secrets

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PASSWORD = 'Gr8Wolken&br"ch/<77>'


def _each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(c=each, n=ord(each)) for each in text)


def _base64(before: str, after: str = "") -> Callable[[str], str]:
    return lambda text: base64.b64encode(f"{before}{text}{after}".encode()).decode()


def _wrapped(text: str) -> str:
    code = _base64("x" * 30, "y" * 30)(text)
    return "\r\n".join(code[at : at + 76] for at in range(0, len(code), 76))


OF_ANY: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "mixed case": lambda text: "".join(
        each.upper() if at % 2 else each.lower() for at, each in enumerate(text)
    ),
    "zero-width space": "\u200b".join,
    "zero-width joiner": "\u200d".join,
    "soft hyphen": "\u00ad".join,
    "byte-order mark": "\ufeff".join,
    "direction mark": "\u202e".join,
    "grapheme joiner": "\u034f".join,
    "variation selector": "\ufe0f".join,
    "control character": "\x07".join,
    "tag characters": "\U000e0061".join,
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, capitals": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent twice": lambda text: "".join(f"%25{byte:02x}" for byte in text.encode()),
    "percent thrice": lambda text: "".join(f"%2525{byte:02x}" for byte in text.encode()),
    "entities": _each("&#{n};"),
    "entities, hexadecimal": _each("&#x{n:x};"),
    "entities with zeros": _each("&#00{n};"),
    "entities twice": _each("&amp;#{n};"),
    "escapes of JSON": _each("\\u{n:04x}"),
    "escapes of JSON twice": _each("\\\\u{n:04x}"),
    "escapes of new JavaScript": _each("\\u{{{n:x}}}"),
    "hexadecimal escapes": _each("\\x{n:02x}"),
    "octal escapes": _each("\\{n:03o}"),
    "entities of escapes": lambda text: _each("%26%23{n}%3B")(text),
    "named entities between": "&shy;".join,
    "long entities between": "&amp;ZeroWidthSpace;".join,
    "full-width letters": lambda text: "".join(
        chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text
    ),
    "base64": _base64(""),
    "base64 with a name": _base64("user:"),
    "base64 in the middle": _base64("a", " and more"),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": _wrapped,
    "base64 of capitals": lambda text: _base64("")(text.upper()),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, capitals": lambda text: text.encode().hex().upper(),
    "escaped HTML": html.escape,
    "an address": lambda text: quote(text, safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON as PHP writes it": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
}
OF_TOKENS: dict[str, Callable[[str], str]] = {
    "spaces": " ".join,
    "lines": "\n".join,
    "dashes": "-".join,
    "underlines": "_".join,
    "groups": lambda text: f"{text[:8]}-{text[8:12]}-{text[12:]}",
    "tags": "<b></b>".join,
    "a tag": lambda text: f"{text[:9]}<wbr/>{text[9:]}",
    "comments": "<!-- x -->".join,
    "entities between": "&#8203;".join,
    "percent between": "%E2%80%8B".join,
    "escapes between": "\\u200b".join,
    "many zero-width spaces": ("\u200b" * 40).join,
    "many entities between": ("&ZeroWidthSpace;" * 40).join,
    "a long tag": lambda text: f"{text[:9]}<b title='{'x' * 1000}'>{text[9:]}",
    **{
        f"{between} behind {before}": (
            lambda text, a=before, b=between: f"{a}{text[:2]}{b.join(text[2:])}"
        )
        for before, between in (
            ("%", "<b></b>"),
            ("%a", "<wbr>"),
            ("&", "&shy;"),
            ("%20%", "&#8203;"),
            ("\\u00", "%E2%80%8B"),
            ("<b>%", "<!-- -->"),
        )
    },
    "brackets that are no tags": "<".join,
}
DISGUISES = [
    *((name, TOKEN, change) for name, change in {**OF_ANY, **OF_TOKENS}.items()),
    *((name, PASSWORD, change) for name, change in OF_ANY.items()),
]
KNOWN = Secrets(TOKEN, [PASSWORD])


@pytest.mark.parametrize(
    ("name", "secret", "change"), DISGUISES, ids=[f"{each[1][:3]} {each[0]}" for each in DISGUISES]
)
def test_a_secret_is_found_in_its_disguise(
    name: str, secret: str, change: Callable[[str], str]
) -> None:
    text = change(secret)
    for around in (text, f"before {text} after", f'<a href="/x?y={text}&z=1">é</a>'):
        clean = KNOWN.text(around)
        assert text not in clean
        assert secret.lower() not in clean.lower()
        assert REMOVED[:-1] in clean
        assert KNOWN.are_in(["other", around])


def _answer(node: Node | None, text: str, key: str = "") -> Any:
    """Return an answer of this shape with the text at every possible place."""
    match node:
        case Object(keys):
            inside = {name: _answer(child, text, name) for name, child in keys.items()}
            return {**inside, text: text}
        case ListOf(item):
            return [_answer(item, text, key), _answer(item, text, key)]
        case Value("int" | "float" | "bool"):
            return 5
        case _:
            return "" if is_secret_name(key) else f"x {text} y"


def test_no_answer_of_any_function_holds_a_secret_in_any_disguise() -> None:
    catalogue = load(RELEASES[-1])
    assert len(catalogue) > 700
    for at, name in enumerate(catalogue):
        function = catalogue.get(name)
        # Each function meets some of the disguises, and each disguise many functions.
        for _, secret, change in DISGUISES[at % 7 :: 7]:
            text = change(secret)
            clean = without_secrets(
                _answer(function.returns, text),
                KNOWN,
                hands_out_keys=function.classification.hands_out_keys,
            )
            shown = json.dumps(clean, ensure_ascii=False)
            assert json.dumps(text, ensure_ascii=False)[1:-1] not in shown, (name, text)
            assert secret.lower() not in shown.lower(), (name, text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_text_without_a_secret_stays_as_it_is(before: str, after: str) -> None:
    assert Secrets(TOKEN).text(f"{before}{after}") == f"{before}{after}"


@given(st.text(min_size=LONG, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_whatever_the_secret_it_is_taken_out(secret: str, before: str, after: str) -> None:
    clean = Secrets(arguments=[secret]).text(f"{before}{secret}{after}")
    assert secret not in clean or secret in REMOVED


@pytest.mark.parametrize(
    ("secret", "said", "expected"),
    [
        (
            "math",
            "The key math is wrong, not mathematics",
            f"The key {REMOVED} is wrong, not mathematics",
        ),
        ("a&b<", "No a&amp;b&lt; here", f"No {REMOVED} here"),
        ("abc"[: SHORT - 1], "abc is too short to tell", "abc is too short to tell"),
        ("biology1", "Biology1 is known", f"{REMOVED} is known"),
    ],
)
def test_a_short_secret_goes_from_sentences_where_it_stands_as_a_word(
    secret: str, said: str, expected: str
) -> None:
    assert Secrets(arguments=[secret]).sentence(said) == expected


def test_a_short_secret_stays_in_other_texts() -> None:
    value = {"name": "math", "message": "math is wrong"}
    assert without_secrets(value, Secrets(arguments=["math"])) == {
        "name": "math",
        "message": f"{REMOVED} is wrong",
    }


def test_a_secret_of_digits_is_taken_out_as_a_number_too() -> None:
    known = Secrets(arguments=["12345678"])
    assert without_secrets([12345678, 1234567], known) == [REMOVED, 1234567]


@pytest.mark.parametrize(
    "text",
    [
        "\\" * 3_000_000,
        "\\" * 3_000_000 + "u0061",
        f"{TOKEN[0]}<" * 1_000_000,
        f"{TOKEN[0]}{'<' * 30}" * 100_000,
        "&amp;" * 500_000,
        *(
            mark.format(TOKEN[0]) * 200_000
            for mark in ("\\u003{}", "%3{}", "&#{};", "&a{};", "<{}>", "<{0}>{0}", "{0}<{0}>")
        ),
        "%25" * 1_000_000,
        *(
            f"{between.join(TOKEN[:-1])}x"
            for between in ("<!>", "<!><!>", "%25", "&#95;", "\\u005f")
        ),
    ],
    ids=lambda text: f"{text[:6]} {len(text)}",
)
def test_no_text_makes_the_search_slow(text: str) -> None:
    """A pattern that backtracks, or starts again inside a row that it has scanned, would not
    finish here.
    """
    assert KNOWN.text(text) == text


def test_many_secrets_are_searched_for_at_once() -> None:
    known = Secrets(TOKEN, [f"Gr8Wolkenbruch&{number}" for number in range(500)])
    text = "Names and texts of a long answer. " * 30_000
    assert known.text(text) == text
    assert known.text(f"{text}gr8wolkenbruch&amp;77") == f"{text}{REMOVED}"


def test_a_secret_that_shows_nothing_leaves_other_texts_alone() -> None:
    assert Secrets(arguments=["\u3164" * LONG]).text("Grüße") == "Grüße"


def test_what_holds_secrets_does_not_show_them() -> None:
    assert TOKEN not in repr(KNOWN)
    assert PASSWORD not in repr(KNOWN)


@pytest.mark.parametrize("mark", [*string.punctuation, "&amp;", "%25", "&#0", "\\u00"])
def test_a_long_row_of_marks_is_looked_through_once(mark: str) -> None:
    """A quadratic pattern would not finish here."""
    text = mark * 500_000
    assert Secrets(TOKEN, [PASSWORD]).text(text) == text


def test_an_escape_behind_a_long_row_of_backslashes_is_undone() -> None:
    text = "\\" * 10_000 + _each("\\u{n:04x}")(TOKEN)
    assert TOKEN not in Secrets(TOKEN).text(text)
    assert "0066" not in Secrets(TOKEN).text(text)
