"""Prompts for everyday work: texts that name the tools to use, in which order, and what to ask.

The texts are TOML files in `prompt_texts`, read when prompts are first asked for. They are the same
for every site. Only the user's arguments are added: checked, and as one line of JSON.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Final

import mcp_types as types
from mcp.shared.exceptions import MCPError

from moodle_mcp.presentation.clean import clean
from moodle_mcp.server.resources import Allowed

FOLDER: Final = "prompt_texts"
_COMMON: Final = "common.md"
MAX_TEXT: Final = 20_000
"""Most characters of a list that a user passes."""

_MAX_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Argument:
    """What a prompt asks its user for: `kind` is a key of `KINDS`."""

    name: str
    kind: str
    description: str
    default: Any = None

    @property
    def required(self) -> bool:
        """Whether the user must give it."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt, offered if all functions in `needs` are allowed.

    Its text says what to do without the functions in `uses`.
    """

    name: str
    title: str
    description: str
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    arguments: tuple[Argument, ...]
    text: str


class Prompts:
    """The prompts of this server."""

    @cached_property
    def texts(self) -> Mapping[str, PromptText]:
        """Every prompt by its name."""
        folder = resources.files("moodle_mcp.server") / FOLDER
        files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
        texts = [_parsed(file.name, file.read_text(encoding="utf-8")) for file in files]
        return {text.name: text for text in sorted(texts, key=lambda text: text.name)}

    @cached_property
    def _common(self) -> str:
        folder = resources.files("moodle_mcp.server") / FOLDER
        return (folder / _COMMON).read_text(encoding="utf-8")

    def listed(self, allowed: Allowed) -> list[types.Prompt]:
        """The prompts whose functions are allowed."""
        return [_listed(each) for each in self.texts.values() if all(map(allowed, each.needs))]

    def known(self, name: str) -> PromptText:
        """Return a prompt, whether it is offered or not.

        Raises:
            MCPError: no prompt has this name.
        """
        if name not in self.texts:
            names = ", ".join(self.texts)
            raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {name[:100]}; there are {names}")
        return self.texts[name]

    def get(
        self, name: str, arguments: Mapping[str, str], allowed: Allowed
    ) -> types.GetPromptResult:
        """A prompt's text with the user's arguments.

        Raises:
            MCPError: there is no such prompt, a function that it needs is not allowed, or an
                argument is missing, unknown or wrong.
        """
        prompt = self.known(name)
        missing = [function for function in prompt.needs if not allowed(function)]
        if missing:
            functions = ", ".join(missing)
            message = (
                f"{name} needs functions that are withheld by the operator or missing from the "
                f"token's service: {functions}."
            )
            raise MCPError(types.INVALID_PARAMS, message)
        given = json.dumps(_checked(prompt, arguments), ensure_ascii=False)
        message = f"{prompt.text}\n{self._common}\n## The user's arguments\n\n{given}\n"
        content = types.TextContent(text=message)
        return types.GetPromptResult(
            description=prompt.description,
            messages=[types.PromptMessage(role="user", content=content)],
        )


def _parsed(file: str, toml: str) -> PromptText:
    data = tomllib.loads(toml)
    return PromptText(
        file.removesuffix(".toml"),
        data["title"],
        data["description"],
        tuple(data["needs"]),
        tuple(data.get("uses", ())),
        tuple(Argument(name, **entry) for name, entry in data["arguments"].items()),
        data["text"],
    )


def _listed(prompt: PromptText) -> types.Prompt:
    return types.Prompt(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=[
            types.PromptArgument(
                name=each.name, description=each.description, required=each.required
            )
            for each in prompt.arguments
        ],
    )


def _checked(prompt: PromptText, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Convert the arguments to values; those not given get their defaults."""
    known = {each.name: each for each in prompt.arguments}
    for name in arguments:
        if name not in known:
            raise _refused(
                prompt, f"{name[:100]!r} is not one of its arguments: {', '.join(known)}"
            )
    values: dict[str, Any] = {}
    for name, argument in known.items():
        text = clean(arguments.get(name, "")).strip()
        if not text and argument.required:
            raise _refused(prompt, f"{name} is missing")
        kind = KINDS[argument.kind]
        values[name] = kind.value(text) if text else argument.default
        if values[name] is None:
            raise _refused(prompt, f"{name} must be {kind.allowed}")
    return values


def _refused(prompt: PromptText, problem: str) -> MCPError:
    return MCPError(types.INVALID_PARAMS, f"{prompt.name}: {problem}.")


@dataclass(frozen=True, slots=True)
class ArgumentKind:
    """A kind of argument: `value` converts its text, or returns None if it is not `allowed`."""

    value: Callable[[str], Any]
    allowed: str


def _id(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,9}", text) else None


def _days(text: str) -> int | None:
    days = _id(text)
    return days if days is not None and days <= _MAX_DAYS else None


def _word(text: str) -> str | None:
    return text if re.fullmatch(r"[a-z0-9_-]{1,100}", text) else None


def _list(text: str) -> str | None:
    return text if len(text) <= MAX_TEXT else None


KINDS: Final[Mapping[str, ArgumentKind]] = {
    "id": ArgumentKind(_id, "an id: digits, such as 12"),
    "days": ArgumentKind(_days, f"a number of days from 1 to {_MAX_DAYS}"),
    "word": ArgumentKind(_word, "a short name: small letters, digits, - and _"),
    "list": ArgumentKind(_list, f"at most {MAX_TEXT} characters"),
}
