"""`provision.php` on the real Moodle's host, run as the owner of its code."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import pytest

from moodle_mcp import admin
from tests.support.command import Ran
from tests.support.live import Live, live_user
from tests.support.live_things import Own

CODE: Final = os.environ.get("MOODLE_LIVE_CODE", "")
pytestmark = pytest.mark.skipif(
    not CODE or shutil.which("php") is None,
    reason="needs php and the folder with the real Moodle's config.php: set MOODLE_LIVE_CODE",
)


class Provision:
    """The program for one service, in a folder of the site's user."""

    def __init__(self, folder: Path, live: Live, username: str) -> None:
        self.folder = folder.resolve()
        self.username = username
        self.service = f"live_{secrets.token_hex(4)}"
        functions = [live.catalogue.get("core_course_get_contents")]
        self._program = self.folder / "provision.php"
        self._program.write_text(admin.provision({"student": functions}), encoding="utf-8")
        owner = Path(CODE, "config.php").stat()
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            for path in (self.folder, self._program):
                os.chown(path, owner.st_uid, owner.st_gid)
            self._identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}

    def run(self, *options: str) -> Ran:
        php = shutil.which("php") or "php"
        fixed = (f"--moodle={CODE}", "--profile=student", f"--service={self.service}")
        done = subprocess.run(
            # A PHP newer than the Moodle says so of each thing that is deprecated.
            [php, "-d", "log_errors=0", str(self._program), *fixed, *options],
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
            check=False,
            **self._identity,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def for_user(self, *options: str) -> Ran:
        return self.run(f"--user={self.username}", *options)

    def would_make_everything(self) -> bool:
        """Return whether nothing of the service is left on the site."""
        out = self.for_user("--dry-run").out
        steps = ("service", "role", "a token", f"{self.username} is authorised")
        return all(f"would   {step}" in out for step in steps)


@pytest.fixture
async def program(admin: Live, own: Own) -> AsyncGenerator[Provision]:
    found = await admin.result(
        "core_user_get_users_by_field", {"field": "id", "values": [str(own.users[0])]}
    )
    with tempfile.TemporaryDirectory(prefix="moodle-live-") as name:
        made = Provision(Path(name), admin, found[0]["username"])
        yield made
        made.run("--undo")


async def test_the_token_in_the_file_works_and_undo_leaves_nothing(
    program: Provision, own: Own
) -> None:
    assert program.would_make_everything()
    ran = program.for_user("--token-file=token")
    assert (ran.status, ran.err) == (0, "")
    path = program.folder / "token"
    token = path.read_text("ascii").strip()
    assert (path.stat().st_mode & 0o777, token in ran.out) == (0o600, False)
    async with live_user("provisioned", token) as live:
        assert live.userid == own.users[0]
    assert program.run("--undo").status == 0
    assert not path.exists()
    assert program.would_make_everything()


@pytest.mark.parametrize(
    "trap", ["dangling", "link", "hard link", "fifo", "folder", "open", "full"]
)
async def test_a_trap_at_the_files_path_leaves_the_site_as_it_was(
    program: Provision, trap: str
) -> None:
    path, other = program.folder / "token", program.folder / "other"
    other.write_text("theirs", "ascii")
    file = "token"
    match trap:
        case "dangling":
            path.symlink_to(program.folder / "made")
        case "link":
            path.symlink_to(other)
        case "hard link":
            path.hardlink_to(other)
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "full":
            file = "/dev/full"
        case _:
            program.folder.chmod(0o777)
    ran = program.for_user(f"--token-file={file}")
    program.folder.chmod(0o700)
    assert (ran.status, ran.out) == (1, "")
    assert "--token-file: " in ran.err
    assert program.would_make_everything()
    assert not (program.folder / "made").exists()
    assert other.read_text("ascii") == "theirs"


async def test_the_old_token_holds_until_the_new_one_is_in_its_file(program: Provision) -> None:
    program.for_user("--token-file=first")
    (program.folder / "second").symlink_to(program.folder / "made")
    assert program.for_user("--token-file=second", "--new-token").status == 1
    assert "ok      the token of " in program.for_user("--dry-run").out
    assert program.for_user("--token-file=third", "--new-token").status == 0
    assert program.run("--undo").status == 0
    assert {path.name for path in program.folder.iterdir()} == {"provision.php", "second"}
