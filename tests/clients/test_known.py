"""Where each client's file is on each system, and what an entry looks like in it."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from inline_snapshot import snapshot

from moodle_mcp.clients.edit import with_server
from moodle_mcp.clients.entry import document
from moodle_mcp.clients.known import CLIENTS, Places, System

LINUX = Places(System.LINUX, "/home/Zoë Müller", {})
MACOS = Places(System.MACOS, "/Users/Zoë Müller", {})
WINDOWS = Places(System.WINDOWS, r"C:\Users\Zoë Müller", {})

COMMAND = r"C:\Program Files\Schüle\moodle-mcp.exe"
ENV = {"MOODLE_MCP_SITE": "school"}


def files(places: Places) -> dict[str, str | list[str]]:
    found = {name: [str(file) for file in client.files(places)] for name, client in CLIENTS.items()}
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def test_the_files_on_linux() -> None:
    assert files(LINUX) == snapshot(
        {
            "claude-code": "/home/Zoë Müller/.claude.json",
            "claude-desktop": "/home/Zoë Müller/.config/Claude/claude_desktop_config.json",
            "codex": "/home/Zoë Müller/.codex/config.toml",
            "copilot-cli": "/home/Zoë Müller/.copilot/mcp-config.json",
            "cursor": "/home/Zoë Müller/.cursor/mcp.json",
            "gemini-cli": "/home/Zoë Müller/.gemini/settings.json",
            "kiro": "/home/Zoë Müller/.kiro/settings/mcp.json",
            "vscode": "/home/Zoë Müller/.config/Code/User/mcp.json",
            "windsurf": "/home/Zoë Müller/.codeium/windsurf/mcp_config.json",
            "zed": "/home/Zoë Müller/.config/zed/settings.json",
        }
    )


def test_the_files_on_macos() -> None:
    assert files(MACOS) == snapshot(
        {
            "claude-code": "/Users/Zoë Müller/.claude.json",
            "claude-desktop": "/Users/Zoë Müller/Library/Application Support/Claude/claude_desktop_config.json",
            "codex": "/Users/Zoë Müller/.codex/config.toml",
            "copilot-cli": "/Users/Zoë Müller/.copilot/mcp-config.json",
            "cursor": "/Users/Zoë Müller/.cursor/mcp.json",
            "gemini-cli": "/Users/Zoë Müller/.gemini/settings.json",
            "kiro": "/Users/Zoë Müller/.kiro/settings/mcp.json",
            "vscode": "/Users/Zoë Müller/Library/Application Support/Code/User/mcp.json",
            "windsurf": "/Users/Zoë Müller/.codeium/windsurf/mcp_config.json",
            "zed": "/Users/Zoë Müller/.config/zed/settings.json",
        }
    )


def test_the_files_on_windows() -> None:
    assert files(WINDOWS) == snapshot(
        {
            "claude-code": "C:\\Users\\Zoë Müller\\.claude.json",
            "claude-desktop": [
                "C:\\Users\\Zoë Müller\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json",
                "C:\\Users\\Zoë Müller\\AppData\\Roaming\\Claude\\claude_desktop_config.json",
            ],
            "codex": "C:\\Users\\Zoë Müller\\.codex\\config.toml",
            "copilot-cli": "C:\\Users\\Zoë Müller\\.copilot\\mcp-config.json",
            "cursor": "C:\\Users\\Zoë Müller\\.cursor\\mcp.json",
            "gemini-cli": "C:\\Users\\Zoë Müller\\.gemini\\settings.json",
            "kiro": "C:\\Users\\Zoë Müller\\.kiro\\settings\\mcp.json",
            "vscode": "C:\\Users\\Zoë Müller\\AppData\\Roaming\\Code\\User\\mcp.json",
            "windsurf": "C:\\Users\\Zoë Müller\\.codeium\\windsurf\\mcp_config.json",
            "zed": "C:\\Users\\Zoë Müller\\AppData\\Roaming\\Zed\\settings.json",
        }
    )


def test_variables_move_the_files_of_clients_that_follow_them() -> None:
    moved = {
        "XDG_CONFIG_HOME": "/cfg", "CODEX_HOME": "/codex", "COPILOT_HOME": "/copilot",
        "CLAUDE_CONFIG_DIR": "/claude", "APPDATA": "/nothing-on-linux",
    }  # fmt: skip
    places = Places(System.LINUX, LINUX.home, moved)
    usual, now = files(LINUX), files(places)
    assert {name: file for name, file in now.items() if file != usual[name]} == snapshot(
        {
            "claude-code": "/claude/.claude.json",
            "claude-desktop": "/cfg/Claude/claude_desktop_config.json",
            "codex": "/codex/config.toml",
            "copilot-cli": "/copilot/mcp-config.json",
            "vscode": "/cfg/Code/User/mcp.json",
            "zed": "/cfg/zed/settings.json",
        }
    )


def test_windows_folders_may_be_on_another_drive() -> None:
    moved = {"APPDATA": r"D:\Röaming Data", "LOCALAPPDATA": r"D:\Local"}
    now = files(Places(System.WINDOWS, WINDOWS.home, moved))
    assert (now["vscode"], now["claude-desktop"]) == snapshot(
        (
            "D:\\Röaming Data\\Code\\User\\mcp.json",
            [
                "D:\\Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json",
                "D:\\Röaming Data\\Claude\\claude_desktop_config.json",
            ],
        )
    )


def test_paths_are_of_the_system_asked_about_not_of_this_one() -> None:
    for places, kind in (
        (LINUX, PurePosixPath),
        (MACOS, PurePosixPath),
        (WINDOWS, PureWindowsPath),
    ):
        for client in CLIENTS.values():
            assert all(isinstance(file, kind) for file in client.files(places))
            assert all(file.is_absolute() for file in client.files(places))


def test_the_files_in_a_project() -> None:
    found = {name: client.project for name, client in CLIENTS.items() if client.project}
    assert found == snapshot(
        {
            "claude-code": ".mcp.json",
            "codex": ".codex/config.toml",
            "cursor": ".cursor/mcp.json",
            "gemini-cli": ".gemini/settings.json",
            "kiro": ".kiro/settings/mcp.json",
            "vscode": ".vscode/mcp.json",
        }
    )


def test_a_platforms_name_gives_its_system() -> None:
    names = ("linux", "darwin", "win32", "freebsd14")
    assert [System.named(name).name for name in names] == ["LINUX", "MACOS", "WINDOWS", "LINUX"]


@pytest.mark.parametrize("name", CLIENTS)
def test_the_configuration_of_each_client(name: str, request: pytest.FixtureRequest) -> None:
    client = CLIENTS[name]
    shown = document(client, "moodle", client.entry(COMMAND, ("-m", "x"), ENV))
    assert (
        shown
        == snapshot(
            {
                "claude-code": """\
{
  "mcpServers": {
    "moodle": {
      "type": "stdio",
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "claude-desktop": """\
{
  "mcpServers": {
    "moodle": {
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "codex": """\
[mcp_servers.moodle]
command = "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe"
args = ["-m", "x"]

[mcp_servers.moodle.env]
MOODLE_MCP_SITE = "school"
""",
                "copilot-cli": """\
{
  "mcpServers": {
    "moodle": {
      "type": "local",
      "tools": [
        "*"
      ],
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "cursor": """\
{
  "mcpServers": {
    "moodle": {
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "gemini-cli": """\
{
  "mcpServers": {
    "moodle": {
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "kiro": """\
{
  "mcpServers": {
    "moodle": {
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "vscode": """\
{
  "servers": {
    "moodle": {
      "type": "stdio",
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "windsurf": """\
{
  "mcpServers": {
    "moodle": {
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
                "zed": """\
{
  "context_servers": {
    "moodle": {
      "command": "C:\\\\Program Files\\\\Schüle\\\\moodle-mcp.exe",
      "args": [
        "-m",
        "x"
      ],
      "env": {
        "MOODLE_MCP_SITE": "school"
      }
    }
  }
}
""",
            }
        )[request.node.callspec.id]
    )


@pytest.mark.parametrize("name", CLIENTS)
def test_what_is_printed_is_what_an_empty_file_gets(name: str) -> None:
    client = CLIENTS[name]
    entry = client.entry(COMMAND, (), ENV)
    assert with_server(client, "", "moodle", entry) == document(client, "moodle", entry)
