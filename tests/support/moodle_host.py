"""A Moodle host for the PHP programs: a folder, a user who is not root, a small Moodle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.command import Ran

PHP: Final = shutil.which("php")
needs_php = pytest.mark.skipif(PHP is None or os.name == "nt", reason="LEFT OUT: there is no php")
IS_ROOT: Final = os.name != "nt" and os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="LEFT OUT: only root can give files away")

# What PHP 7.4, which Moodle 4.1 still runs on, does not know.
NEWER_THAN_PHP_7_4: Final = (
    r"\?->", r"\bmatch\s*\(", r"\benum\s", r"\breadonly\s", r"\bstr_(contains|starts_with|ends_with)",
    r"\barray_is_list\b", r"\bmixed\b", r"\bnever\b.*\{", r"#\[", r"catch \(\w+\)", r"\.\.\.\)",
    r"\(\s*[a-z]+:\s", r"function __construct\((public|private)", r":\s*static\b", r"\bint\|",
)  # fmt: skip

NOBODY: Final = 65534
SITE: Final = Path(__file__).with_name("moodle.php").read_text(encoding="utf-8")
STATE: Final = {
    "user": {"7": {"id": 7, "username": "theo", "mnethostid": 1, "deleted": 0, "suspended": 0,
                   "confirmed": 1, "auth": "manual", "policyagreed": 1}},
    "external_functions": {
        str(number): {"id": number, "name": name, "capabilities": ""}
        for number, name in enumerate(["core_webservice_get_site_info", "core_course_get_contents"], 1)
    },
}  # fmt: skip


class Host:
    """A folder of the web server's user, with a small Moodle in the folder `moodle`.

    Tests that run as root run the programs as another user, because the programs refuse root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.moodle = folder / "moodle"
        self.moodle.mkdir()
        (self.moodle / "webservice").mkdir()
        for name in ("adminlib.php", "webservice/lib.php"):
            self.put(f"moodle/{name}", "<?php\n")
        self.put("moodle/config.php", SITE)
        self.put("moodle/state.json", json.dumps(STATE))
        if IS_ROOT:
            for each in (folder, *folder.rglob("*")):
                os.chown(each, NOBODY, NOBODY)

    def put(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Write a file, owned by the user that the programs run as."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self.own(path, mode)
        return path

    def own(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if IS_ROOT:
            os.chown(path, NOBODY, NOBODY)

    def state(self) -> dict[str, Any]:
        """Return the tables of the site that are not empty."""
        tables: dict[str, Any] = json.loads((self.moodle / "state.json").read_text("utf-8"))
        return {name: table for name, table in tables.items() if table}

    def tokens(self) -> list[str]:
        rows: dict[str, Any] = self.state().get("external_tokens", {})
        return [row["token"] for row in rows.values()]

    def files(self) -> set[str]:
        """Return the names of the files beside the site."""
        return {path.name for path in self.folder.iterdir()} - {"moodle", "program.php"}

    def php(self, text: str, *options: str, ini: tuple[str, ...] = (), before: str = "") -> Ran:
        """Run a program in the folder; `before` is a shell line that runs first."""
        program = self.put("program.php", text)
        settings = [part for each in ini for part in ("-d", each)]
        command = [PHP or "php", *settings, str(program), *options]
        if before:
            command = ["/bin/sh", "-c", f'{before}; exec "$@"', "sh", *command]
        identity: dict[str, Any] = (
            {"user": NOBODY, "group": NOBODY, "extra_groups": []} if IS_ROOT else {}
        )
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, encoding="utf-8", check=False, **identity
        )
        here = str(self.folder)
        return Ran(
            done.returncode, done.stdout.replace(here, "HERE"), done.stderr.replace(here, "HERE")
        )


@contextmanager
def new_host() -> Generator[Host]:
    """Create a host in a folder that other users can reach, unlike pytest's `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="moodle-host-") as name:
        folder = Path(name).resolve()
        yield Host(folder)
