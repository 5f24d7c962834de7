"""The command and the settings that a client is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from inline_snapshot import snapshot

from moodle_mcp.clients.entry import Running, environment_for_server
from moodle_mcp.errors import SettingsError

TOKEN = "0123456789abcdef0123456789abcdef"


def running(
    script: str,
    prefix: str = "/opt/venv",
    uv: str | None = None,
    kind: type[PurePath] = PurePosixPath,
) -> Running:
    python = kind(prefix) / "bin" / "python"
    return Running(kind(script), python, kind(prefix), kind(uv) if uv else None)


def test_the_installed_command_is_named_by_its_path() -> None:
    assert running("/home/Zoë M/.local/bin/moodle-mcp").command() == snapshot(
        ("/home/Zoë M/.local/bin/moodle-mcp", ())
    )
    windows = running(
        r"C:\Program Files\Zoë\Scripts\moodle-mcp.exe", r"C:\venv", kind=PureWindowsPath
    )
    assert windows.command() == snapshot(("C:\\Program Files\\Zoë\\Scripts\\moodle-mcp.exe", ()))


def test_run_as_a_module_it_is_the_interpreter_with_the_module() -> None:
    assert running("/opt/venv/lib/moodle_mcp/__main__.py").command() == snapshot(
        ("/opt/venv/bin/python", ("-P", "-m", "moodle_mcp"))
    )


def test_run_as_a_module_it_imports_nothing_from_the_folder_it_is_started_in(
    tmp_path: Path,
) -> None:
    for module in ("click", "csv", "json", "moodle_mcp"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')")
    here = PurePath(sys.executable)
    command, args = Running(tmp_path / "__main__.py", here, PurePath(sys.prefix), None).command()
    done = subprocess.run(
        [command, *args, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_in_an_environment_of_uvx_it_is_uvx_which_makes_it_anew() -> None:
    cache = "/home/z/.cache/uv/archive-v0/AbC"
    passing = running(f"{cache}/bin/moodle-mcp", cache, "/home/z/.local/bin/uv")
    assert passing.command() == snapshot(("/home/z/.local/bin/uvx", ("moodle-mcp",)))
    assert passing.command("[keyring]") == snapshot(
        ("/home/z/.local/bin/uvx", ("--from", "moodle-mcp[keyring]", "moodle-mcp"))
    )
    windows = running(
        r"C:\uv\cache\archive-v0\x\moodle-mcp.exe", r"C:\uv\cache\archive-v0\x", r"C:\uv\uv.exe",
        kind=PureWindowsPath,
    )  # fmt: skip
    assert windows.command() == snapshot(("C:\\uv\\uvx.exe", ("moodle-mcp",)))


def test_in_a_lasting_environment_of_uv_it_is_the_command() -> None:
    lasting = running("/p/.venv/bin/moodle-mcp", "/p/.venv", "/home/z/.local/bin/uv")
    assert lasting.command() == ("/p/.venv/bin/moodle-mcp", ())


def absolute(path: str) -> str:
    return f"/here/{path}"


def test_the_settings_that_are_set_go_along_with_whole_paths() -> None:
    environment = {
        "MOODLE_URL": "https://m.example", "MOODLE_TOKEN_FILE": "tokén file", "PATH": "/bin",
        "MOODLE_MCP_TOOLS": "teacher,-core_user_*", "MOODLE_MCP_ACCESS": "", "MOODLE_MCP_AUDIT": "a.log",
        "MOODLE_MCP_CONFIG": "c.toml", "SSL_CERT_FILE": "ca.pem", "XDG_CONFIG_HOME": "x",
    }  # fmt: skip
    assert environment_for_server(environment, None, absolute) == snapshot(
        {
            "MOODLE_URL": "https://m.example",
            "MOODLE_TOKEN_FILE": "/here/tokén file",
            "MOODLE_MCP_TOOLS": "teacher,-core_user_*",
            "MOODLE_MCP_AUDIT": "/here/a.log",
            "MOODLE_MCP_CONFIG": "/here/c.toml",
            "SSL_CERT_FILE": "/here/ca.pem",
            "XDG_CONFIG_HOME": "/here/x",
        }
    )


def test_stderr_is_no_file() -> None:
    environment = {"MOODLE_MCP_AUDIT": "stderr"}
    assert environment_for_server(environment, None, absolute) == environment


def test_a_kept_site_is_named() -> None:
    environment = {"MOODLE_MCP_SITE": "old"}
    assert environment_for_server(environment, "school", absolute) == {"MOODLE_MCP_SITE": "school"}


def test_a_token_in_the_environment_is_not_taken_along_but_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        environment_for_server({"MOODLE_TOKEN": TOKEN}, None, absolute)
    assert str(caught.value) == snapshot(
        "MOODLE_TOKEN is set, but a client's configuration must not contain it: sign in with `moodle-mcp login ADDRESS` instead, or put the token into a file and set MOODLE_TOKEN_FILE"
    )
