"""Changing one entry in a client's file and nothing else."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.clients import json_text
from moodle_mcp.clients.edit import with_server, without_server
from moodle_mcp.clients.errors import ClientFileError
from moodle_mcp.clients.known import CLIENTS, Client

JSON = CLIENTS["claude-desktop"]
TOML = CLIENTS["codex"]
ENTRY = JSON.entry("/Prögram Files/moodle-mcp", (), {"MOODLE_MCP_SITE": "school"})
OTHER = JSON.entry("other", ("a",), {})


def added(text: str) -> str:
    return with_server(JSON, text, "moodle", ENTRY)


# What stands around the entry, cut where it belongs.
AROUND: dict[str, tuple[str, str]] = {
    "others": (
        '{\n  "theme":   "dark",\n  "mcpServers": {\n    "a": {"command":"x"}',
        '\n  },\n  "z": [1,2 , 3]\n}\n',
    ),
    "four spaces": ('{\n    "mcpServers": {\n        "a": {}', "\n    }\n}"),
    "tabs": ('{\n\t"mcpServers": {\n\t\t"a": {}', "\n\t}\n}\n"),
    "numbers and escapes as they were": (
        '{\n  "n": 1.0e2, "u": "\\u00e9\\/", "mcpServers": {\n    "a": {}',
        "\n  }\n}\n",
    ),
    "a key of the same name elsewhere": (
        '{\n  "projects": {"mcpServers": {"moodle": 1}},\n  "mcpServers": {\n    "a": {}',
        "\n  }\n}\n",
    ),
    "a brace and a comment in a text": (
        '{\n  "mcpServers": {\n    "a": {"command": "} // no /* comment \\" , }"}',
        "\n  }\n}\n",
    ),
}


@pytest.mark.parametrize("case", AROUND)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "BOM"])
def test_everything_else_stays_letter_for_letter(case: str, newline: str, mark: str) -> None:
    before, after = (part.replace("\n", newline) for part in AROUND[case])
    text = mark + before + after
    changed = added(text)
    assert changed.startswith(f"{mark}{before},{newline}")
    assert changed.endswith(after)
    assert changed.count("\n") == changed.count(newline)
    assert without_server(JSON, changed, "moodle") == text


def test_the_entry_is_written_as_its_neighbours_are() -> None:
    assert added('{\n\t"mcpServers": {\n\t\t"a": {}\n\t}\n}\n') == snapshot("""\
{
	"mcpServers": {
		"a": {},
		"moodle": {
			"command": "/Prögram Files/moodle-mcp",
			"args": [],
			"env": {
				"MOODLE_MCP_SITE": "school"
			}
		}
	}
}
""")


def test_comments_and_commas_at_the_end_stay() -> None:
    text = """\
// Mine
{
  "a": 1, // one
  "mcpServers": {
    /* the first */
    "x": {"command": "x"}, // stays, even with a comma
    // and this
  },
}
"""
    changed = added(text)
    assert changed == snapshot("""\
