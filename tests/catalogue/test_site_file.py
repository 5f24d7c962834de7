"""A site's own functions from a file, and the errors for an invalid file."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue import site_file
from moodle_mcp.catalogue.defaults import in_its_type
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import (
    Function,
    FunctionText,
    ListOf,
    Node,
    Object,
    ParameterText,
    Value,
)
from moodle_mcp.catalogue.site_file import (
    FORMAT,
    MAX_TEXT,
    SiteFunction,
    clean,
    load_site_file,
)
from moodle_mcp.errors import SettingsError
from tests.support.plugin import ADD, EXPORTED, GET, SETTING


def exported(node: Node) -> dict[str, Any]:
    """A tree as the export writes it."""
    data: dict[str, Any] = {"presence": node.presence}
    if node.presence == "default":
        data["default"] = node.default
    match node:
        case Object():
            keys = {key: exported(child) for key, child in node.keys.items()}
            return data | {"kind": "object", "keys": keys}
        case ListOf():
            return data | {"kind": "list", "item": exported(node.item)}
        case Value():
            return data | {"kind": "value", "type": node.type, "allownull": node.nullable}


def test_an_exported_function_has_the_sites_shape_and_words() -> None:
    site = load_site_file(EXPORTED, SETTING)
    assert (site.release, list(site.functions)) == ("4.5.6 (Build: 20250811)", [ADD, GET])
    assert site.functions[GET].function(GET) == snapshot(
        Function(
            name="local_example_get_notices",
            component="local_example",
            label="read",
            capabilities=("moodle/course:view",),
            params=Object(
                keys={
                    "courseid": Value(type="int", nullable=True),
                    "since": Value(type="int", nullable=True, presence="optional"),
                    "limit": Value(type="int", nullable=True, presence="default", default=20),
                    "pinned": Value(type="bool", nullable=True, presence="default", default=True),
                    "tags": ListOf(
                        item=Value(type="tag", nullable=True), presence="default", default=[]
                    ),
                    "page": Object(
                        keys={"size": Value(type="int", nullable=True, presence="optional")},
                        presence="default",
                        default=[],
                    ),
                }
            ),
            returns=Object(
                keys={
                    "notices": ListOf(
                        item=Object(
                            keys={
                                "id": Value(type="int", nullable=True),
                                "text": Value(type="text", nullable=True),
                                "pinned": Value(type="bool", nullable=True, presence="optional"),
                            }
                        )
                    ),
                    "warnings": ListOf(
                        item=Object(
                            keys={
                                "item": Value(type="text", nullable=True, presence="optional"),
                                "itemid": Value(type="int", nullable=True, presence="optional"),
                                "warningcode": Value(type="alphanum", nullable=True),
                                "message": Value(type="raw", nullable=True),
                            }
                        ),
                        presence="optional",
                    ),
                }
            ),
            text=FunctionText(
                text="Notices that are pinned to the wall of a course, newest first.",
                params={
                    "courseid": ParameterText(text="Id of the course"),
                    "since": ParameterText(text="Only notices changed since"),
                    "limit": ParameterText(text="How many at most"),
                    "pinned": ParameterText(text="Only pinned ones"),
                    "tags": ParameterText(text="With one of these tags"),
                    "tags[]": ParameterText(text="A tag"),
                    "page": ParameterText(text="Page"),
                },
                by_the_site=True,
            ),
        )
    )
    assert site.functions[ADD].function(ADD).returns == Value("int", nullable=True)


def test_a_default_counts_in_parameters_and_says_nothing_in_answers() -> None:
    tree = {"kind": "value", "type": "int", "allownull": False, "presence": "default", "default": 3}
    data = {"kind": "object", "keys": {"n": tree}}
    function = SiteFunction.model_validate(
        {"component": "local_x", "params": data, "returns": data}
    ).function("local_x_y")
    assert function.params == Object({"n": Value("int", presence="default", default=3)})
    assert function.returns == Object({"n": Value("int", presence="optional")})


@pytest.mark.parametrize(
    "default",
    ["a" * 1000, "hid\u202eden", "\U000e0041", float("nan"), [{"a": "\u200b"}], 10**500],
    ids=["long", "turned", "tag", "no number", "inside", "long number"],
)
def test_a_default_that_no_text_could_be_is_left_out(default: Any) -> None:
    tree = {"kind": "value", "type": "raw", "presence": "default", "default": default}
    data = {"kind": "object", "keys": {"n": tree}}
    site = SiteFunction.model_validate({"component": "local_x", "params": data})
    assert site.function("local_x_y").params == Object({"n": Value("raw", presence="optional")})


def test_moodles_own_functions_come_back_as_they_are_in_the_catalogue(tmp_path: Path) -> None:
    catalogue = load()
    functions = {
        name: {
            "component": function.component,
            "params": exported(function.params),
            "returns": None if function.returns is None else exported(function.returns),
        }
        for name in catalogue
        if (function := catalogue.get(name))
    }
    path = tmp_path / "all.json"
    document = {"format": FORMAT, "site": "", "release": "4.5", "functions": functions}
    path.write_text(json.dumps(document), encoding="utf-8")
    found = load_site_file(path, SETTING).functions
    for name in catalogue:
        function = found[name].function(name)
        own = catalogue.get(name)
        assert (function.params, function.returns) == (own.params, own.returns), name


Change = Callable[[dict[str, Any]], object]


def params(data: dict[str, Any]) -> dict[str, Any]:
    return data["functions"][GET]["params"]["keys"]


WRONG: dict[str, Change] = {
    "another format": lambda data: data.update(format="signatures"),
    "no release": lambda data: data.pop("release"),
    "nothing": lambda data: data.clear(),
    "a name that no tool can have": lambda data: data["functions"].update({"bad name": {}}),
    "a label": lambda data: data["functions"][GET].update(access="admin"),
    "parameters that are a value": lambda data: data["functions"][GET].update(
        params={"kind": "value", "type": "int"}
    ),
    "no such kind": lambda data: params(data).update(since={"kind": "struct"}),
    "no kind": lambda data: params(data).update(since={"type": "int"}),
    "a value without a type": lambda data: params(data).update(since={"kind": "value"}),
    "a type that is none": lambda data: params(data)["since"].update(type="Int; drop"),
    "a list without an item": lambda data: params(data).update(tags={"kind": "list"}),
    "in a list's item": lambda data: params(data)["tags"]["item"].update(type=7),
    "a key named item": lambda data: params(data).update(item={"kind": "list", "item": {}}),
    "a key named value": lambda data: params(data).update(value={"kind": "value"}),
    "a presence": lambda data: params(data)["since"].update(presence="maybe"),
    "a bool as text": lambda data: params(data)["since"].update(allownull="yes"),
    "a key that breaks the form's fields": lambda data: params(data).update(
        {"a][b": {"kind": "value", "type": "int"}}
    ),
    "the token's own field": lambda data: params(data).update(
        wstoken={"kind": "value", "type": "raw"}
    ),
    "an argument of ours": lambda data: params(data).update(
        _dry_run={"kind": "value", "type": "bool"}
    ),
    "a key with a line's end": lambda data: params(data).update(
        {"a\nb\u202e": {"kind": "value", "type": "int"}}
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_one_line_that_names_the_place(case: str, tmp_path: Path) -> None:
    data = json.loads(EXPORTED.read_text(encoding="utf-8"))
    changed = copy.deepcopy(data)
    WRONG[case](changed)
    assert changed != data
    assert (
        said(json.dumps(changed), tmp_path)
        == snapshot(
            {
                "another format": "format: Input should be 'moodle-mcp/catalogue/1'",
                "no release": "release: Field required",
                "nothing": "format: Field required (and 3 more)",
                "a name that no tool can have": "functions.bad name.[key]: String should match pattern '^[A-Za-z][A-Za-z0-9_]{2,199}$' (and 2 more)",
                "a label": "functions.local_example_get_notices.access: Input should be 'read' or 'write'",
                "parameters that are a value": "functions.local_example_get_notices.params.kind: Input should be 'object' (and 1 more)",
                "no such kind": "functions.local_example_get_notices.params.keys.since: Input tag 'struct' found using 'kind' does not match any of the expected tags: 'value', 'list', 'object'",
                "no kind": "functions.local_example_get_notices.params.keys.since: Unable to extract tag using discriminator 'kind'",
                "a value without a type": "functions.local_example_get_notices.params.keys.since.type: Field required",
                "a type that is none": "functions.local_example_get_notices.params.keys.since.type: String should match pattern '^[a-z0-9_]{1,40}$'",
                "a list without an item": "functions.local_example_get_notices.params.keys.tags.item: Field required",
                "in a list's item": "functions.local_example_get_notices.params.keys.tags.item.type: Input should be a valid string",
                "a key named item": "functions.local_example_get_notices.params.keys.item.item: Unable to extract tag using discriminator 'kind'",
                "a key named value": "functions.local_example_get_notices.params.keys.value.type: Field required",
                "a presence": "functions.local_example_get_notices.params.keys.since.presence: Input should be 'required', 'optional' or 'default'",
                "a bool as text": "functions.local_example_get_notices.params.keys.since.allownull: Input should be a valid boolean",
                "a key that breaks the form's fields": "functions.local_example_get_notices.params.keys.a][b.[key]: String should match pattern '^[A-Za-z0-9_-]{1,100}$'",
                "the token's own field": "functions.local_example_get_notices.params: no parameter of a function is called wstoken",
                "an argument of ours": "functions.local_example_get_notices.params: no parameter of a function is called _dry_run",
                "a key with a line's end": "functions.local_example_get_notices.params.keys.a b.[key]: String should match pattern '^[A-Za-z0-9_-]{1,100}$'",
            }
        )[case]
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", snapshot("Invalid JSON: EOF while parsing a value at line 1 column 0")),
        ("[]", snapshot("Input should be an object")),
        ('{"format": ', snapshot("Invalid JSON: EOF while parsing a value at line 1 column 11")),
        ('{"functions": ' * 100 + "1" + "}" * 100, snapshot("format: Field required (and 4 more)")),
        ("[" * 100_000, snapshot("Invalid JSON: recursion limit exceeded at line 1 column 202")),
    ],
    ids=["empty", "a list", "cut", "100 deep", "100,000 deep"],
)
def test_what_is_no_catalogue_is_one_line(text: str, problem: str, tmp_path: Path) -> None:
    assert said(text, tmp_path) == problem


def test_a_file_that_is_not_there_or_too_large_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_site_file(tmp_path / "none.json", SETTING)
    assert str(caught.value) == f"{SETTING} can't be read (FileNotFoundError): {tmp_path}/none.json"
    monkeypatch.setattr(site_file, "MAX_BYTES", EXPORTED.stat().st_size)
    load_site_file(EXPORTED, SETTING)
    monkeypatch.setattr(site_file, "MAX_BYTES", EXPORTED.stat().st_size - 1)
    with pytest.raises(SettingsError, match="it has more than"):
        load_site_file(EXPORTED, SETTING)


def said(text: str, folder: Path) -> str:
    """Return the error for a file with this text, without the file's name."""
    path = folder / "catalogue.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_site_file(path, SETTING)
    message = str(caught.value)
    assert message.isprintable()
    return message.removeprefix(f"{SETTING}: {path}: ")


