"""A Moodle web-service function: its name, its parameters and its answer, as trees.

A tree node is a `Value`, a `ListOf` or an `Object`, like Moodle's `external_value`,
`external_multiple_structure` and `external_single_structure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.classification import UNCLASSIFIED, Access, Classification
from moodle_mcp.catalogue.lookups import Lookup
from moodle_mcp.catalogue.refusals import Refused
from moodle_mcp.catalogue.silent import Check

Label: TypeAlias = Literal["read", "write"]
Presence: TypeAlias = Literal["required", "optional", "default"]
OnItemError: TypeAlias = Literal["all_or_nothing", "per_item", "stops_midway"]


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar.

    `type` is Moodle's PARAM_ name in lower case (`int`, `bool`, `float`; all others are text).
    `default` is only meaningful if `presence` is "default".
    """

    type: str
    nullable: bool = False
    presence: Presence = "required"
    default: Any = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items all have the shape of `item`."""

    item: Node
    presence: Presence = "required"
    default: Any = None


@dataclass(frozen=True, slots=True)
class Object:
    """A structure with known keys."""

    keys: Mapping[str, Node]
    presence: Presence = "required"
    default: Any = None


Node: TypeAlias = Value | ListOf | Object


@dataclass(frozen=True, slots=True)
class Batching:
    """How a function treats the independent items in its `items` parameters.

    Several names mean parallel lists: item i of each belongs together. `on_item_error` says what
    one bad item does to the rest of its request; None for reads.

    These fields tell how an answer names failed items. `warnings` are templates filled with an
    item's values; one of them occurs in the text `item=…;itemid=…;message=…;` of a warning about
    that item. `harmless_codes` are codes of warnings that mean no failure. `errors_in` is the key
    of an item's entry in the answer that holds its error. `expects` maps keys of an item's entry to
    the value that means success; the empty key stands for the whole answer.

    `size` is the number of items for one request if it differs from the default. `check_with` is
    the read that tells what became of items whose outcome is unknown.
    """

    items: tuple[str, ...]
    on_item_error: OnItemError | None = None
    repeat_is_harmless: bool = False
    size: int | None = None
    warnings: tuple[str, ...] = ()
    harmless_codes: tuple[str, ...] = ()
    errors_in: str = ""
    expects: Mapping[str, Any] = field(default_factory=dict[str, Any])
    check_with: str = ""


@dataclass(frozen=True, slots=True)
class ParameterText:
    """A parameter's meaning, and its allowed values if they are few."""

    text: str
    enum: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionText:
    """A function's purpose, its parameters' texts by path (`users[].email`), and the default fields
    of its answer; none means all.

    `undo` names the call that reverses it, if there is one. `by_the_site` is True if the texts are
    Moodle's or a plugin's instead of ours.
    """

    text: str = ""
    params: Mapping[str, ParameterText] = field(default_factory=dict[str, ParameterText])
    fields: tuple[str, ...] = ()
    undo: str = ""
    by_the_site: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether we have written the text, as for the most used functions."""
        return bool(self.text) and not self.by_the_site


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a site may not know a parameter: its release is between `older` and `newer`, and only one
    of them has the parameter.

    `gone` is True if that is the older one. `changed` is the release that brought or dropped it,
    empty if unknown. `required` is True if the release that has it requires it.
    """

    older: str
    newer: str
    changed: str = ""
    gone: bool = False
    required: bool = False

    @property
    def _when(self) -> str:
        return f"in Moodle {self.changed}" if self.changed else f"after Moodle {self.older}"

    @property
    def mark(self) -> str:
        """Return the sentence for the parameter's description."""
        what = "Dropped" if self.gone else "Added"
        return f"{what} {self._when}; this site may refuse it."

    @property
    def problem(self) -> str:
        """Return what to do about the parameter after the site has refused a call that has it."""
        what = "was dropped" if self.gone else "was added"
        return f"{what} {self._when}; if this site lacks it, call again without it"

    @property
    def missing(self) -> str:
        """Return what to do after the site has refused a call without the parameter."""
        has = self.older if self.gone else self.newer
        return f"is missing: Moodle {has} requires it; call again with it"


@dataclass(frozen=True, slots=True)
class Function:
    """A web-service function.

    `release` is the catalogue release that describes it; empty if it belongs to none. `label` is
    Moodle's own label, None if unknown; what counts is our `classification`. `typed` is False for a
    function that only the site knows (a plugin's): its arguments are free-form. `doubts` are the
    parameters that the site may not know, by path (`groups[].visibility`). `checks` find what
    Moodle accepts silently. `lookup` says where a read takes the values that it looks up. After one
    of the errorcodes in `refusals` nothing was written.
    """

    name: str
    component: str = ""
    release: str = field(default="", compare=False)
    label: Label | None = None
    capabilities: tuple[str, ...] = ()
    deprecated: bool = False
    params: Object = field(default_factory=lambda: Object({}))
    returns: Node | None = None
    batching: Batching | None = None
    typed: bool = True
    text: FunctionText = field(default_factory=FunctionText)
    classification: Classification = UNCLASSIFIED
    doubts: Mapping[str, Doubt] = field(default_factory=dict[str, Doubt])
    checks: tuple[Check, ...] = ()
    lookup: Lookup | None = None
    refusals: Mapping[str, Refused] = field(default_factory=dict[str, Refused])

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing, by our classification instead of Moodle's label."""
        return self.classification.access is Access.READ

    @property
    def is_transaction(self) -> bool:
        """Whether an exception means that nothing of a call was written. A failed request can then
        be bisected until its bad items are alone.
        """
        return self.batching is not None and self.batching.on_item_error == "all_or_nothing"

    @property
    def answers_each_item(self) -> bool:
        """Whether an answer has an entry for each item: a list does, unless it is a list of
        warnings (read in the source of 4.5.6).
        """
        match self.returns:
            case ListOf(item=Object(keys=keys)):
                return self.batching is not None and "warningcode" not in keys
            case _:
                return False

    @property
    def is_search(self) -> bool:
        """Whether it is a read whose values are criteria that must all match."""
        return self.lookup is not None and self.lookup.all_or_none

    @property
    def repeat_is_harmless(self) -> bool:
        """Whether calling it twice has the same effect as once."""
        return self.reads_only or (self.batching is not None and self.batching.repeat_is_harmless)


# The PARAM_ types with a scalar type of their own in JSON Schema; all others are text.
SCALARS: Final[Mapping[str, str]] = {"int": "integer", "float": "number", "bool": "boolean"}


def scalar(value: Value) -> str:
    """Return the JSON Schema type of a scalar: integer, number, boolean or string."""
    return SCALARS.get(value.type, "string")