// Mine
{
  "a": 1, // one
  "mcpServers": {
    /* the first */
    "x": {"command": "x"}, // stays, even with a comma
    // and this
    "moodle": {
      "command": "/Prögram Files/moodle-mcp",
      "args": [],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    },
  },
}
""")
    assert without_server(JSON, changed, "moodle") == text


def test_of_several_the_right_one_is_replaced_and_removed() -> None:
    text = """\
{
  "mcpServers": {
    "first": {"command": "1"}, // one
    "moodle": {"command": "old", "env": {"MOODLE_TOKEN": "x"}}, // ours
    // of the last
    "last": {"command": "2"}
  }
}
"""
    assert added(text) == snapshot("""\
{
  "mcpServers": {
    "first": {"command": "1"}, // one
    "moodle": {
      "command": "/Prögram Files/moodle-mcp",
      "args": [],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }, // ours
    // of the last
    "last": {"command": "2"}
  }
}
""")
    assert without_server(JSON, text, "moodle") == snapshot("""\
{
  "mcpServers": {
    "first": {"command": "1"}, // one
    // ours
    // of the last
    "last": {"command": "2"}
  }
}
""")


@pytest.mark.parametrize(
    "text", ["", "\n", "{}", "{ }\n", '{"a": 1}', '{"mcpServers": {}}', '{"mcpServers":{"a":{}}}',
             '{"mcpServers": {"moodle": null}}'],
)  # fmt: skip
def test_short_files_get_the_entry(text: str) -> None:
    assert json.loads(added(text))["mcpServers"]["moodle"] == ENTRY


def test_what_can_not_be_changed_rightly_is_not_changed() -> None:
    twice = '{"mcpServers": {"moodle": {"command": "1"}, "moodle": {"command": "2"}}}'
    with pytest.raises(ClientFileError, match="can't be changed safely"):
        without_server(JSON, twice, "moodle")


def test_a_second_time_changes_nothing() -> None:
    once = added('{\n "x": 1\n}')
    assert added(once) == once


def test_removing_what_is_not_there_changes_nothing() -> None:
    for text in ("", "{}", '{"mcpServers": {"a": {}}}', '{"x": 1}'):
        assert without_server(JSON, text, "moodle") == text


NO_JSON = "is not JSON"
NO_OBJECT = "does not contain a JSON object"
NO_SERVERS = "has no object under mcpServers, but another value"
BROKEN = {
    "{": NO_JSON,
    "[]": NO_OBJECT,
    '"x"': NO_OBJECT,
    "{'a': 1}": NO_JSON,
    '{"a": 1,,}': NO_JSON,
    "{,}": NO_JSON,
    '{"mcpServers": { /* none */ , }}': NO_JSON,
    '{"a": 1} {}': NO_JSON,
    '{"mcpServers": []}': NO_SERVERS,
    '{"mcpServers": 3}': NO_SERVERS,
    "[" * 100_000: NO_JSON,
}


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: str(text)[:20])
def test_a_broken_file_is_refused(text: str) -> None:
    with pytest.raises(ClientFileError) as caught:
        added(text)
    assert str(caught.value).startswith(BROKEN[text])


@pytest.mark.parametrize(("client", "text"), [(JSON, "{"), (JSON, "[]"), (TOML, "[mcp_servers")])
def test_nothing_is_taken_out_of_a_broken_file(client: Client, text: str) -> None:
    with pytest.raises(ClientFileError):
        without_server(client, text, "moodle")


NAMES = st.sampled_from(["a", "moodle", "mcpServers", "é", "x y", '"', "//", "/*", ",", "}"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "//", ",}", '"', "\\", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
SERVERS = st.dictionaries(NAMES, VALUES, max_size=4)
INDENTS = st.sampled_from([None, 0, 1, 2, 4, "\t"])


@given(st.dictionaries(NAMES, VALUES, max_size=3), SERVERS, INDENTS, st.booleans())
def test_any_file_keeps_its_values(
    data: dict[str, Any], servers: dict[str, Any], indent: int | str | None, escaped: bool
) -> None:
    data = {**data, "mcpServers": servers}
    text = json.dumps(data, indent=indent, ensure_ascii=escaped)
    changed = json_text.with_entry(text, ("mcpServers", "moodle"), ENTRY)
    assert json.loads(changed) == {**data, "mcpServers": {**servers, "moodle": ENTRY}}
    assert list(json.loads(changed)) == list(data)
    removed = json_text.without_entry(changed, ("mcpServers", "moodle"))
    left = {name: value for name, value in servers.items() if name != "moodle"}
    assert json.loads(removed) == {**data, "mcpServers": left}
    if servers and "moodle" not in servers and indent not in (None, 0):
        assert removed == text


COMMENTS = st.sampled_from(["", " ", "\n", "// c , } \n", '/* , " } */', "\r\n"])


@given(st.lists(COMMENTS, min_size=9, max_size=9), st.booleans(), st.booleans())
def test_comments_anywhere_are_no_obstacle(gaps: list[str], comma: bool, last: bool) -> None:
    parts = ["", "{", '"a"', ":", '{"b": 1}', ",", '"mcpServers"', ":", ""]
    inner = f'{{{gaps[0]}"x"{gaps[1]}:{gaps[2]}{{}}{gaps[3]}{"," if comma else ""}{gaps[4]}}}'
    text = "".join(part + gap for part, gap in zip(parts, gaps, strict=True))
    text = f"{text}{inner}{',' if last else ''}{gaps[5]}}}{gaps[6]}"
    changed = with_server(JSON, text, "moodle", ENTRY)
    for gap in gaps:
        assert changed.count(gap.strip()) >= text.count(gap.strip())
    assert json_text.read(changed)["mcpServers"] == {"x": {}, "moodle": ENTRY}
    removed = without_server(JSON, changed, "moodle")
    assert json_text.read(removed) == json_text.read(text)


CONFIG = """\
# My settings
model = "o3"   # the best
approval_policy = 'never'

