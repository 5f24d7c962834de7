"""Signing in, several sites, and signing out, on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.demo import ADMIN_TOKEN, DEMO_PASSWORD
from tests.support.command import Ran, run
from tests.support.demo import Demo
from tests.support.sign_in import sign_in_link

Program = Callable[..., Ran]

LOGIN = ("login", "--service", "all", "--keep-in", "file")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Runs the command for a user who has nothing set."""

    def go(*arguments: str, input: str = "", **environment: str) -> Ran:  # noqa: A002
        settings = {"XDG_CONFIG_HOME": str(tmp_path), **environment}
        return run(*arguments, environment=settings, input=input)

    return go


def typed(user: str) -> str:
    return f"{user}\n{DEMO_PASSWORD}\n"


def tokens_of(demo: Demo) -> set[str]:
    return set(demo.site.tokens)


def test_a_sign_in_is_told_kept_and_used(demo: Demo, program: Program, tmp_path: Path) -> None:
    ran = program(*LOGIN, demo.url, "--site", "school", input=typed("teacher1"))
    told = ran.out.replace(demo.url, "URL").replace(str(tmp_path), "CONFIG")
    assert (ran.status, told, ran.err) == snapshot(
        (
            0,
            """\
Signed in to Fjordside College, Moodle 4.5.6 (Build: 20250811), URL
The token acts for Полина Новикова (teacher1, id 3) with 759 functions.
Saved as school in CONFIG/moodle-mcp/sites.
It is the default site; `moodle-mcp check` shows what it can do.
""",
            "",
        )
    )
    assert program("check").status == 0
    assert program("sites").out.replace(demo.url, "URL") == snapshot(
        "* school                         URL  teacher1  (file)\n"
    )


def test_neither_password_nor_token_is_printed_logged_or_an_argument(
    demo: Demo, program: Program
) -> None:
    before = tokens_of(demo)
    debug = {"MOODLE_MCP_LOG_LEVEL": "debug"}
    sign_in = program(*LOGIN, demo.url, input=typed("student1"), **debug)
    (token,) = tokens_of(demo) - before
    refused = program(*LOGIN, demo.url, "--site", "x", input="student1\nWrong-pass-1\n", **debug)
    texts = [sign_in, refused, program("sites"), program("check", **debug), program("logout")]
    assert [ran.status for ran in texts] == [0, 1, 0, 0, 0]
    for secret in (token, DEMO_PASSWORD, "Wrong-pass-1"):
        assert secret not in "".join(ran.out + ran.err for ran in texts)
    assert program("login", demo.url, "--password", DEMO_PASSWORD).status == 2


def test_the_password_is_kept_nowhere(demo: Demo, program: Program, tmp_path: Path) -> None:
    program(*LOGIN, demo.url, input=typed("teacher1"))
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 2
    assert all(DEMO_PASSWORD not in file.read_text() for file in files)


def test_a_refused_sign_in_keeps_nothing(demo: Demo, program: Program, tmp_path: Path) -> None:
    ran = program(*LOGIN, demo.url, input="teacher1\nnope\n")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("moodle-mcp: Invalid login")
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_the_site_does_not_take_is_not_kept(
    demo: Demo, program: Program, tmp_path: Path
) -> None:
    demo.site.switches.rest = False
    ran = program(*LOGIN, demo.url, input=typed("teacher1"))
    assert (ran.status, ran.out) == (1, "")
    assert "switched off" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_sites_are_side_by_side(demo: Demo, program: Program) -> None:
    for user in ("teacher1", "student1"):
        program(
            *LOGIN, demo.url, "--site", f"as-{user}", "--user", user, input=f"{DEMO_PASSWORD}\n"
        )

    def acting(*arguments: str, **environment: str) -> str:
        ran = program(*arguments, **environment)
        return next(line.split("(")[1][:8] for line in ran.out.splitlines() if " user " in line)

    assert acting("check") == "teacher1"
    assert acting("check", "--site", "as-student1") == "student1"
    assert acting("--site", "as-student1", "check") == "student1"
    assert acting("check", MOODLE_MCP_SITE="as-student1") == "student1"
    assert program("sites", "--default", "as-student1").status == 0
    assert acting("check") == "student1"


@pytest.mark.parametrize("command", [("check",), ("tools",), ("call", "core_x")])
def test_a_site_and_an_address_are_a_contradiction_for_every_command(
    demo: Demo, program: Program, command: tuple[str, ...]
) -> None:
    ran = program(*command, "--site", "school", MOODLE_URL=demo.url, MOODLE_TOKEN=ADMIN_TOKEN)
    assert ran == Ran(
        2,
        "",
        "moodle-mcp: MOODLE_URL and the saved site school are both set: remove one of them\n",
    )


def test_a_name_is_not_given_to_a_second_site(demo: Demo, program: Program) -> None:
    program(*LOGIN, demo.url, "--site", "school", input=typed("teacher1"))
    requests = len(demo.site.requests)
    ran = program(*LOGIN, "https://other.example", "--site", "school", input=typed("teacher1"))
    assert (ran.status, ran.out) == (2, "")
    assert "taken" in ran.err
    assert len(demo.site.requests) == requests


