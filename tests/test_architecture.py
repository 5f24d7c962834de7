"""Rules for the code: docs/architecture.md on which package may import which, and for the tests."""

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
        "regular_files",
        "file_lock",
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
    "verification": frozenset({"caller", "catalogue"}),
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
            "tables",
            "verification",
        }
    ),
    "diagnostics": frozenset({"catalogue", "policy", "service", "site"}),
    "server": frozenset({"caller", "catalogue", "policy", "presentation", "service"}),
    "auth": frozenset({"catalogue", "site", "store"}),
    "admin": frozenset({"catalogue"}),
    "demo": frozenset({"catalogue"}),
}
"""The packages that each package may use; a package that is not named here may use all."""

KNOW_MCP: Final = {"auth", "server", "wiring", "cli"}
KNOW_HTTP: Final = {"auth", "site", "diagnostics", "credentials", "demo"}

MODULES: Final = sorted(ROOT.rglob("*.py"))

TESTS: Final = Path(__file__).parent
TEST_MODULES: Final = sorted(TESTS.rglob("*.py"))
TOOL_MODULES: Final = sorted((TESTS.parent / "tools").rglob("*.py"))
ACROSS_PACKAGES: Final = frozenset({"data", "faults", "fuzz", "live", "support", "tools"})
"""Folders of tests/ that mirror no package."""


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
    """Modules have constants only: no `global` statements and no cached functions."""
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


def imported_tests(module: Path) -> Iterator[Path]:
    """The modules of tests/ that a module imports."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            continue
        for name in names:
            path = (TESTS.parent / name.replace(".", "/")).with_suffix(".py")
            if name.startswith("tests.") and path.is_file():
                yield path


@pytest.mark.parametrize(
    "module", [*TEST_MODULES, *TOOL_MODULES], ids=lambda path: str(path.relative_to(TESTS.parent))
)
def test_what_tests_share_is_in_support_or_in_their_own_folder(module: Path) -> None:
    """Nothing imports a test module or a conftest.py."""
    for used in imported_tests(module):
        assert not used.name.startswith("test_")
        assert used.name != "conftest.py"
        assert TESTS / "support" in used.parents or used.parent == module.parent, used


def test_each_folder_of_tests_mirrors_a_package() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TEST_MODULES}
    assert {
        folder.as_posix()
        for folder in folders
        if folder.parts and folder.parts[0] not in ACROSS_PACKAGES and not (ROOT / folder).is_dir()
    } == set()


def test_no_test_has_a_long_name() -> None:
    names = {
        node.name
        for module in TEST_MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name for name in names if len(name) > 80} == set()
