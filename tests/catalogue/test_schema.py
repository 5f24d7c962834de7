"""JSON Schemas of all functions of both releases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from inline_snapshot import snapshot
from jsonschema import Draft202012Validator

from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.control_arguments import reserved_schema
from moodle_mcp.catalogue.loading import BASE, RELEASES, load
from moodle_mcp.catalogue.model import (
    Function,
    FunctionText,
    ListOf,
    Node,
    Object,
    ParameterText,
    Value,
)
from moodle_mcp.catalogue.schema import input_schema, output_schema
from moodle_mcp.errors import CallError

CATALOGUES = {release: load(release) for release in RELEASES}
LATEST = CATALOGUES[BASE]


def plain(name: str) -> Function:
    """Return a function without our texts."""
    return replace(LATEST.get(name), text=FunctionText())


def own_properties(function: Function) -> dict[str, Any]:
    """Return the properties of the function, without the control arguments."""
    properties = input_schema(function)["properties"]
    return {name: schema for name, schema in properties.items() if not name.startswith("_")}


def functions(release: str) -> list[Function]:
    """The functions of a release; after the first, those that differ from the one before."""
    catalogue = CATALOGUES[release]
    found = [catalogue.get(name) for name in catalogue]
    if release == BASE:
        return found
    return [each for each in found if each != LATEST.get(each.name)]


def schemas(release: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for function in functions(release):
        yield f"{function.name} input", input_schema(function)
        yield f"{function.name} output", output_schema(function)


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it; what a property is called is no keyword."""
    yield schema
    for child in schema.get("properties", {}).values():
        yield from parts(child)
    for child in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        yield from parts(child)


EACH_RELEASE = pytest.mark.parametrize("release", RELEASES)


@EACH_RELEASE
def test_every_schema_is_valid_by_the_metaschema(release: str) -> None:
    assert len(functions(release)) > 50
    for name, schema in schemas(release):
        if name.endswith(" input"):
            Draft202012Validator.check_schema(schema)
        jsonschema_rs.meta.validate(schema | {"$schema": Draft202012Validator.META_SCHEMA["$id"]})
        assert jsonschema_rs.Draft202012Validator(schema), name


@EACH_RELEASE
def test_every_root_is_an_object_and_nothing_else(release: str) -> None:
    for name, schema in schemas(release):
        assert schema["type"] == "object", name
        assert not schema.keys() & {"anyOf", "oneOf", "allOf", "not", "enum", "const"}, name


@EACH_RELEASE
def test_schemas_use_only_keywords_that_every_client_reads(release: str) -> None:
    used = {key for _, schema in schemas(release) for part in parts(schema) for key in part}
    assert used <= {
        "description",
        "enum",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "anyOf",
        "default",
    }


@EACH_RELEASE
def test_every_default_satisfies_its_own_schema(release: str) -> None:
    for name, schema in schemas(release):
        for part in parts(schema):
            assert "default" not in part or jsonschema_rs.is_valid(part, part["default"]), name


@EACH_RELEASE
def test_what_moodle_requires_is_required_whether_value_list_or_object(release: str) -> None:
    seen: set[str] = set()
    for function in functions(release):
        seen |= {
            type(child).__name__
            for node, schema in _pairs(function.params, input_schema(function))
            for key, child in node.keys.items()
            if _is_required(child, key, schema)
        }
    assert seen >= {"Value", "ListOf"}


def test_a_required_object_is_required() -> None:
    function = Function("f", params=Object({"o": Object({"a": Value("int", presence="optional")})}))
    assert input_schema(function)["required"] == ["o"]


def _is_required(child: Node, key: str, schema: dict[str, Any]) -> bool:
    if key not in schema["properties"]:
        assert child == Object({}, "default", [])
        return False
    assert (key in schema.get("required", [])) == (child.presence == "required")
    return child.presence == "required"


def _pairs(node: Node, schema: dict[str, Any]) -> Iterator[tuple[Object, dict[str, Any]]]:
    """Each object in a tree with its schema."""
    match node:
        case Value():
            return
        case ListOf():
            yield from _pairs(node.item, schema["items"])
        case Object():
            yield node, schema
            for key, child in node.keys.items():
                if key in schema["properties"]:
                    yield from _pairs(child, schema["properties"][key])


def test_inputs_are_closed_at_every_depth() -> None:
    for function in functions(BASE):
        for part in parts(input_schema(function)):
            assert part.get("type") != "object" or part["additionalProperties"] is False


def test_outputs_are_tolerant_and_admit_a_failure_as_well_as_a_success() -> None:
    for function in functions(BASE):
        schema = output_schema(function)
        assert not any("required" in part for part in parts(schema))
        failure = {"error": {"kind": "timeout", "message": "m"}}
        assert jsonschema_rs.is_valid(schema, failure)
        assert jsonschema_rs.is_valid(schema, failure | {"batch": {"items": 2}})


