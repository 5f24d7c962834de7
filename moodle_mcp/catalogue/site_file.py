"""Load a site's own functions from a file that the administrator exports with `catalogue.php`.

The file describes the site's code including plugins. Its texts are shown to a model and its shapes
decide what is sent. So the whole file is checked when loaded; an error stops the start and names
the place.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from moodle_mcp.atomic import reason
from moodle_mcp.catalogue.defaults import in_its_type
from moodle_mcp.catalogue.model import (
    Function,
    FunctionText,
    ListOf,
    Node,
    Object,
    ParameterText,
    Presence,
    Value,
)
from moodle_mcp.errors import SettingsError
from moodle_mcp.regular_files import read_regular
from moodle_mcp.textfile import TextError, decoded

FORMAT: Final = "moodle-mcp/catalogue/1"

MAX_BYTES: Final = 32 * 1024 * 1024
"""Maximum size of a file; Moodle 4.5's 759 functions are 2.2 MB."""

MAX_TEXT: Final = 800
MAX_PARAMETER_TEXT: Final = 400
"""Maximum characters of a text; a longer default is dropped."""

_RESERVED: Final = ("_", "wstoken", "wsfunction", "moodlews")
"""Prefixes of control arguments, and of form fields that Moodle reserves."""

_NODES: Final = frozenset({"params", "returns", "item"})
_KINDS: Final = frozenset({"value", "list", "object"})

FunctionName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{2,199}$")]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Text = Annotated[str, Field(max_length=100_000)]


class _Model(BaseModel):
    """Unknown keys are ignored: a later exporter may write more."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Node(_Model):
    presence: Presence = "required"
    default: JsonValue = None
    text: Text = ""


class ValueNode(_Node):
    """A scalar, as `catalogue.model.Value`."""

    kind: Literal["value"]
    type: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    allownull: bool = False


class ListNode(_Node):
    """A list, as `catalogue.model.ListOf`."""

    kind: Literal["list"]
    item: TreeNode


class ObjectNode(_Node):
    """A structure, as `catalogue.model.Object`."""

    kind: Literal["object"]
    keys: Annotated[dict[Key, TreeNode], Field(max_length=1000)]


TreeNode: TypeAlias = Annotated[ValueNode | ListNode | ObjectNode, Field(discriminator="kind")]


class SiteFunction(_Model):
    """One function of the site."""

    component: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,100}$")]
    access: Literal["read", "write"] | None = None
    text: Text = ""
    capabilities: Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=100)] = []
    deprecated: bool = False
    params: ObjectNode
    returns: TreeNode | None = None

    @field_validator("params")
    @classmethod
    def _has_no_field_of_the_protocol(cls, params: ObjectNode) -> ObjectNode:
        for key in params.keys:
            if key.startswith(_RESERVED):
                raise ValueError(f"no parameter of a function is called {key}")
        return params

    def function(self, name: str) -> Function:
        """Return the function for the catalogue, unclassified."""
        return Function(
            name=name,
            component=self.component,
            label=self.access,
            capabilities=tuple(clean(each, MAX_TEXT) for each in self.capabilities),
            deprecated=self.deprecated,
            params=_object(self.params),
            returns=None if self.returns is None else _node(self.returns, is_answer=True),
            text=FunctionText(
                clean(self.text, MAX_TEXT), dict(_texts(self.params, "")), by_the_site=True
            ),
        )


class SiteCatalogue(_Model):
    """The functions of one site; `release` is the site's own, `site` its address."""

    format: Literal["moodle-mcp/catalogue/1"]
    site: Annotated[str, Field(max_length=1000)]
    release: Annotated[str, Field(max_length=200)]
    functions: Annotated[dict[FunctionName, SiteFunction], Field(max_length=10_000)]


def load_site_file(path: Path, setting: str) -> SiteCatalogue:
    """Load the functions in a file.

    Raises:
        SettingsError: the file can't be read or is invalid; one line that names `setting` and the
            place, such as `functions.local_shop_get_orders.params.keys.since.type`.
    """
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise SettingsError(f"{setting} can't be read ({reason(error)}): {path}") from None
    try:
        return SiteCatalogue.model_validate_json(decoded(data))
    except TextError as error:
        raise SettingsError(f"{setting}: {path}: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"{setting}: {path}: {_first(error)}") from None


def clean(text: str, limit: int) -> str:
    """Return a text on one line, without invisible characters, cut to `limit` characters."""
    # Categories Cc, Cf, Cs, Co, Cn: control and format characters, unassigned ones and the like.
    visible = "".join(
        " " if character.isspace() else character
        for character in text[: 10 * limit]
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    words = " ".join(visible.split())
    return words if len(words) <= limit else f"{words[: limit - 1].rstrip()}…"


def _node(tree: TreeNode, *, is_answer: bool = False) -> Node:
    """Convert a tree for the catalogue; defaults in answers are dropped."""
    match tree:
        case ObjectNode():
            return _object(tree, is_answer=is_answer)
        case ListNode():
            item = _node(tree.item, is_answer=is_answer)
            return ListOf(item, *_presence(tree, None, is_answer))
        case ValueNode():
            return Value(tree.type, tree.allownull, *_presence(tree, tree.type, is_answer))


def _object(tree: ObjectNode, *, is_answer: bool = False) -> Object:
    keys = {key: _node(child, is_answer=is_answer) for key, child in tree.keys.items()}
    return Object(keys, *_presence(tree, None, is_answer))


def _presence(tree: TreeNode, type_: str | None, is_answer: bool) -> tuple[Presence, Any]:
    if tree.presence != "default":
        return tree.presence, None
    if is_answer or not _can_be_shown(tree.default):
        return "optional", None
    return "default", in_its_type(tree.default, type_)


def _can_be_shown(default: JsonValue) -> bool:
    """Whether a default is as short and visible as a text must be: both are shown to a model."""
    try:
        text = json.dumps(default, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return False
    return clean(text, MAX_PARAMETER_TEXT) == text


def _texts(tree: TreeNode, path: str) -> Iterator[tuple[str, ParameterText]]:
    """Yield the texts in a tree by path (`users[].email`)."""
    text = clean(tree.text, MAX_PARAMETER_TEXT)
    if path and text:
        yield path, ParameterText(text)
    if isinstance(tree, ObjectNode):
        for key, child in tree.keys.items():
            yield from _texts(child, f"{path}.{key}".lstrip("."))
    elif isinstance(tree, ListNode):
        yield from _texts(tree.item, f"{path}[]")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # A key in the file may contain anything, and the error is one line.
    place = clean(".".join(_place([str(part) for part in first["loc"]])), MAX_TEXT)
    problem = first["msg"].removeprefix("Value error, ")
    more = error.error_count() - 1
    rest = f" (and {more} more)" if more else ""
    return f"{place}: {problem}{rest}" if place else f"{problem}{rest}"


def _place(parts: list[str]) -> Iterator[str]:
    """Yield the place in the file without the kinds that pydantic inserts after each node.

    A node follows `params`, `returns` or `item`, or a key of `keys`; such a key may itself be
    called `item` or `value`.
    """
    before = ""
    is_node = False
    for part in parts:
        if is_node and part in _KINDS:
            is_node, before = False, ""
            continue
        yield part
        is_node = before == "keys" or (part in _NODES and before != "functions")
        before = "" if is_node else part
