"""The table of text kinds: complete for every profile, and without unused rows."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import pytest

from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value
from moodle_mcp.policy.allowlist import PROFILES, profile

KINDS = {"html", "text", "name", "code"}

# PARAM types that can't hold a sentence: Moodle's own words unless a row says otherwise.
WORDLESS = frozenset(
    {
        "int", "bool", "float", "alpha", "alphaext", "alphanum", "alphanumext", "plugin",
        "component", "area", "lang", "theme", "auth", "capability", "safedir", "safepath",
        "timezone", "permission", "sequence", "base64", "stringid", "url",
    }
)  # fmt: skip

# The release 5.1 was read from a generated client, which has keys of its own that no site sends.
GENERATED = frozenset({"actual_instance", "one_of_schemas"})

DESCRIBED = sorted({function for name in PROFILES for function in profile(name)})
CATALOGUES = [load(release) for release in RELEASES]


def lines() -> list[str]:
    data = resources.files("moodle_mcp.catalogue") / "data" / "text-kinds.tsv"
    return data.read_text(encoding="utf-8").splitlines()


def rows() -> dict[str, str]:
    return dict(line.split("\t") for line in lines()[1:])


ROWS = rows()


def leaves(node: Node | None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    match node:
        case Value():
            yield path, node.type
        case ListOf():
            yield from leaves(node.item, path)
        case Object():
            for key, child in node.keys.items():
                yield from leaves(child, (*path, key))
        case None:
            return


def row_of(function: str, path: tuple[str, ...]) -> str | None:
    """Return the row for a text: the one with the most specific path."""
    keys = (f"{function}:{'.'.join(path)}", ".".join(path[-2:]), path[-1] if path else "")
    return next((key for key in keys if key in ROWS), None)


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_text_in_the_answer_of_a_profile_s_function_is_classified(name: str) -> None:
    for catalogue in CATALOGUES:
        tree = catalogue.get(name).returns
        assert [
            ".".join(path)
            for path, kind in leaves(tree)
            if kind not in WORDLESS and not row_of(name, path) and path[-1] not in GENERATED
        ] == []


def test_each_row_has_a_key_of_its_own_and_a_kind_and_they_are_in_order() -> None:
    comment, *found = lines()
    assert comment.startswith("#")
    assert all(line.count("\t") == 1 for line in found)
    keys = [line.split("\t")[0] for line in found]
    assert keys == sorted(set(keys))
    assert set(ROWS.values()) == KINDS


def test_each_row_is_the_one_that_counts_for_some_text() -> None:
    used = {
        row_of(name, path)
        for catalogue in CATALOGUES
        for name in catalogue
        for path, kind in leaves(catalogue.get(name).returns)
        if kind not in {"int", "bool", "float"}
    }
    assert set(ROWS) - used == set()


@pytest.mark.parametrize(
    ("name", "path", "kind"),
    [
        ("core_course_get_courses", "summary", "html"),
        ("core_course_get_courses", "customfields.value", "html"),
        ("core_course_get_contents", "modules.contents.content", "text"),
        ("mod_forum_get_discussion_posts", "posts.message", "html"),
        ("mod_forum_get_discussion_posts", "warnings.message", "name"),
        ("mod_chat_get_chat_latest_messages", "messages.message", "html"),
        ("core_message_block_user", "message", "code"),
        ("core_get_string", "", "code"),
        ("mod_glossary_get_entry_by_id", "entry.definition", "html"),
        ("core_notes_delete_notes", "message", "code"),
        ("mod_assign_get_submissions", "assignments.submissions.plugins.name", "code"),
        ("mod_assign_get_submissions", "assignments.submissions.plugins.editorfields.text", "html"),
        ("mod_choice_get_choice_options", "options.text", "name"),
        ("core_enrol_get_enrolled_users", "groups.name", "name"),
    ],
)
def test_one_key_can_be_different_things_in_different_places(
    name: str, path: str, kind: str
) -> None:
    assert ROWS[row_of(name, tuple(filter(None, path.split(".")))) or ""] == kind
