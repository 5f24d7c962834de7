"""Every text that the program reads may begin with a byte-order mark; UTF-16 is named."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from moodle_mcp.caller.ledger import Fate
from moodle_mcp.cli.items import Fated, ItemsError, Results, digest
from moodle_mcp.demo import ADMIN_TOKEN, DEMO_PASSWORD
from tests.support.command import Environment
from tests.support.demo import Demo

Done: TypeAlias = subprocess.CompletedProcess[bytes]
Source: TypeAlias = Callable[[Demo, Path, str], Done]
"""Runs a command that reads one of its texts in an encoding."""

READ = ("call", "core_webservice_get_site_info")
CATALOGUE = Path(__file__).parents[1] / "data" / "plugin-catalogue.json"


def ran(
    *arguments: str, home: Path, settings: Mapping[str, str] | None = None, typed: bytes = b""
) -> Done:
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    return subprocess.run(
        [sys.executable, "-m", "moodle_mcp", *arguments],
        env={**kept, "XDG_CONFIG_HOME": str(home), **(settings or {})},
        input=typed,
        capture_output=True,
        check=False,
    )


def file(folder: Path, name: str, text: str, codec: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(codec))
    return str(path)


def connected(demo: Demo) -> dict[str, str]:
    return {"MOODLE_URL": demo.url, "MOODLE_TOKEN": ADMIN_TOKEN}


def token_file(demo: Demo, home: Path, codec: str) -> Done:
    token = file(home, "token", f"{ADMIN_TOKEN}\r\n", codec)
    return ran(*READ, home=home, settings={"MOODLE_URL": demo.url, "MOODLE_TOKEN_FILE": token})


def settings_file(demo: Demo, home: Path, codec: str) -> Done:
    text = f'moodle_url = "{demo.url}"\r\nmoodle_token = "{ADMIN_TOKEN}"\r\n'
    named = file(home, "moodle-mcp.toml", text, codec)
    return ran(*READ, home=home, settings={"MOODLE_MCP_CONFIG": named})


def catalogue(demo: Demo, home: Path, codec: str) -> Done:
    named = file(home, "catalogue.json", CATALOGUE.read_text(encoding="utf-8"), codec)
    settings = {**connected(demo), "MOODLE_MCP_CATALOGUE": named}
    return ran(*READ, home=home, settings=settings)


def kept_site(demo: Demo, home: Path, codec: str) -> Done:
    for name in ("a", "b"):
        text = json.dumps({"url": demo.url, "username": "admin", "token": ADMIN_TOKEN})
        path = file(home / "moodle-mcp" / "sites", f"site-{name}.json", text, codec)
        Path(path).chmod(0o600)
    file(home / "moodle-mcp" / "sites", "default", "a\r\n", codec)
    return ran(*READ, home=home)


def arguments(demo: Demo, home: Path, codec: str) -> Done:
    return ran(*READ, "-", home=home, settings=connected(demo), typed="{}".encode(codec))


def sign_in(demo: Demo, home: Path, codec: str) -> Done:
    typed = f"teacher1\n{DEMO_PASSWORD}\n".encode(codec)
    command = ("login", "--service", "all", "--keep-in", "file", demo.url)
    return ran(*command, home=home, typed=typed)


def client_json(demo: Demo, home: Path, codec: str) -> Done:
    return installed("cursor", ".cursor/mcp.json", '{\r\n  "other": 1\r\n}\r\n', demo, home, codec)


def client_toml(demo: Demo, home: Path, codec: str) -> Done:
    return installed("codex", ".codex/config.toml", 'other = "x"\r\n', demo, home, codec)


def installed(client: str, name: str, text: str, demo: Demo, home: Path, codec: str) -> Done:
    path = file(home, name, text, codec)
    token = file(home, "token", ADMIN_TOKEN, "utf-8")
    settings = {"HOME": str(home), "MOODLE_URL": demo.url, "MOODLE_TOKEN_FILE": token}
    done = ran("install", client, home=home, settings=settings)
    if done.returncode == 0:
        taken_out = ran("install", client, "--remove", home=home, settings=settings)
        assert taken_out.returncode == 0
        data = Path(path).read_bytes()
        assert data.startswith(codecs.BOM_UTF8)
        assert data.count(codecs.BOM_UTF8) == 1
        assert data.count(b"\n") == data.count(b"\r\n")
    return done


def table(demo: Demo, home: Path, codec: str) -> Done:
    named = file(home, "ids.csv", "values\r\n2\r\n", codec)
    command = ("call", "core_user_get_users_by_field", '{"field": "id"}', "--items", named)
    return ran(*command, home=home, settings=connected(demo))


SOURCES: list[Source] = [
    token_file,
    settings_file,
    catalogue,
    kept_site,
    arguments,
    sign_in,
    client_json,
    client_toml,
    table,
]
each_source = pytest.mark.parametrize(
    "source", SOURCES, ids=[source.__name__ for source in SOURCES]
)


@each_source
def test_a_byte_order_mark_is_accepted(demo: Demo, tmp_path: Path, source: Source) -> None:
    done = source(demo, tmp_path, "utf-8-sig")
    assert (done.returncode, done.stderr.count(b"Error")) == (0, 0)


@each_source
def test_utf_16_is_refused_by_its_name_with_one_line(
    demo: Demo, tmp_path: Path, source: Source
) -> None:
    done = source(demo, tmp_path, "utf-16")
    said = done.stderr.decode()
    assert (done.returncode, said.count("\n")) == (2, 1)
    # A saved site is the program's own file, which a new sign-in replaces.
    assert ("is UTF-16" in said) or (source is kept_site)
    assert ADMIN_TOKEN not in said


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_result_file_is_read_with_a_mark_and_its_encoding_is_named(
    tmp_path: Path, codec: str
) -> None:
    line = json.dumps({"index": 0, "fate": "succeeded", "item": digest("x")})
    path = tmp_path / "r.jsonl"
    path.write_bytes(line.encode(codec))
    if codec == "utf-16":
        with pytest.raises(ItemsError, match="is UTF-16"):
            Results(path, ["x"])
    else:
        assert Results(path, ["x"]).fates == [Fated(Fate.SUCCEEDED, digest("x"))]


def test_a_token_that_is_not_utf_8_is_refused_without_showing_it(
    environment: Environment, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"Secret\xff")
    settings = environment(MOODLE_TOKEN="", MOODLE_TOKEN_FILE=str(path))
    done = ran(*READ, home=tmp_path, settings=settings)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f"moodle-mcp: MOODLE_TOKEN_FILE: {path}: is not UTF-8 (byte 7, in line 1): "
        "save it as UTF-8\n"
    )
