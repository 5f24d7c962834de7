"""The pinned dependencies, compared with the project's requirements."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.constraints import BUILD_CONSTRAINTS, CONSTRAINTS, pins, project, pyproject

WANTED = {
    CONSTRAINTS: [
        *project()["dependencies"],
        *(name for extra in project()["optional-dependencies"].values() for name in extra),
    ],
    BUILD_CONSTRAINTS: pyproject()["build-system"]["requires"],
}
both = pytest.mark.parametrize("path", WANTED, ids=lambda path: path.stem)


def unmet(path: Path, wanted: list[str]) -> list[str]:
    """Return the requirements that no pin satisfies; `python3 tools/dev.py constraints` fixes that."""
    pinned = pins(path)
    parsed = [Requirement(each) for each in wanted]
    return [
        str(each)
        for each in parsed
        if (pin := pinned.get(canonicalize_name(each.name))) is None
        or not each.specifier.contains(pin.version)
    ]


@both
def test_every_dependency_is_pinned_to_a_version_that_pyproject_allows(path: Path) -> None:
    assert unmet(path, WANTED[path]) == []
    assert unmet(path, ["nobody-pins-this"]) == ["nobody-pins-this"]
    name = Requirement(WANTED[path][0]).name
    assert unmet(path, [f"{name}<0.0.1"]) == [f"{name}<0.0.1"]


def test_what_the_dependencies_need_here_is_pinned_too() -> None:
    here = {
        name: distribution.requires or []
        for name in pins(CONSTRAINTS)
        for distribution in importlib.metadata.distributions(name=name)
    }
    needed = [
        each
        for wanted in here.values()
        for each in wanted
        if (marker := Requirement(each).marker) is None or marker.evaluate({"extra": ""})
    ]
    assert len(needed) > 30
    pinned = pins(CONSTRAINTS)
    assert {
        name for each in needed if (name := canonicalize_name(Requirement(each).name)) not in pinned
    } == set()


@both
def test_no_address_is_in_the_pins(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"://|@|index-url|find-links", text) == []


@pytest.mark.parametrize(
    "line",
    [
        "click==8.3.0",
        "click>=8.3 --hash=sha256:" + "0" * 64,
        "click==8.3.0 --hash=md5:" + "0" * 32,
        "click @ https://example.com/click.whl --hash=sha256:" + "0" * 64,
        "--index-url=https://example.com --hash=sha256:" + "0" * 64,
    ],
)
def test_what_is_no_pin_with_hashes_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text(f"# made\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match="not a pin with hashes"):
        pins(path)