@given(st.text(max_size=300), st.integers(1, 200))
def test_a_cleaned_text_is_short_visible_and_on_one_line(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert not any(unicodedata.category(character)[0] == "C" for character in cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert clean(cleaned, limit) == cleaned


def test_cleaning_keeps_every_visible_word() -> None:
    assert clean(" Notes\r\n\t on\u200b the\u202e „Übung“ \x1b[31m 日本 ", 50) == (
        "Notes on the „Übung“ [31m 日本"
    )
    assert clean("word " * 1000, MAX_TEXT).endswith("word…")


@pytest.mark.parametrize(
    ("default", "type_", "meant"),
    [
        (None, "int", None), ([], None, []), ({"a": 1}, None, {"a": 1}),
        ("20", "int", 20), ("", "int", None), ("now", "int", None), (True, "int", 1),
        (1, "bool", True), ("1", "bool", True), (0, "bool", False), ("", "bool", False),
        (5, "text", "5"), (True, "raw", "1"), (False, "raw", ""), ("x", "raw", "x"),
        (1, "float", 1), (2.5, "float", 2.5),
    ],
)  # fmt: skip
def test_a_default_gets_the_type_that_it_stands_for(default: Any, type_: str, meant: Any) -> None:
    found = in_its_type(default, type_)
    assert (found, type(found)) == (meant, type(meant))