def test_the_input_schema_of_a_list_of_options() -> None:
    assert input_schema(plain("core_course_get_contents")) == snapshot(
        {
            "type": "object",
            "properties": {
                "courseid": {"type": "integer"},
                "options": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                        "additionalProperties": False,
                        "required": ["name", "value"],
                    },
                    "minItems": 1,
                },
                "_fields": {"type": "array", "items": {"type": "string"}},
                "_query": {"type": "string"},
                "_format": {"type": "string", "enum": ["raw"]},
                "_times": {"type": "boolean"},
            },
            "additionalProperties": False,
            "required": ["courseid"],
        }
    )


def test_the_input_schema_of_defaults_and_nested_lists() -> None:
    schema = input_schema(plain("core_user_create_users"))
    users = schema["properties"].pop("users")
    keys = ("username", "auth", "email", "idnumber", "maildisplay", "customfields")
    shown = {key: users["items"]["properties"][key] for key in keys}
    assert shown == snapshot(
        {
            "username": {"type": "string"},
            "auth": {"type": "string", "default": "manual"},
            "email": {"type": "string"},
            "idnumber": {"type": "string", "default": ""},
            "maildisplay": {"type": "integer"},
            "customfields": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"type": {"type": "string"}, "value": {"type": "string"}},
                    "additionalProperties": False,
                    "required": ["type", "value"],
                },
                "minItems": 1,
            },
        }
    )
    assert users["items"]["required"] == snapshot(["username", "firstname", "lastname", "email"])
    assert schema == {
        "type": "object",
        "properties": reserved_schema(LATEST.get("core_user_create_users")),
        "additionalProperties": False,
        "required": ["users"],
    }


def test_the_input_schema_of_enrolled_users() -> None:
    assert input_schema(plain("core_enrol_get_enrolled_users")) == snapshot(
        {
            "type": "object",
            "properties": {
                "courseid": {"type": "integer"},
                "options": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                        "additionalProperties": False,
                        "required": ["name", "value"],
                    },
                    "minItems": 1,
                },
                "_fields": {"type": "array", "items": {"type": "string"}},
                "_query": {"type": "string"},
                "_format": {"type": "string", "enum": ["raw"]},
                "_times": {"type": "boolean"},
            },
            "additionalProperties": False,
            "required": ["courseid"],
        }
    )


def test_the_input_schema_without_parameters() -> None:
    assert input_schema(plain("core_tag_get_tag_areas")) == snapshot(
        {
            "type": "object",
            "properties": {
                "_fields": {"type": "array", "items": {"type": "string"}},
                "_query": {"type": "string"},
            },
            "additionalProperties": False,
        }
    )


def test_the_input_schema_of_a_default_list_of_values() -> None:
    params = {
        "values": ListOf(Value("alpha"), "default", ["a", "b"]),
        "none": ListOf(Value("alpha"), "default", []),
        "object": Object({"x": Value("int", presence="optional")}, "default", {"x": 1}),
    }
    assert own_properties(Function("f", params=Object(params))) == snapshot(
        {
            "values": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "default": ["a", "b"],
            },
            "none": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "object": {
                "type": "object",
                "properties": {"x": {"type": "integer"}},
                "additionalProperties": False,
                "default": {"x": 1},
            },
        }
    )


def test_the_input_schema_of_defaults_that_are_null() -> None:
    assert input_schema(plain("core_calendar_get_action_events_by_timesort")) == snapshot(
        {
            "type": "object",
            "properties": {
                "timesortfrom": {"type": "integer", "default": 0},
                "timesortto": {"type": "integer"},
                "aftereventid": {"type": "integer", "default": 0},
                "limitnum": {"type": "integer", "default": 20},
                "limittononsuspendedevents": {"type": "boolean", "default": False},
                "userid": {"type": "integer"},
                "searchvalue": {"type": "string"},
                "_fields": {"type": "array", "items": {"type": "string"}},
                "_query": {"type": "string"},
                "_format": {"type": "string", "enum": ["raw"]},
                "_times": {"type": "boolean"},
            },
            "additionalProperties": False,
        }
    )


