"""`moodle-mcp install`: adding the server to a client's configuration on disk."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot
from mcp import Client, StdioServerParameters
from pydantic import SecretStr

from moodle_mcp.cli.main import main
from moodle_mcp.clients.known import CLIENTS
from moodle_mcp.credentials.kept_sites import Account, Accounts
from moodle_mcp.demo import ADMIN_TOKEN
from tests.support.demo import Demo
from tests.support.keyrings import Memory

Install = Callable[..., Result]

ROOT = Path(__file__).parents[2]
OTHERS = '{\n  "mcpServers": {\n    "a": {"env": {"A_KEY": "hidden-1"}}\n  },\n  "n": 1.0\n}\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with spaces and letters beyond ASCII, where nothing is set."""
    home = tmp_path / "Zoë Müller"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith(("MOODLE", "SSL_CERT", "CODEX", "CLAUDE", "COPILOT", "APPDATA", "XDG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    return home


@pytest.fixture
def install(home: Path) -> Install:
    """Runs `moodle-mcp install` with a token in a file, unless told otherwise."""
    token = home / "tokén file"
    token.write_text(ADMIN_TOKEN, encoding="utf-8")

    def go(*arguments: str, **environment: str) -> Result:
        settings = environment or {
            "MOODLE_URL": "https://m.example",
            "MOODLE_TOKEN_FILE": str(token),
        }
        return CliRunner().invoke(main, ["install", *arguments], env=settings)

    return go


def cursor(home: Path, text: str = OTHERS) -> Path:
    """Cursor's file, with what others have put there."""
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_bytes(text.encode())
    return file


def backups(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}.before-*"))


def servers(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))["mcpServers"]


def test_a_missing_file_is_made_with_its_folders_for_the_user_alone(
    install: Install, home: Path
) -> None:
    ran = install("windsurf")
    file = home / ".codeium" / "windsurf" / "mcp_config.json"
    assert ran.exit_code == 0
    assert servers(file)["moodle"]["env"] == {
        "MOODLE_URL": "https://m.example",
        "MOODLE_TOKEN_FILE": str(home / "tokén file"),
        "XDG_CONFIG_HOME": str(home / ".config"),
    }
    assert Path(servers(file)["moodle"]["command"]).is_absolute()
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_takes_it_and_gives_it_back(install: Install, home: Path, client: str) -> None:
    assert install(client).exit_code == 0
    before = {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}
    again = install(client)
    assert "nothing to change" in again.output
    assert {file: file.read_bytes() for file in home.rglob("*") if file.is_file()} == before
    assert install(client, "--remove").exit_code == 0
    files = [
        file for file in home.rglob("*")
        if file.suffix in (".json", ".toml") and "moodle" in file.read_text(encoding="utf-8")
    ]  # fmt: skip
    assert files == []


def test_what_was_there_is_kept_and_copied_first(install: Install, home: Path) -> None:
    file = cursor(home)
    file.chmod(0o640)
    assert install("cursor").exit_code == 0
    assert [copy.read_text() for copy in backups(file)] == [OTHERS]
    assert list(servers(file)) == ["a", "moodle"]
    if os.name != "nt":
        modes = {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
        assert modes == {0o640}


def test_a_copy_never_replaces_an_older_one(install: Install, home: Path) -> None:
    file = cursor(home)
    install("cursor")
    once = file.read_text()
    install("cursor", "--name", "second")
    install("cursor", "--remove")
    copies = [copy.read_text() for copy in backups(file)]
    assert copies[:2] == [OTHERS, once]
    assert len(copies) == 3
    assert list(servers(file)) == ["a", "second"]


def test_taken_out_again_the_file_is_as_it_was(install: Install, home: Path) -> None:
    file = cursor(home)
    install("cursor")
    ran = CliRunner().invoke(main, ["install", "cursor", "--remove"])
    assert ran.exit_code == 0
    assert file.read_bytes() == OTHERS.encode()


def test_a_dry_run_shows_the_change_without_others_secrets(install: Install, home: Path) -> None:
    file = cursor(home)
    ran = install("cursor", "--dry-run")
    shown = ran.output.replace(str(home), "HOME").split('"command"')[0]
    assert (ran.exit_code, shown) == snapshot(
        (
            0,
            """\
--- HOME/.cursor/mcp.json
+++ HOME/.cursor/mcp.json
@@ -1,6 +1,19 @@
 {
   "mcpServers": {
-    "a": {"env": {"A_KEY": "(not shown)"}}
+    "a": {"env": {"A_KEY": "(not shown)"}},
+    "moodle": {
+      \
""",
        )
    )
    assert "MOODLE_TOKEN_FILE" in ran.output
    assert file.read_text() == OTHERS
    assert backups(file) == []


def test_a_dry_run_is_shown_however_long_a_word_beside_the_entry_is(
    install: Install, home: Path
) -> None:
    """A quadratic pattern would not finish here."""
    file = cursor(home)
    word = "a" * 1_000_000
    file.write_text(f'{{"kept": ["{word}"], "mcpServers": {{"A_KEY": "hidden-1"}}}}')
    ran = install("cursor", "--dry-run")
    assert ran.exit_code == 0
    assert "hidden-1" not in ran.output
    assert word in ran.output


def test_a_dry_run_makes_no_folder(install: Install, home: Path) -> None:
    before = sorted(home.iterdir())
    assert install("kiro", "--dry-run").exit_code == 0
    assert sorted(home.iterdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_a_link_stays_one_and_the_file_behind_it_is_changed(install: Install, home: Path) -> None:
    file = cursor(home)
    dotfiles = home / "dotfiles"
    dotfiles.mkdir()
    file.rename(dotfiles / "cursor.json")
    file.symlink_to(dotfiles / "cursor.json")
    assert install("cursor").exit_code == 0
    assert file.is_symlink()
    assert list(servers(dotfiles / "cursor.json")) == ["a", "moodle"]
    assert len(backups(dotfiles / "cursor.json")) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_a_link_in_a_project_stays_one(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared.json").write_text(OTHERS, encoding="utf-8")
    (tmp_path / ".mcp.json").symlink_to("shared.json")
    assert install("claude-code", "--project").exit_code == 0
    assert (tmp_path / ".mcp.json").is_symlink()
    assert list(servers(tmp_path / "shared.json")) == ["a", "moodle"]


@pytest.mark.parametrize("linked", [".vscode", ".vscode/mcp.json"])
def test_a_link_out_of_a_project_is_not_followed(
    install: Install, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: str
) -> None:
    project = tmp_path / "project"
    link = project / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(home / "elsewhere")
    monkeypatch.chdir(project)
    ran = install("vscode", "--project")
    assert (ran.exit_code, ran.output.count("\n")) == (2, 1)
    assert "leads out of the project" in ran.output
    assert not (home / "elsewhere").exists()


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
@pytest.mark.parametrize("client", ["cursor", "codex"])
def test_a_setting_that_is_no_text_is_refused(install: Install, home: Path, client: str) -> None:
    token = os.fsencode(home) + b"/\xff"
    Path(os.fsdecode(token)).write_text(ADMIN_TOKEN)
    ran = install(client, MOODLE_URL="https://m.example", MOODLE_TOKEN_FILE=os.fsdecode(token))
    assert (ran.exit_code, ran.output) == (
        2,
        "moodle-mcp: MOODLE_TOKEN_FILE is not UTF-8, which a client's configuration must be\n",
    )


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"mcpServers": 3}', b"\xff\xfe{\x00}\x00"],
    ids=["cut", "list", "servers a number", "UTF-16"],
)  # fmt: skip
def test_a_broken_file_is_not_touched(install: Install, home: Path, content: bytes) -> None:
    file = cursor(home)
    file.write_bytes(content)
    ran = install("cursor")
    assert ran.exit_code == 2
    assert ran.output.startswith(f"moodle-mcp: {file}: ")
    assert "nothing was changed; --print shows" in ran.output
    assert ran.output.count("\n") == 1
    assert file.read_bytes() == content
    assert backups(file) == []


def test_a_read_only_file_is_not_touched(install: Install, home: Path) -> None:
    file = cursor(home)
    file.chmod(0o444)
    ran = install("cursor")
    assert (ran.exit_code, "is read-only" in ran.output) == (2, True)
    assert file.read_text() == OTHERS
    assert backups(file) == []


def test_a_folder_in_the_files_place_is_one_line(install: Install, home: Path) -> None:
    (home / ".cursor" / "mcp.json").mkdir(parents=True)
    ran = install("cursor")
    assert (ran.exit_code, ran.output.count("\n")) == (2, 1)


def test_a_token_in_the_environment_is_refused_and_not_shown(install: Install, home: Path) -> None:
    for more in ((), ("--print",), ("--dry-run",)):
        ran = install("cursor", *more, MOODLE_URL="https://m.example", MOODLE_TOKEN=ADMIN_TOKEN)
        assert (ran.exit_code, "moodle-mcp login" in ran.output) == (2, True)
        assert ADMIN_TOKEN not in ran.output
    assert not (home / ".cursor").exists()


def test_an_old_entry_with_a_token_is_replaced_without_showing_it(
    install: Install, home: Path
) -> None:
    old = {"command": "x", "env": {"MOODLE_TOKEN": ADMIN_TOKEN}}
    file = cursor(home, json.dumps({"mcpServers": {"moodle": old}}, indent=2))
    assert ADMIN_TOKEN not in install("cursor", "--dry-run").output
    assert ADMIN_TOKEN not in install("cursor").output
    assert ADMIN_TOKEN not in file.read_text()


def test_the_token_is_in_nothing_that_is_written_or_printed(install: Install, home: Path) -> None:
    texts = [
        install(client, *more).output
        for client in CLIENTS
        for more in (("--print",), ("--dry-run",), (), ("--remove",))
    ]
    files = [file for file in home.rglob("*") if file.is_file() and file.name != "tokén file"]
    assert len(files) > len(CLIENTS)
    texts += [file.read_text(encoding="utf-8") for file in files]
    assert all(ADMIN_TOKEN not in text for text in texts)


def test_wrong_settings_are_not_installed(install: Install, home: Path) -> None:
    ran = install("cursor", MOODLE_URL="ftp://m.example")
    assert (ran.exit_code, ran.output) == snapshot(
        (2, "moodle-mcp: MOODLE_URL must begin with https://, not ftp://\n")
    )
    assert not (home / ".cursor").exists()


def keep(home: Path, *names: str, url: str = "https://m.example") -> None:
    accounts = Accounts(home / ".config" / "moodle-mcp" / "sites")
    for name in names:
        accounts.keep(Account(name, url, "u", "file"), SecretStr(ADMIN_TOKEN))


def test_a_kept_site_is_named_and_several_go_side_by_side(install: Install, home: Path) -> None:
    keep(home, "school", "college")
    file = cursor(home)
    assert install("cursor", MOODLE_MCP_ACCESS="write").exit_code == 0
    more = ("--site", "college", "--name", "moodle-college")
    assert install("cursor", *more, MOODLE_MCP_ACCESS="read").exit_code == 0
    settings = {name: entry["env"] for name, entry in servers(file).items() if name != "a"}
    folder = {"XDG_CONFIG_HOME": str(home / ".config")}
    assert settings == {
        "moodle": {"MOODLE_MCP_ACCESS": "write", "MOODLE_MCP_SITE": "school", **folder},
        "moodle-college": {"MOODLE_MCP_ACCESS": "read", "MOODLE_MCP_SITE": "college", **folder},
    }


def test_what_a_keyring_needs_goes_along(install: Install, home: Path, memory: Memory) -> None:
    """Clients start servers without the address of the bus on which Linux has its keyrings."""
    bus = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus"}
    accounts = Accounts(home / ".config" / "moodle-mcp" / "sites")
    accounts.keep(Account("school", "https://m.example", "u", "keyring"), SecretStr(ADMIN_TOKEN))
    file = cursor(home)
    assert install("cursor", **bus).exit_code == 0
    assert servers(file)["moodle"]["env"] == {
        "MOODLE_MCP_SITE": "school", "XDG_CONFIG_HOME": str(home / ".config"), **bus,
    }  # fmt: skip
    keep(home, "in-a-file")
    assert install("cursor", "--site", "in-a-file", **bus).exit_code == 0
    assert "DBUS_SESSION_BUS_ADDRESS" not in servers(file)["moodle"]["env"]


def test_into_a_project(
    install: Install, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert install("vscode", "--project").exit_code == 0
    file = tmp_path / ".vscode" / "mcp.json"
    assert list(json.loads(file.read_text(encoding="utf-8"))) == ["servers"]
    assert install("windsurf", "--project").exit_code == 2
    assert not (home / ".codeium").exists()


def test_codex_has_toml(install: Install, home: Path) -> None:
    assert install("codex").exit_code == 0
    text = (home / ".codex" / "config.toml").read_text(encoding="utf-8")
    entry = tomllib.loads(text)["mcp_servers"]["moodle"]
    assert entry["env"]["MOODLE_TOKEN_FILE"] == str(home / "tokén file")


@pytest.mark.parametrize("name", ["", "a b", "a.b", "../x", "x" * 41])
def test_a_servers_name_is_a_plain_word(install: Install, home: Path, name: str) -> None:
    assert install("cursor", "--name", name).exit_code == 2
    assert not (home / ".cursor").exists()


@pytest.mark.anyio
async def test_the_entry_starts_a_server_that_works(
    install: Install, home: Path, demo: Demo
) -> None:
    """As a client does it: the command and the settings of the entry, and few other variables."""
    keep(home, "school", url=demo.url)
    file = cursor(home)
    assert install("cursor", MOODLE_MCP_TOOLS="core_course_get_courses").exit_code == 0
    entry = servers(file)["moodle"]
    server = StdioServerParameters(
        command=entry["command"], args=entry["args"], env=entry["env"], cwd=str(ROOT)
    )
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            "more_results",
            "core_course_get_courses",
        ]
        answer = await client.call_tool("core_course_get_courses", {})
    assert answer.structured_content
    assert demo.calls_of("core_course_get_courses") == 1


def test_the_example_in_the_repository_is_the_commands() -> None:
    ran = CliRunner().invoke(main, ["install", "claude-desktop", "--print", "--example"])
    example = ROOT / "claude_config.example.json"
    assert example.read_text(encoding="utf-8") == ran.output


def test_what_an_entry_names_and_is_not_there_is_warned_of(
    install: Install, home: Path, tmp_path: Path
) -> None:
    token = home / "tokén file"
    there = {"MOODLE_URL": "https://m.example", "MOODLE_TOKEN_FILE": str(token)}
    missing = {
        "MOODLE_MCP_CATALOGUE": "none.json", "MOODLE_MCP_FILES": "/none/files",
        "SSL_CERT_FILE": "/none/ca.pem", "MOODLE_MCP_AUDIT": "/none/audit.log",
    }  # fmt: skip
    ran = install("cursor", "--print", **there, **missing)
    assert ran.exit_code == 0
    told = [line.split(",")[0].replace(str(Path.cwd()), "HERE") for line in ran.stderr.splitlines()]
    assert told == snapshot(
        [
            "moodle-mcp: warning: MOODLE_MCP_CATALOGUE is HERE/none.json",
            "moodle-mcp: warning: MOODLE_MCP_FILES is /none/files",
            "moodle-mcp: warning: SSL_CERT_FILE is /none/ca.pem",
            "moodle-mcp: warning: The folder of MOODLE_MCP_AUDIT is /none",
        ]
    )
    assert json.loads(ran.stdout)["mcpServers"]["moodle"]["env"]["SSL_CERT_FILE"] == "/none/ca.pem"
    assert install("cursor", "--print", **there).stderr == ""
    assert install("cursor", **there, **missing).stderr == ran.stderr


def test_a_command_that_is_not_there_is_warned_of(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/none/bin/moodle-mcp"])
    assert install("cursor", "--print").stderr == snapshot(
        "moodle-mcp: warning: The command is /none/bin/moodle-mcp, which does not exist: the server can't work without it\n"
    )


def test_of_a_pasted_address_only_the_sites_is_installed(install: Install, home: Path) -> None:
    page = f"https://m.example/sub/webservice/rest/server.php?wstoken={'0a' * 16}"
    settings = {"MOODLE_URL": page, "MOODLE_TOKEN_FILE": str(home / "tokén file")}
    ran = install("cursor", "--print", **settings)
    assert json.loads(ran.stdout)["mcpServers"]["moodle"]["env"]["MOODLE_URL"] == (
        "https://m.example/sub"
    )
    assert "contains a token" in ran.stderr
    assert "0a0a" not in ran.output
    assert install("cursor", **settings).exit_code == 0
    assert "0a0a" not in (home / ".cursor" / "mcp.json").read_text()


def test_a_remote_server_is_written_as_each_client_wants_it(install: Install, home: Path) -> None:
    entries: dict[str, Any] = {}
    for client in CLIENTS:
        shown = install(client, "--print", "--url", "https://mcp.example/mcp")
        entries[client] = shown.output.strip() if shown.exit_code == 0 else shown.exit_code
    assert entries == snapshot(
        {
            "claude-code": """\
{
  "mcpServers": {
    "moodle": {
      "type": "http",
      "url": "https://mcp.example/mcp"
    }
  }
}\
""",
            "claude-desktop": 2,
            "codex": """\
[mcp_servers.moodle]
url = "https://mcp.example/mcp"\
""",
            "copilot-cli": """\
{
  "mcpServers": {
    "moodle": {
      "type": "http",
      "tools": [
        "*"
      ],
      "url": "https://mcp.example/mcp"
    }
  }
}\
""",
            "cursor": """\
{
  "mcpServers": {
    "moodle": {
      "url": "https://mcp.example/mcp"
    }
  }
}\
""",
            "gemini-cli": """\
{
  "mcpServers": {
    "moodle": {
      "httpUrl": "https://mcp.example/mcp"
    }
  }
}\
""",
            "kiro": """\
{
  "mcpServers": {
    "moodle": {
      "url": "https://mcp.example/mcp"
    }
  }
}\
""",
            "vscode": """\
{
  "servers": {
    "moodle": {
      "type": "http",
      "url": "https://mcp.example/mcp"
    }
  }
}\
""",
            "windsurf": """\
{
  "mcpServers": {
    "moodle": {
      "serverUrl": "https://mcp.example/mcp"
    }
  }
}\
""",
            "zed": """\
{
  "context_servers": {
    "moodle": {
      "url": "https://mcp.example/mcp"
    }
  }
}\
""",
        }
    )


def test_a_remote_server_is_added_to_the_file_and_removed(install: Install, home: Path) -> None:
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text(OTHERS, encoding="utf-8")
    done = install("cursor", "--url", "https://mcp.example/mcp")
    assert done.exit_code == 0, done.output
    servers = json.loads(file.read_text("utf-8"))["mcpServers"]
    assert servers["moodle"] == {"url": "https://mcp.example/mcp"}
    assert "a" in servers
    install("cursor", "--remove")
    assert "moodle" not in json.loads(file.read_text("utf-8"))["mcpServers"]


@pytest.mark.parametrize(
    "url", ["http://mcp.example/mcp", "mcp.example", "https://u:p@mcp.example/mcp", "https:///mcp"]
)
def test_an_address_that_is_not_safe_is_refused(install: Install, home: Path, url: str) -> None:
    done = install("cursor", "--url", url)
    assert done.exit_code == 2
    assert not (home / ".cursor").exists()
