"""What the ids among parameters identify."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inline_snapshot import snapshot

from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import ListOf, Node, Object, Value
from moodle_mcp.catalogue.references import Reference, References, Thing

REFERENCES = References()
FUNCTIONS = [known.get(name) for known in map(load, RELEASES) for name in known]
IS_AN_ID = re.compile(r"ids?$")


def scalars(node: Node, path: str = "") -> Iterator[tuple[str, str]]:
    match node:
        case Value():
            yield path, node.type
        case ListOf():
            yield from scalars(node.item, f"{path}[]")
        case Object():
            for key, child in node.keys.items():
                yield from scalars(child, f"{path}.{key}".lstrip("."))


PARAMETERS = sorted({(each.name, *found) for each in FUNCTIONS for found in scalars(each.params)})


def key_of(path: str) -> str:
    return path.removesuffix("[]").rpartition(".")[2]


def test_every_integer_whose_name_ends_in_id_is_classified() -> None:
    missing = [
        f"{function}:{path}"
        for function, path, type_ in PARAMETERS
        if type_ == "int" and IS_AN_ID.search(key_of(path)) and not REFERENCES.knows(function, path)
    ]
    assert missing == []


def test_every_row_is_about_a_parameter() -> None:
    keys = {key_of(path) for _, path, _ in PARAMETERS}
    paths = {f"{function}:{path}" for function, path, _ in PARAMETERS}
    assert REFERENCES.rows - keys - paths == frozenset()


def test_the_instances_are_those_of_moodles_modules() -> None:
    found = {REFERENCES.find(function, path) for function, path, _ in PARAMETERS}
    modules = {each.module for each in found if each and each.thing is Thing.INSTANCE}
    assert modules <= {function.component.removeprefix("mod_") for function in FUNCTIONS}


def test_what_the_ids_identify() -> None:
    assert {
        path: REFERENCES.find(function, path)
        for function, path in (
            ("enrol_manual_enrol_users", "enrolments[].userid"),
            ("core_user_delete_users", "userids[]"),
            ("core_user_update_users", "users[].id"),
            ("core_tag_update_tags", "tags[].id"),
            ("mod_assign_get_submissions", "assignmentids[]"),
            ("core_course_get_module", "id"),
            ("mod_glossary_get_entries_by_category", "categoryid"),
            ("core_course_delete_categories", "categories[].newparent"),
        )
    } == snapshot(
        {
            "enrolments[].userid": Reference(thing=Thing.USER),
            "userids[]": Reference(thing=Thing.USER),
            "users[].id": Reference(thing=Thing.USER),
            "tags[].id": None,
            "assignmentids[]": Reference(thing=Thing.INSTANCE, module="assign"),
            "id": Reference(thing=Thing.MODULE),
            "categoryid": None,
            "categories[].newparent": Reference(thing=Thing.CATEGORY),
        }
    )
