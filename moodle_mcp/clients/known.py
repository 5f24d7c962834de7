"""The supported MCP clients: where their configuration files are and what they look like.

Every row comes from the client's own documentation or, where that is silent, from two independent
sources that agree. A client with contradicting sources is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Final, Literal


class System(Enum):
    """The operating systems, by the beginning of `sys.platform`."""

    LINUX = "linux"
    MACOS = "darwin"
    WINDOWS = "win32"

    @classmethod
    def named(cls, platform: str) -> System:
        """Return the system of a `sys.platform`; unknown ones count as Linux."""
        return next((each for each in cls if platform.startswith(each.value)), cls.LINUX)


@dataclass(frozen=True, slots=True)
class Places:
    """Locations of a user's files on a system; `home` is the home folder."""

    system: System
    home: str
    environment: Mapping[str, str]

    @property
    def at_home(self) -> PurePath:
        return self._path(self.home)

    def from_variable(self, variable: str, *otherwise: str) -> PurePath:
        """Return the folder that a variable names, or else a folder in the home folder."""
        named = self.environment.get(variable)
        return self._path(named) if named else self.at_home.joinpath(*otherwise)

    @property
    def applications(self) -> PurePath:
        """Return where desktop applications keep their settings."""
        match self.system:
            case System.WINDOWS:
                return self.from_variable("APPDATA", "AppData", "Roaming")
            case System.MACOS:
                return self.at_home.joinpath("Library", "Application Support")
            case System.LINUX:
                return self.from_variable("XDG_CONFIG_HOME", ".config")

    def _path(self, text: str) -> PurePath:
        windows = self.system is System.WINDOWS
        return PureWindowsPath(text) if windows else PurePosixPath(text)


Files = Callable[[Places], tuple[PurePath, ...]]


@dataclass(frozen=True, slots=True)
class Client:
    """An MCP client.

    `files` returns the possible paths of the user's file; the first whose folder exists is used,
    else the last. `project` is the file inside a project, if the client has one. `keys` lead to the
    servers in the file. `extra` is added to each entry beside `command`, `args` and `env`.
    `address` is the key of a remote server's address; None if the client's file has no remote
    servers. `remote` is added to the entry of one. `after` says how to make the client load the
    change.
    """

    name: str
    title: str
    files: Files
    keys: tuple[str, ...] = ("mcpServers",)
    format: Literal["json", "toml"] = "json"
    project: str | None = None
    extra: tuple[tuple[str, Any], ...] = ()
    address: str | None = "url"
    remote: tuple[tuple[str, Any], ...] = ()
    after: str = "Restart it."

    def entry(self, command: str, args: tuple[str, ...], env: Mapping[str, str]) -> dict[str, Any]:
        """Return the entry for a server started with a command."""
        return {**dict(self.extra), "command": command, "args": [*args], "env": dict(env)}

    def remote_entry(self, url: str) -> dict[str, Any] | None:
        """Return the entry for a server at an address; None if the client has no such entries."""
        return None if self.address is None else {**dict(self.remote), self.address: url}


def _in_home(*parts: str) -> Files:
    return lambda places: (places.at_home.joinpath(*parts),)


def _in_applications(*parts: str) -> Files:
    return lambda places: (places.applications.joinpath(*parts),)


def _claude_code(places: Places) -> tuple[PurePath, ...]:
    return (places.from_variable("CLAUDE_CONFIG_DIR") / ".claude.json",)


def _claude_desktop(places: Places) -> tuple[PurePath, ...]:
    usual = places.applications.joinpath("Claude", "claude_desktop_config.json")
    if places.system is not System.WINDOWS:
        return (usual,)
    # The version from the Microsoft Store sees a folder of its own instead of %APPDATA%.
    local = places.from_variable("LOCALAPPDATA", "AppData", "Local")
    package = local.joinpath("Packages", "Claude_pzs8sxrjxfjjc", "LocalCache", "Roaming")
    return package.joinpath("Claude", "claude_desktop_config.json"), usual


def _codex(places: Places) -> tuple[PurePath, ...]:
    return (places.from_variable("CODEX_HOME", ".codex") / "config.toml",)


def _zed(places: Places) -> tuple[PurePath, ...]:
    match places.system:
        case System.WINDOWS:
            folder = places.applications / "Zed"
        case System.MACOS:
            folder = places.at_home.joinpath(".config", "zed")
        case System.LINUX:
            folder = places.applications / "zed"
    return (folder / "settings.json",)


_ALL: Final = (
    Client(
        "claude-code", "Claude Code", _claude_code, project=".mcp.json",
        extra=(("type", "stdio"),), remote=(("type", "http"),),
        after="Start a new session; /mcp shows the server.",
    ),
    Client(
        "claude-desktop", "Claude Desktop", _claude_desktop, address=None,
        after="Quit it and start it again.",
    ),
    Client(
        "codex", "Codex", _codex, keys=("mcp_servers",), format="toml",
        project=".codex/config.toml", after="Start a new session; /mcp shows the server.",
    ),
    Client(
        "copilot-cli", "GitHub Copilot CLI",
        lambda places: (places.from_variable("COPILOT_HOME", ".copilot") / "mcp-config.json",),
        extra=(("type", "local"), ("tools", ["*"])),
        remote=(("type", "http"), ("tools", ["*"])), after="Start a new session.",
    ),
    Client("cursor", "Cursor", _in_home(".cursor", "mcp.json"), project=".cursor/mcp.json"),
    Client(
        "gemini-cli", "Gemini CLI", _in_home(".gemini", "settings.json"),
        project=".gemini/settings.json", address="httpUrl",
        after="Start a new session; /mcp shows the server.",
    ),
    Client(
        "kiro", "Kiro", _in_home(".kiro", "settings", "mcp.json"),
        project=".kiro/settings/mcp.json",
    ),
    Client(
        "vscode", "VS Code", _in_applications("Code", "User", "mcp.json"), keys=("servers",),
        project=".vscode/mcp.json", extra=(("type", "stdio"),), remote=(("type", "http"),),
        after="Start the server with the command MCP: List Servers.",
    ),
    Client(
        "windsurf", "Windsurf", _in_home(".codeium", "windsurf", "mcp_config.json"),
        address="serverUrl",
    ),
    Client(
        "zed", "Zed", _zed, keys=("context_servers",), after="It loads the change at once.",
    ),
)  # fmt: skip

CLIENTS: Final[Mapping[str, Client]] = {client.name: client for client in _ALL}
