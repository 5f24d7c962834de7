"""Count the tokens that the list of tools takes in a model's context.

    python -m tools.tokens [PROFILE ...]

Prints a row for each profile, or, if one profile is named, a row for each of its tools, largest
first. The tokenizer package (o200k) includes its vocabulary, so nothing is downloaded.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import mcp_types as types
import splintr

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import every_name, load
from moodle_mcp.cli.tools import size_of
from moodle_mcp.policy.allowlist import PROFILES, parse_allowlist
from moodle_mcp.policy.policy import Policy
from moodle_mcp.server.tools import builtin_to_tool, to_tool
from moodle_mcp.service.discovery import FACADE
from moodle_mcp.service.registry import Functions


def counter() -> Callable[[str], int]:
    """Return a function that counts the tokens of a text."""
    tokenizer = splintr.Tokenizer.from_pretrained("o200k_base")
    return lambda text: len(tokenizer.encode(text))


def tools_of(profile: str) -> list[types.Tool]:
    """Return the tools of a profile if the operator allows everything."""
    policy = Policy(parse_allowlist(profile, every_name()), Access.DESTRUCTIVE)
    return [to_tool(function) for function in Functions(policy, load()).allowed]


def shown(tool: types.Tool) -> str:
    """Return what a model sees of a tool."""
    parts = [tool.name, tool.description, tool.input_schema]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def main(profiles: list[str]) -> int:
    """Print the counts."""
    unknown = [name for name in profiles if name not in PROFILES]
    if unknown:
        print(f"no profile: {', '.join(unknown)}; there are {', '.join(PROFILES)}", file=sys.stderr)
        return 2
    count = counter()
    print(f"{'':12} {'tools':>6} {'tokens':>7} {'bytes/4':>8}")
    for name in profiles or PROFILES:
        tools = tools_of(name)
        counts = {tool.name: count(shown(tool)) for tool in tools}
        print(f"{name:12} {len(tools):6} {sum(counts.values()):7} {size_of(tools) // 4:8}")
        if len(profiles) == 1:
            for tool, tokens in sorted(counts.items(), key=lambda each: -each[1]):
                print(f"{'':12} {'':6} {tokens:7} {tool}")
    discovery = list(map(builtin_to_tool, FACADE))
    tokens = sum(count(shown(tool)) for tool in discovery)
    print(f"{'discovery':12} {len(discovery):6} {tokens:7} {size_of(discovery) // 4:8}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