[mcp_servers.docs]
command = "npx"
args = [ "-y", 'x' ] # keep

[mcp_servers.docs.env]
KEY = "value"

[profiles.a]
b = 1
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_toml_keeps_comments_order_and_spacing(newline: str) -> None:
    text = CONFIG.replace("\n", newline)
    changed = with_server(TOML, text, "moodle", ENTRY)
    kept = iter(changed.splitlines(keepends=True))
    assert all(line in kept for line in text.splitlines(keepends=True))
    assert changed.count("\n") == changed.count(newline)
    assert tomllib.loads(changed)["mcp_servers"]["moodle"] == ENTRY
    assert without_server(TOML, changed, "moodle") == text


def test_toml_replaces_its_own_entry_alone() -> None:
    once = with_server(TOML, CONFIG, "moodle", OTHER)
    twice = with_server(TOML, once, "moodle", ENTRY)
    assert twice == with_server(TOML, CONFIG, "moodle", ENTRY)
    assert with_server(TOML, twice, "moodle", ENTRY) == twice


@pytest.mark.parametrize(
    "text",
    [
        "mcp_servers = {}\n",
        'mcp_servers = { a = { command = "x" } }\n',
        'mcp_servers.a.command = "x"\n',
        '[mcp_servers]\na.command = "x"\n',
        '[mcp_servers.a]\ncommand = "x"\n[other]\n[mcp_servers.b]\ncommand = "y"\n',
        "mcp_servers.a.b = 1\n[[mcp_servers.moodle]]\n[other]\n[mcp_servers.moodle.env]\n",
    ],
    ids=["empty", "inline", "dotted", "dotted inside", "apart", "of tables and apart"],
)
def test_toml_in_other_spellings_is_changed_rightly_or_not_at_all(text: str) -> None:
    before = tomllib.loads(text)
    try:
        after = tomllib.loads(with_server(TOML, text, "moodle", ENTRY))
    except ClientFileError:
        return
    assert after == {**before, "mcp_servers": {**before["mcp_servers"], "moodle": ENTRY}}


@pytest.mark.parametrize("part", ["/* ", '"\\', '"\\"', '{"', "//", ", ", "/*/"])
def test_a_part_of_json_without_end_takes_time_in_proportion(part: str) -> None:
    """A quadratic pattern would not finish here."""
    with pytest.raises(ClientFileError):
        added(part * 200_000)


def test_a_comment_that_is_not_closed_is_no_comment() -> None:
    with pytest.raises(ClientFileError):
        added("{} /* a")


@pytest.mark.parametrize("depth", [100, 900, 100_000])
@pytest.mark.parametrize("client", [JSON, TOML], ids=["JSON", "TOML"])
def test_a_deep_file_is_changed_or_refused(client: Client, depth: int) -> None:
    inner = "[" * depth + "]" * depth
    text = f'{{"a": {inner}}}' if client is JSON else f"a = {inner}\n"
    try:
        changed = with_server(client, text, "moodle", ENTRY)
    except ClientFileError:
        return
    assert inner in changed
    assert "moodle" not in without_server(client, changed, "moodle")


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a." * 2000 + "b = 1", "a = " + "[" * 9000])
def test_toml_beyond_the_libraries_limits_is_refused(text: str) -> None:
    with pytest.raises(ClientFileError):
        with_server(TOML, text, "moodle", ENTRY)


def test_broken_toml_is_refused() -> None:
    for text in ("= 1", "mcp_servers = 3\n", "a = 1\na = 2\n"):
        with pytest.raises(ClientFileError):
            with_server(TOML, text, "moodle", ENTRY)
