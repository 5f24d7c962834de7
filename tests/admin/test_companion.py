"""The companion plugin as it is printed. tests/live tries it on a site that has it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from moodle_mcp.admin.companion import plugin_files
from moodle_mcp.cli.main import main
from moodle_mcp.errors import SettingsError
from moodle_mcp.terminal import say_bytes
from tests.support.moodle_host import NEWER_THAN_PHP_7_4, PHP, needs_php

FILES = {path: content.decode() for path, content in plugin_files()}


def printed() -> bytes:
    done = CliRunner().invoke(main, ["admin-script", "plugin"])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout_bytes


def code(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*|'(?:\\.|[^'\\\n])*'|\"[^\"\n]*\"", "", text, flags=re.S)


def test_the_zip_is_the_same_every_time() -> None:
    one = printed()
    assert one == printed()
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert archive.testzip() is None
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == [f"mcpcompanion/{path}" for path in sorted(FILES)]


def test_it_says_what_it_is_and_where_it_runs() -> None:
    assert "$plugin->component = 'local_mcpcompanion';" in FILES["version.php"]
    assert "$plugin->requires = 2022112800;" in FILES["version.php"]
    version = re.search(r"version = (\d{10});", FILES["version.php"])
    assert version is not None


def test_every_class_is_where_moodle_looks_for_it() -> None:
    for path, text in FILES.items():
        if path.startswith("classes/"):
            folder, _, name = path.removeprefix("classes/").removesuffix(".php").rpartition("/")
            namespace = folder.replace("/", "\\")
            assert f"\nnamespace local_mcpcompanion\\{namespace};" in text, path
            assert re.search(rf"^(abstract )?class {name}\b", text, re.M), path


def test_every_function_has_its_method_parameters_and_answer() -> None:
    rows = re.findall(r"^    '(\w+)' => \['(\w+)', '(\w+)', '", FILES["db/services.php"], re.M)
    assert rows
    for _, name, method in rows:
        text = FILES[f"classes/external/{name}.php"]
        if re.search(r"extends (activity|with_files)", text):
            text += FILES["classes/external/activity.php"]
        for suffix in ("", "_parameters", "_returns"):
            assert f"public static function {method}{suffix}(" in text, (name, method, suffix)


def test_every_string_that_is_used_exists() -> None:
    strings = set(
        re.findall(r"^\$string\['([\w:]+)'\]", FILES["lang/en/local_mcpcompanion.php"], re.M)
    )
    used = {
        name
        for text in FILES.values()
        for name in re.findall(r"'(\w+)', 'local_mcpcompanion'", text)
    }
    assert used
    assert used | {"pluginname", "privacy:metadata", "mcpcompanion:use"} == strings


@pytest.mark.parametrize("path", sorted(FILES))
def test_every_file_can_only_be_included_and_is_php_7_4(path: str) -> None:
    text = FILES[path]
    assert "defined('MOODLE_INTERNAL') || die();" in text
    assert [each for each in NEWER_THAN_PHP_7_4 if re.search(each, code(text))] == []
    assert text.endswith("\n")
    assert not re.search(r"[ \t]$", text, re.M)
    assert max(map(len, text.splitlines())) <= 132


@needs_php
@pytest.mark.parametrize("path", sorted(FILES))
def test_php_can_read_every_file(path: str, tmp_path: Path) -> None:
    file = tmp_path / "a.php"
    file.write_text(FILES[path], encoding="utf-8")
    done = subprocess.run([PHP or "php", "-l", str(file)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_zip_is_not_written_to_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(SettingsError):
        say_bytes(b"PK")