def test_signing_out_forgets_the_token_and_says_that_the_site_does_not(
    demo: Demo, program: Program, tmp_path: Path
) -> None:
    program(*LOGIN, demo.url, "--site", "school", input=typed("teacher1"))
    before = tokens_of(demo)
    ran = program("logout", "school")
    assert (ran.status, ran.out.replace(demo.url, "URL")) == snapshot(
        (
            0,
            """\
Removed school and its token.
The token stays valid at URL: to revoke it, open Preferences > User account > Security keys there and reset the key of the service, or ask an administrator to delete it under Site administration > Server > Web services > Manage tokens.
""",
        )
    )
    assert tokens_of(demo) == before
    assert not list(tmp_path.rglob("site-*"))
    assert program("logout").status == 2


def test_a_broken_file_stands_in_no_ones_way(demo: Demo, program: Program, tmp_path: Path) -> None:
    def broken() -> None:
        program(*LOGIN, demo.url, "--site", "school", input=typed("teacher1"))
        (file,) = tmp_path.rglob("site-school.json")
        file.write_text("{", encoding="utf-8")

    broken()
    assert program("sites").out == "* school                         broken\n"
    assert program("check").status == 2
    broken()
    assert "valid at the site" in program("logout").out


def test_an_address_that_is_set_is_told_to_win(demo: Demo, program: Program) -> None:
    ran = program(*LOGIN, demo.url, input=typed("teacher1"), MOODLE_URL="https://m.example")
    assert "MOODLE_URL is set and overrides" in ran.out


def test_without_a_keyring_the_token_goes_into_a_file(
    demo: Demo, program: Program, tmp_path: Path
) -> None:
    none = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    arguments = ("login", demo.url, "--service", "all")
    refused = program(*arguments, "--keep-in", "keyring", input=typed("teacher1"), **none)
    assert (refused.status, refused.err) == snapshot(
        (2, "moodle-mcp: the token can't be saved in a keyring: the system has none\n")
    )
    assert list(tmp_path.iterdir()) == []
    assert program(*arguments, input=typed("teacher1"), **none).status == 0
    assert "(file)" in program("sites").out


def test_the_address_is_checked_before_anything_is_asked(program: Program) -> None:
    assert program("login", "http://school.example") == snapshot(
        Ran(
            status=2,
            out="",
            err="moodle-mcp: the address must begin with https://: over http others can read the token on the network (set MOODLE_MCP_UNSAFE_PLAIN_HTTP=1 to allow http)\n",
        )
    )
    assert program("login", "school.example", input=typed("x")).status == 2


@pytest.mark.skipif(os.name == "nt", reason="arguments are texts on Windows")
@pytest.mark.parametrize("option", ["--user", "--service"])
def test_an_option_that_is_no_text_is_refused(demo: Demo, program: Program, option: str) -> None:
    ran = program("login", demo.url, option, "\udcff", input=typed("teacher1"))
    assert ran.status == 2
    assert "is not UTF-8" in ran.err


@pytest.mark.skipif(os.name == "nt", reason="a terminal of POSIX")
def test_on_a_terminal_the_password_is_not_shown(demo: Demo, tmp_path: Path) -> None:
    import pty

    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "moodle_mcp", *LOGIN, demo.url, "--user", "teacher1"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen(
        command, stdin=inside, stdout=subprocess.PIPE, stderr=inside, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(inside)
        shown = b""
        while b"Password: " not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, f"{DEMO_PASSWORD}\n".encode())
        out, _ = process.communicate()
        shown += remaining(terminal)
    os.close(terminal)
    assert process.returncode == 0
    assert DEMO_PASSWORD.encode() not in shown + out
    assert b"teacher1" in out


def remaining(terminal: int) -> bytes:
    """Read the rest from a closed terminal; on Linux the end is an error."""
    shown = b""
    while True:
        try:
            part = os.read(terminal, 1000)
        except OSError:
            return shown
        if not part:
            return shown
        shown += part


def test_through_the_browser_the_pasted_link_signs_in(
    demo: Demo, program: Program, tmp_path: Path
) -> None:
    """Read the page's URL as a person would, and make the link as Moodle does."""
    command = [sys.executable, "-m", "moodle_mcp", *LOGIN, demo.url, "--sso", "--site", "school"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stderr
        lines = iter(process.stderr.readline, "")
        page = next(line.strip() for line in lines if "launch.php" in line)
        link = sign_in_link(page, demo.url, ADMIN_TOKEN, "the-private-token")
        out, err = process.communicate(f"{link}\n")
    assert (process.returncode, out.splitlines()[1]) == snapshot(
        (0, "The token acts for Admin User (admin, id 2) with 759 functions.")
    )
    assert ADMIN_TOKEN not in out + err
    assert "the-private-token" not in "".join(
        file.read_text() for file in tmp_path.rglob("*") if file.is_file()
    )


def test_a_link_that_answers_another_sign_in_is_refused(demo: Demo, program: Program) -> None:
    link = sign_in_link("https://m.example?passport=1", demo.url, ADMIN_TOKEN)
    ran = program(*LOGIN, demo.url, "--sso", input=f"{link}\n")
    assert (ran.status, ran.err.splitlines()[-2:]) == snapshot(
        (
            1,
            [
                "moodle-mcp: The pasted address belongs to another sign-in or another site.",
                "  -> Run the command again, open the page that it names, and paste the link from that page.",
            ],
        )
    )
