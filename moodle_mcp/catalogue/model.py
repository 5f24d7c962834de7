"""What a Moodle web-service function is: its name, its parameters and its answer, as trees.

A tree node is a `Value`, a `ListOf` or an `Object`, as Moodle's own `external_value`,
`external_multiple_structure` and `external_single_structure` are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from moodle_mcp.catalogue.classification import UNCLASSIFIED, Access, Classification

Label: TypeAlias = Literal["read", "write"]
Presence: TypeAlias = Literal["required", "optional", "default"]
OnItemError: TypeAlias = Literal["all_or_nothing", "per_item", "stops_midway"]


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar.

    `type` is Moodle's PARAM_ name in lower case (`int`, `bool`, `float`; all others are text).
    `default` means something only where `presence` is "default".
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
    """What is known of a function whose `items` parameters hold independent items.

    Several names mean parallel lists: item i of each belongs together. `on_item_error` says what
    one bad item does to the rest of its request; None for reads.

    How the answer names the items that failed, where it does: `warnings` are templates, filled
    with an item's values, one of which stands in the text `item=…;itemid=…;message=…;` of a
    warning about that item; `harmless_codes` are codes of warnings that mean no failure;
    `errors_in` is the key of an item's own entry in the answer that holds its error; `expects`
    are the values that mean success, by the key in an item's entry, or by the empty key the whole
    answer's.

    `size` is the number of items for one request where another than the usual one is better,
    `check_with` the read that tells what became of items in doubt.
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
    """What a parameter means, and the values that Moodle accepts where they are few."""

    text: str
    enum: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionText:
    """What a function is for, its parameters' texts by path (`users[].email`), and the fields
    that its answer has unless others are asked for; none means all.

    `by_the_site` where the texts are Moodle's or a plugin's own words instead of ours.
    """

    text: str = ""
    params: Mapping[str, ParameterText] = field(default_factory=dict[str, ParameterText])
    fields: tuple[str, ...] = ()
    by_the_site: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether we have written it, which we have for what is asked for most."""
        return bool(self.text) and not self.by_the_site


@dataclass(frozen=True, slots=True)
class Function:
    """One web-service function.

    `release` is that of the catalogue which describes it; what belongs to no release has none.
    `label` is Moodle's own, None where nobody has said; what counts is our `classification`.
    `typed` is False for a function that only the site knows (a plugin's): its arguments are
    free-form.
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

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing: by our classification, not by Moodle's label."""
        return self.classification.access is Access.READ

    @property
    def is_transaction(self) -> bool:
        """Whether an exception means that nothing of a call was written, so that a failed one may
        be halved until its bad items stand alone.
        """
        return self.batching is not None and self.batching.on_item_error == "all_or_nothing"

    @property
    def answers_each_item(self) -> bool:
        """Whether an answer has an entry for each item, which a list has unless it is one of
        warnings (read in the source of 4.5.6).
        """
        match self.returns:
            case ListOf(item=Object(keys=keys)):
                return self.batching is not None and "warningcode" not in keys
            case _:
                return False

    @property
    def repeat_is_harmless(self) -> bool:
        """Whether calling it twice does the same as once."""
        return self.reads_only or (self.batching is not None and self.batching.repeat_is_harmless)


# The scalar kinds that JSON Schema knows; every other PARAM_ type is text.
SCALARS: Final[Mapping[str, str]] = {"int": "integer", "float": "number", "bool": "boolean"}


def scalar(value: Value) -> str:
    """The JSON Schema type of a scalar: integer, number, boolean or string."""
    return SCALARS.get(value.type, "string")
