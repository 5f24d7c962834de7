"""Checks of artefacts before they are published."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tools.conformance.node import ROOT
from tools.package.publication import DIGEST
from tools.package.supply import audit
from tools.package.work import (
    LeftOutError,
    PackageError,
    check_variables,
    check_versions,
    compare,
    read_json,
)


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


def test_published_descriptions_name_known_settings_and_our_version() -> None:
    (package,) = read_json("server.json")["packages"]
    manifest = read_json("packaging/manifest.json")
    check_variables([each["name"] for each in package["environmentVariables"]])
    check_variables(manifest["server"]["mcp_config"]["env"])
    check_versions({"server.json": package["version"], "manifest.json": manifest["version"]})


def test_a_base_image_counts_as_fixed_only_by_a_digest() -> None:
    digest = "0123456789abcdef" * 4
    assert DIGEST.search(f"# made\nARG PYTHON=python:3.13-slim@sha256:{digest}\nFROM x\n")
    assert not DIGEST.search("ARG PYTHON=python:3.13-slim\n")
    assert not DIGEST.search(f"ARG PYTHON=python:3.13-slim@sha256:{digest[:-1]}\n")


def test_every_stage_of_the_image_has_the_one_base_and_takes_pinned_files_only() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    assert set(re.findall("^FROM (\\S+)", text, re.MULTILINE)) == {"${PYTHON}"}
    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) ([^&\n]*)", text)
    assert len(installs) == 4
    assert [each for each in installs if not re.search("--require-hashes|--no-deps", each)] == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', ""),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}]}', "CVE-1"),
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', "1 of 1 packages"),
        ("", "pip-audit can't ask: no route"),
    ],
)
def test_an_audit_that_learnt_nothing_is_no_success(
    said: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.CompletedProcess[str]([], 0, said, "warning\nno route\n")
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: done)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    if not message:
        assert audit() == "none known of 1 packages"
        return
    with pytest.raises(PackageError if "CVE" in message else LeftOutError, match=message):
        audit()
