"""Check a function's parameters like Moodle's `external_api::validate_parameters`.

Moodle stops at the first fault, in the order of the description, and builds the path to it from
the inside out: `users => Invalid parameter value detected: username => …`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from moodle_mcp.catalogue.model import ListOf, Node, Object, Value
from moodle_mcp.catalogue.param_types import rule_of
from moodle_mcp.demo.errors import MoodleError, invalid_parameter
from moodle_mcp.demo.php import scalar_text

_INT: Final = re.compile(r"0|-?[1-9][0-9]*")
_INT_DIGITS: Final = 19
_INT_LIMIT: Final = 2**63
_FLOAT: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", re.IGNORECASE)

_INSTALLED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "auth": frozenset({"", "email", "ldap", "lti", "manual", "nologin", "oauth2"}),
        "lang": frozenset({"", "en"}),
        "theme": frozenset({"", "boost", "classic"}),
    }
)
"""Allowed values of PARAM_ types that depend on the site; other types have fixed rules."""

_PLAIN_USERNAME: Final = re.compile(r"[-.@_a-z0-9]*")
"""Valid user names while the site's `extendedusernamechars` is off."""


def validate(params: Object, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed parameters of a form or of JSON, or raise `invalidparameter`.

    Missing parameters get their default. The catalogue does not know every default: an unknown
    default is an empty list or None, and the function decides.
    """
    result: dict[str, Any] = {}
    for key, node in params.keys.items():
        if key in given:
            try:
                result[key] = _checked(node, given[key])
            except MoodleError as error:
                raise invalid_parameter(f"{key} => {error.message}: {error.debuginfo}") from None
        elif node.presence == "required":
            raise invalid_parameter(f"Missing required key in single structure: {key}")
        elif node.presence == "default":
            result[key] = _default(node)
    unexpected = [key for key in given if key not in params.keys]
    if unexpected:
        keys = ", ".join(unexpected)
        raise invalid_parameter(f"Unexpected keys ({keys}) detected in parameter array.")
    return result


def _checked(node: Node, given: Any) -> Any:
    match node:
        case Value():
            return _value(node, given)
        case ListOf():
            # PHP has no lists: the keys are dropped, and items keep the order of arrival.
            return [_checked(node.item, item) for item in _array(given).values()]
        case Object():
            return validate(node, _array(given))


def _array(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise invalid_parameter(f"Only arrays accepted. The bad value is: '{given}'")
    return cast("dict[str, Any]", given)


def _default(node: Node) -> Any:
    match node:
        case Value():
            return node.default
        case ListOf():
            return list(node.default or ())
        case Object():
            # PHP's one empty array also stands for an empty object.
            filled: dict[str, Any] = dict(node.default or ())
            return filled


def _value(node: Value, given: Any) -> Any:
    if isinstance(given, dict):
        raise invalid_parameter("Scalar type expected, array or object received.")
    if given is None and node.nullable:
        return None
    if isinstance(given, bool) and node.type == "bool":
        return given
    text = scalar_text(given)
    if given is None or not _fits(node.type, given, text):
        raise invalid_parameter(
            f'Invalid external api parameter: the value is "{text}", '
            f'the server was expecting "{node.type}" type'
        )
    match node.type:
        case "int":
            return int(text)
        case "float":
            return float(given)
        case "bool":
            return text == "1"
        case _:
            return text


def _fits(kind: str, given: Any, text: str) -> bool:
    if kind == "float" and not isinstance(given, str):
        # PHP numbers are not checked further, and PHP booleans don't count as numbers.
        return not isinstance(given, bool)
    return _accepts(kind, text)


def _accepts(kind: str, text: str) -> bool:
    match kind:
        case "int":
            short = bool(_INT.fullmatch(text)) and len(text.lstrip("-")) <= _INT_DIGITS
            return short and -_INT_LIMIT <= int(text) < _INT_LIMIT
        case "float":
            return bool(_FLOAT.fullmatch(text))
        case "bool":
            return text in ("0", "1")
        case "username":
            return bool(_PLAIN_USERNAME.fullmatch(text))
        case "auth" | "lang" | "theme":
            return text in _INSTALLED[kind]
        case _:
            rule = rule_of(kind)
            return rule is None or rule.accepts(text)