def test_texts_and_accepted_values_are_added_where_we_have_them() -> None:
    texts = {
        "kind": ParameterText("Which.", ("a", "b")),
        "ids": ParameterText("Ids."),
        "ids[]": ParameterText("One."),
        "more.x": ParameterText("Deeper."),
    }
    params = {
        "kind": Value("alpha", presence="default"),
        "ids": ListOf(Value("int")),
        "more": Object({"x": Value("bool")}, "optional"),
    }
    function = Function("f", params=Object(params), text=FunctionText("F.", texts))
    assert own_properties(function) == snapshot(
        {
            "kind": {
                "type": "string",
                "enum": ["a", "b"],
                "description": "Which.",
            },
            "ids": {
                "type": "array",
                "items": {"type": "integer", "description": "One."},
                "minItems": 1,
            },
            "more": {
                "type": "object",
                "properties": {"x": {"type": "boolean", "description": "Deeper."}},
                "additionalProperties": False,
                "required": ["x"],
            },
        }
    )


ENUMS: dict[str, tuple[ParameterText, str, Any, Any, dict[str, Any]]] = {
    "strings": (
        ParameterText("Which.", ("a", "b")), "alpha", "a", "x",
        {"description": "Which.", "enum": ["a", "b"]},
    ),
    "integers": (
        ParameterText("Which.", (-1, 0, 2)), "int", 2, 1,
        {"description": "Which. One of -1, 0 or 2."},
    ),
    "integers that the text names": (
        ParameterText("2 all, 0 none.", (0, 2)), "int", 2, 1, {"description": "2 all, 0 none."},
    ),
    "a value that is empty": (
        ParameterText("Empty = all.", ("", "new")), "alpha", "", "x",
        {"description": "Empty = all. One of new or empty."},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ENUMS)
def test_values_that_no_enum_may_hold_are_told_in_words_and_checked_all_the_same(case: str) -> None:
    text, kind, good, bad, shown = ENUMS[case]
    params = Object({"x": ListOf(Object({"kind": Value(kind)}))})
    function = Function("f", params=params, text=FunctionText("F.", {"x[].kind": text}))
    schema = input_schema(function)["properties"]["x"]["items"]["properties"]["kind"]
    del schema["type"]
    assert schema == shown
    checker = ArgumentChecker()
    assert checker.check(function, {"x": [{"kind": good}]})
    with pytest.raises(CallError) as caught:
        checker.check(function, {"x": [{"kind": good}, {"kind": bad}]})
    (fault,) = caught.value.fault.parameters
    assert (fault.path, fault.allowed) == ("x[1].kind", ", ".join(map(str, text.enum)))


def test_an_argument_that_can_hold_nothing_is_left_out() -> None:
    nothing = {"a": Object({}, "optional"), "b": ListOf(Object({"c": Object({})}), "optional")}
    function = Function("f", params=Object({"id": Value("int"), **nothing}))
    assert own_properties(function) == {"id": {"type": "integer"}}


def test_a_read_without_any_argument_can_be_tried_out() -> None:
    function = LATEST.get("message_airnotifier_is_system_configured")
    assert list(input_schema(function)["properties"]) == ["_dry_run"]


def test_the_output_schema_of_a_function_that_answers_nothing() -> None:
    assert output_schema(plain("enrol_manual_enrol_users")) == snapshot(
        {
            "type": "object",
            "properties": {
                "result": {"type": "null"},
                "warnings": {"type": "array"},
                "batch": {"type": "object"},
                "page": {"type": "object"},
                "error": {"type": "object"},
            },
        }
    )


def test_the_output_schema_of_a_list_of_objects() -> None:
    assert output_schema(plain("core_group_get_group_members")) == snapshot(
        {
            "type": "object",
            "properties": {
                "result": {
                    "anyOf": [
                        {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {
                                    "groupid": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                                    "userids": {
                                        "type": "array",
                                        "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                                    },
                                },
                            },
                        },
                        {"type": "null"},
                    ]
                },
                "warnings": {"type": "array"},
                "batch": {"type": "object"},
                "page": {"type": "object"},
                "error": {"type": "object"},
            },
        }
    )


def test_the_output_schema_of_a_scalar() -> None:
    returns = {"plain": Value("int"), "nullable": Value("raw", nullable=True)}
    assert {
        name: output_schema(Function("f", returns=node))["properties"]["result"]
        for name, node in returns.items()
    } == snapshot(
        {
            "plain": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "nullable": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        }
    )


def test_the_schemas_of_a_function_that_only_the_site_knows() -> None:
    function = LATEST.get("local_shop_get_orders")
    assert input_schema(function) == {
        "type": "object",
        "properties": reserved_schema(function),
        "additionalProperties": True,
    }
    assert output_schema(function) == snapshot(
        {
            "type": "object",
            "properties": {
                "result": {
                    "anyOf": [
                        {"type": "object"},
                        {"type": "array"},
                        {"type": "string"},
                        {"type": "number"},
                        {"type": "boolean"},
                        {"type": "null"},
                    ]
                },
                "warnings": {"type": "array"},
                "batch": {"type": "object"},
                "page": {"type": "object"},
                "error": {"type": "object"},
            },
        }
    )
