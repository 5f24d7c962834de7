"""The rules of docs/architecture.md on who may import whom, held against the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

import moodle_mcp

ROOT: Final = Path(moodle_mcp.__file__).parent

BASE: Final = frozenset(
    {
        "atomic",
        "background",
        "errors",
        "invisible",
        "jsontree",
        "reading",
        "suggest",
        "terminal",
        "textfile",
    }
)
"""Modules that know nothing of Moodle's functions, of HTTP or of MCP; every package may use them."""

MAY_USE: Final[Mapping[str, frozenset[str]]] = {
    "redaction": frozenset(),
    "store": frozenset(),
    "catalogue": frozenset({"redaction"}),
    "tables": frozenset({"catalogue"}),
    "policy": frozenset({"catalogue", "store"}),
    "site": frozenset({"redaction"}),
    "caller": frozenset({"catalogue", "site", "store"}),
    "presentation": frozenset({"catalogue", "redaction", "store"}),
    "files": frozenset({"presentation", "site"}),
    "credentials": frozenset({"site"}),
    "clients": frozenset({"settings", "site"}),
    "service": frozenset(
        {
            "caller",
            "catalogue",
            "files",
            "logs",
            "policy",
            "presentation",
            "redaction",
            "site",
            "store",
        }
    ),
    "diagnostics": frozenset({"catalogue", "policy", "service", "site"}),
    "server": frozenset({"caller", "catalogue", "policy", "presentation", "service"}),
    "admin": frozenset({"catalogue"}),
    "demo": frozenset({"catalogue"}),
}
"""The packages that each package may use; a package that is not named here may use all."""

KNOW_MCP: Final = {"server", "wiring", "cli"}
KNOW_HTTP: Final = {"site", "diagnostics", "credentials", "demo"}

MODULES: Final = sorted(ROOT.rglob("*.py"))


def package(module: Path) -> str:
    return module.relative_to(ROOT).with_suffix("").parts[0]


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_what_its_package_may_use(module: Path) -> None:
    own = package(module)
    used = {name.split(".")[1] for name in imported(module) if name.startswith("moodle_mcp.")}
    allowed = MAY_USE.get(own)
    if allowed is not None:
        assert used - {own} - BASE <= allowed
    if own in BASE:
        assert used <= BASE


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_mcp_and_http_are_known_at_the_edges_only(module: Path) -> None:
    roots = {name.split(".")[0] for name in imported(module)}
    if roots & {"mcp", "mcp_types"}:
        assert package(module) in KNOW_MCP
    if roots & {"httpx2", "httpcore2"}:
        assert package(module) in KNOW_HTTP


def test_only_the_wiring_builds_the_whole() -> None:
    built = {
        (module.relative_to(ROOT).as_posix(), node.func.id)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Process", "UserContext", "ServerFactory"}
    }
    assert built == {
        ("server/factory.py", "ServerFactory"),
        ("wiring.py", "Process"),
        ("wiring.py", "ServerFactory"),
        ("wiring.py", "UserContext"),
    }


def test_no_module_keeps_state() -> None:
    """At the top of a module stand constants: nothing there is changed, and nothing is a cache."""
    found: list[str] = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Global):
                found.append(f"{module.relative_to(ROOT)}: global {', '.join(node.names)}")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {ast.unparse(each).split("(")[0] for each in node.decorator_list}
                if names & {"cache", "lru_cache", "functools.cache", "functools.lru_cache"}:
                    found.append(f"{module.relative_to(ROOT)}: {node.name} is cached")
    assert found == []


def test_no_module_is_long() -> None:
    lengths = {
        module.relative_to(ROOT).as_posix(): len(module.read_text(encoding="utf-8").splitlines())
        for module in MODULES
    }
    assert {name: lines for name, lines in lengths.items() if lines > 350} == {}
