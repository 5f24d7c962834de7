"""The functions that are exposed as tools, as far as the site is known."""

from __future__ import annotations

import mcp_types as types

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.naming import BUILTIN_NAMES, description, tool_name
from moodle_mcp.catalogue.schema import input_schema, output_schema
from moodle_mcp.catalogue.site_overrides import NO_OVERRIDES, SiteOverrides
from moodle_mcp.catalogue.store import Catalogue, catalogue_for
from moodle_mcp.policy.policy import Policy
from moodle_mcp.presentation.clean import clean, clean_all
from moodle_mcp.site.info import SiteInfo

FUNCTION_KEY = "moodle/function"
"""The key in a tool's `_meta` that holds the function's full name."""


class Toolset:
    """The policy applied to what a site offers; to the whole catalogue while that is unknown."""

    def __init__(
        self, policy: Policy, info: SiteInfo | None = None, overrides: SiteOverrides = NO_OVERRIDES
    ) -> None:
        self.policy = policy
        self.info = info
        self.catalogue: Catalogue = catalogue_for(info.release if info else None, overrides)
        told = info.functions if info else None
        self.offered = (frozenset(self.catalogue) if told is None else told) - BUILTIN_NAMES
        """The names of the functions that the site has for this token, as far as it tells."""
        named = (self.catalogue.get(name) for name in sorted(self.offered) if policy.names(name))
        exposed = [function for function in named if policy.allows(function)]
        self._by_tool = {tool_name(function.name): function for function in exposed}

    @property
    def functions(self) -> list[Function]:
        """The exposed functions, by name."""
        return list(self._by_tool.values())

    def __contains__(self, name: str) -> bool:
        """Whether a name is one of a function that is known, exposed or withheld."""
        return self.known(name) is not None

    def known(self, name: str) -> Function | None:
        """The function that a name stands for, exposed or withheld."""
        return self.exposed(name) or self.withheld(name)

    def exposed(self, name: str) -> Function | None:
        """The function behind a tool's name or its own full name, if it is exposed."""
        return self._by_tool.get(name) or self._by_tool.get(tool_name(name))

    def withheld(self, name: str) -> Function | None:
        """A function that exists, in the catalogue or on the site, and is not exposed."""
        exists = name in self.catalogue or name in self.offered
        if not exists or name in BUILTIN_NAMES or self.exposed(name) is not None:
            return None
        return self.catalogue.get(name)


def to_tool(function: Function) -> types.Tool:
    """The MCP tool for a function. What a site's own catalogue says of it is cleaned."""
    access = function.classification.access
    ours = not function.text.by_the_site
    schema = input_schema(function)
    return types.Tool(
        name=tool_name(function.name),
        title=function.name,
        description=description(function) if ours else clean(description(function)),
        input_schema=schema if ours else clean_all(schema),
        output_schema=output_schema(function),
        annotations=types.ToolAnnotations(
            read_only_hint=access is Access.READ,
            destructive_hint=access is Access.DESTRUCTIVE,
            idempotent_hint=access is Access.READ or function.repeat_is_harmless,
            open_world_hint=False,
        ),
        _meta={FUNCTION_KEY: function.name},
    )
