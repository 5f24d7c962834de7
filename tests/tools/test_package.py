"""What is looked at in an artefact before it is published."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tools.package import PackageError, check_variables, check_versions, compare, read_json


def test_an_archive_holds_what_git_has_and_nothing_else() -> None:
    compare(Path("a.whl"), ["a/", "a/b.py", "a/c.tsv"], {"a/b.py", "a/c.tsv"})
    with pytest.raises(PackageError) as caught:
        compare(Path("a.whl"), ["a/b.py", "tests/d.py"], {"a/b.py", "a/c.tsv"})
    assert str(caught.value) == snapshot("a.whl: missing ['a/c.tsv'], too many ['tests/d.py']")


def test_a_forgotten_version_is_named() -> None:
    with pytest.raises(PackageError, match=r"manifest\.json"):
        check_versions({"manifest.json": "0.0.1"})


def test_a_variable_that_is_no_setting_is_named() -> None:
    with pytest.raises(PackageError, match="MOODLE_MCP_ACCES'"):
        check_variables(["MOODLE_URL", "MOODLE_MCP_ACCES"])


def test_every_variable_of_the_published_descriptions_is_a_setting_and_every_version_ours() -> None:
    (package,) = read_json("server.json")["packages"]
    manifest = read_json("packaging/manifest.json")
    check_variables([each["name"] for each in package["environmentVariables"]])
    check_variables(manifest["server"]["mcp_config"]["env"])
    check_versions({"server.json": package["version"], "manifest.json": manifest["version"]})
