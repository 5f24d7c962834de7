"""What one user may call: the allowed functions of a site, and the built-in tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from moodle_mcp.catalogue.arguments import arguments_fault
from moodle_mcp.catalogue.loading import Catalogue
from moodle_mcp.catalogue.model import Function
from moodle_mcp.catalogue.naming import BUILTIN_NAMES, tool_name
from moodle_mcp.catalogue.schema import input_schema
from moodle_mcp.errors import CallError, MoodleMcpError, ParameterFault
from moodle_mcp.policy.allowlist import FILE_TOOLS
from moodle_mcp.policy.policy import Policy
from moodle_mcp.service.builtin_tools import BuiltinTool
from moodle_mcp.site.info import SiteInfo
from moodle_mcp.suggest import similar


class UnknownToolError(MoodleMcpError):
    """No tool or function has this name; `near` are similar names."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        did_you_mean = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"{name} is not a Moodle function{did_you_mean}")
        self.for_clients = f"Unknown tool: {name}{did_you_mean}"


class Functions:
    """The functions that a site offers and a policy allows.

    Until the site info is fetched, the whole catalogue counts as offered.
    """

    def __init__(self, policy: Policy, catalogue: Catalogue, info: SiteInfo | None = None) -> None:
        self.policy = policy
        self.catalogue = catalogue
        listed = info.functions if info else None
        names = frozenset(catalogue) if listed is None else listed
        # A difference would be a copy for each user.
        self.offered = names if names.isdisjoint(BUILTIN_NAMES) else names - BUILTIN_NAMES
        """The names of the functions that the site offers to this token, as far as known."""
        named = (catalogue.get(name) for name in sorted(self.offered) if policy.names(name))
        self._by_tool = {
            tool_name(function.name): function for function in named if policy.allows(function)
        }

    @property
    def allowed(self) -> list[Function]:
        """The allowed functions, by name."""
        return list(self._by_tool.values())

    def find(self, name: str) -> Function | None:
        """Find a function by its tool name or full name, allowed or withheld."""
        return self.find_allowed(name) or self._withheld(name)

    def find_allowed(self, name: str) -> Function | None:
        """Find a function by its tool name or full name, if it is allowed."""
        return self._by_tool.get(name) or self._by_tool.get(tool_name(name))

    def allows(self, name: str) -> bool:
        """Whether the site has a function of that name, and the policy allows it."""
        return self.find_allowed(name) is not None

    def similar(self, name: str) -> list[str]:
        """The allowed functions with similar names."""
        return similar(name, [function.name for function in self.allowed])

    def named(self, tool: Function, name: str) -> Function:
        """The function that an argument of a built-in tool names, allowed or withheld.

        Raises:
            CallError: `invalid_arguments`; no function has this name.
        """
        function = self.find(name)
        if function is not None:
            return function
        builtin = name in BUILTIN_NAMES
        problem = "is a built-in tool: call it directly" if builtin else "is not a known function"
        near = " or ".join(self.similar(name)) or "a name that find_functions gives"
        fault = ParameterFault("function", problem, None if builtin else near)
        raise CallError.not_sent(arguments_fault(tool, [fault]))

    def _withheld(self, name: str) -> Function | None:
        exists = name in self.catalogue or name in self.offered
        if not exists or name in BUILTIN_NAMES:
            return None
        return self.catalogue.get(name)


class Registry:
    """One user's functions and built-in tools, as far as the site is known; immutable.

    `info` is None until the site info is fetched.
    """

    def __init__(
        self, functions: Functions, builtins: Iterable[BuiltinTool], info: SiteInfo | None
    ) -> None:
        self.functions = functions
        self.info = info
        self.builtins: Mapping[str, BuiltinTool] = {tool.function.name: tool for tool in builtins}

    @property
    def listed_builtins(self) -> list[BuiltinTool]:
        """The built-in tools that the policy allows."""
        return [
            tool
            for name, tool in self.builtins.items()
            if name not in FILE_TOOLS or self.functions.policy.allows(tool.function)
        ]

    def knows(self, name: str) -> bool:
        """Whether a tool or function has this name, allowed or withheld."""
        return name in self.builtins or self.functions.find(name) is not None

    def function(self, name: str) -> Function:
        """The function of a tool, allowed or withheld.

        Raises:
            UnknownToolError: nothing has this name.
        """
        builtin = self.builtins.get(name)
        function = builtin.function if builtin else self.functions.find(name)
        if function is None:
            raise UnknownToolError(name[:100], self.functions.similar(name))
        return function

    def allows(self, name: str) -> bool:
        """Whether the site has a function of that name, and the policy allows it."""
        return self.functions.allows(name)

    def input_schema(self, name: str) -> dict[str, object] | None:
        """The JSON Schema of a tool's arguments; None if no tool has this name."""
        builtin = self.builtins.get(name)
        if builtin is not None:
            return builtin.input_schema
        function = self.functions.find_allowed(name)
        return None if function is None else input_schema(function)
