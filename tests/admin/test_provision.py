"""`provision.php` on a small Moodle: what it makes, what it refuses, and what a failure leaves."""

from __future__ import annotations

import json
import os
import re
import stat

import pytest
from inline_snapshot import snapshot

from moodle_mcp import admin
from moodle_mcp.catalogue.loading import RELEASES, load
from tests.support.command import Ran
from tests.support.moodle_host import NOBODY, STATE, Host, needs_php, needs_root

pytestmark = needs_php

PROGRAM = admin.provision({"student": [load(RELEASES[-1]).get("core_course_get_contents")]})
OURS = ("external_services", "external_services_users", "external_tokens", "role")


def provision(host: Host, *options: str, ini: tuple[str, ...] = (), before: str = "") -> Ran:
    fixed = ("--moodle=moodle", "--profile=student")
    return host.php(PROGRAM, *fixed, *options, ini=ini, before=before)


def for_theo(host: Host, *options: str, ini: tuple[str, ...] = (), before: str = "") -> Ran:
    return provision(host, "--user=theo", *options, ini=ini, before=before)


def test_a_site_is_prepared_for_a_user_with_a_token_that_only_its_owner_can_read(
    host: Host,
) -> None:
    ran = for_theo(host, "--token-file=token")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == snapshot("""\
The  ]0;owned site 2J , Moodle 4.5.6, https://moodle.example
done    web services are on
done    protocol rest is on
done    service moodle_mcp_student is enabled, for authorised users only
done    service has exactly 2 functions (2 read)
done    role moodle_mcp_student, for the system context only
done    role may: webservice/rest:use
done    theo is authorised for the service
done    theo has the role
done    a token without an end

Settings for moodle-mcp:
MOODLE_URL=https://moodle.example
MOODLE_TOKEN_FILE=HERE/token
MOODLE_MCP_TOOLS=student
MOODLE_MCP_ACCESS=read
""")
    (token,) = host.tokens()
    path = host.folder / "token"
    assert path.read_text("ascii") == f"{token}\n"
    assert oct(path.lstat().st_mode) == oct(stat.S_IFREG | 0o600)


def test_the_settings_have_the_ids_of_the_sites_roles(host: Host) -> None:
    rows = [("guest", "guest"), ("student", "student"), ("tutor", "")]
    roles = {
        str(number): {"id": number, "shortname": name, "archetype": archetype}
        for number, (name, archetype) in enumerate(rows, 6)
    }
    host.put("moodle/state.json", json.dumps({**STATE, "role": roles}), 0o666)
    ran = for_theo(host, "--token-file=token")
    assert (ran.status, ran.err) == (0, "")
    assert "\nMOODLE_MCP_ROLES=student=7,tutor=8\n" in ran.out


def test_nothing_is_left_of_what_undo_takes_back(host: Host) -> None:
    for_theo(host, "--token-file=token")
    ran = provision(host, "--undo")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == snapshot("""\
The  ]0;owned site 2J , Moodle 4.5.6, https://moodle.example
done    service moodle_mcp_student is gone with its 1 token(s)
done    role moodle_mcp_student is gone
done    file HERE/token is gone
done    protocols are as before: none
done    web services are off as before
""")
    assert host.state() == {**STATE, "config": {"moodle_mcp": [], "core": []}}
    assert host.files() == set()


def test_a_dry_run_makes_nothing(host: Host) -> None:
    assert for_theo(host, "--token-file=token", "--dry-run").status == 0
    assert (host.state(), host.files()) == (STATE, set())


def test_a_second_run_at_the_same_time_is_refused(host: Host) -> None:
    import fcntl

    with (host.moodle / "config.php").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ran = for_theo(host, "--token-file=token")
        planned = for_theo(host, "--token-file=token", "--dry-run")
    problem = "another run of this program is changing the site: wait until it ends"
    assert ran == Ran(1, "", f"provision: {problem}\n")
    assert planned.status == 0
    assert (host.state(), host.files()) == (STATE, set())


@pytest.mark.parametrize("trap", ["file", "link", "dangling", "hard link", "fifo", "folder"])
def test_what_is_at_the_files_path_is_not_touched(host: Host, trap: str) -> None:
    path, other = host.folder / "token", host.put("other", "theirs")
    match trap:
        case "file":
            host.put("token", "theirs")
        case "link":
            path.symlink_to(other)
        case "dangling":
            path.symlink_to(host.folder / "made")
        case "hard link":
            path.hardlink_to(other)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.mkdir()
    before = path.lstat()
    ran = for_theo(host, "--token-file=token")
    assert ran == Ran(1, "", "provision: --token-file: HERE/token exists already\n")
    assert host.state() == STATE
    assert (path.lstat(), other.read_text("ascii")) == (before, "theirs")
    assert host.files() == {"token", "other"}


@pytest.mark.parametrize(
    "file",
    ["php://stdout", "data://text/plain,x", "phar://a.phar/token", "/dev/full", "nowhere/token",
     "moodle/token", "moodle/../moodle/token", ".", "..", "moodle/", "a\nb", "a\x1b[2Jb"],
    ids=repr,
)  # fmt: skip
def test_a_path_that_is_no_new_file_outside_the_site_is_refused(
    host: Host, file: str, request: pytest.FixtureRequest
) -> None:
    ran = for_theo(host, f"--token-file={file}")
    assert (ran.status, ran.out, host.state(), host.files()) == (1, "", STATE, set())
    assert (
        ran.err
        == snapshot(
            {
                "'php://stdout'": "provision: --token-file: there is no folder php://\n",
                "'data://text/plain,x'": "provision: --token-file: there is no folder data://text/\n",
                "'phar://a.phar/token'": "provision: --token-file: there is no folder phar://a.phar/\n",
                "'/dev/full'": "provision: --token-file: /dev/full exists already\n",
                "'nowhere/token'": "provision: --token-file: there is no folder nowhere/\n",
                "'moodle/token'": "provision: --token-file: the web server may serve files in HERE/moodle\n",
                "'moodle/../moodle/token'": "provision: --token-file: the web server may serve files in HERE/moodle\n",
                "'.'": "provision: --token-file: HERE/. exists already\n",
                "'..'": "provision: --token-file: HERE/.. exists already\n",
                "'moodle/'": "provision: --token-file: moodle/ does not name a file\n",
                "'a\\\\nb'": "provision: '--token-file=a b' has control characters\n",
                "'a\\\\x1b[2Jb'": "provision: '--token-file=a [2Jb' has control characters\n",
            }
        )[request.node.callspec.id]
    )


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o702, 0o1777])
def test_a_folder_where_others_can_replace_files_is_refused(host: Host, mode: int) -> None:
    folder = host.folder / "folder"
    inner = folder / "inner"
    inner.mkdir(parents=True)
    host.own(inner, 0o700)
    host.own(folder, mode)
    for file in ("folder/token", "folder/inner/token"):
        ran = for_theo(host, f"--token-file={file}", "--new-token")
        if mode & stat.S_ISVTX:
            assert (ran.status, ran.err) == (0, "")
        else:
            assert ran == Ran(
                1,
                "",
                "provision: --token-file: others could put something in the file's place: "
                f"others may write to HERE/folder (mode {mode:04o})\n",
            )
            assert host.state() == STATE


@needs_root
@pytest.mark.parametrize("file", ["folder/token", "folder/inner/token"])
def test_a_folder_of_somebody_else_is_refused(host: Host, file: str) -> None:
    folder = host.folder / "folder"
    inner = folder / "inner"
    inner.mkdir(parents=True)
    host.own(inner, 0o700)
    folder.chmod(0o1777)
    os.chown(folder, NOBODY - 1, NOBODY)
    ran = for_theo(host, f"--token-file={file}")
    assert ran == Ran(
        1,
        "",
        "provision: --token-file: others could put something in the file's place: "
        "HERE/folder belongs to user 65533\n",
    )
    assert host.state() == STATE


@needs_root
def test_a_folder_that_cannot_be_written_to_ends_the_program_before_anything_is_made(
    host: Host,
) -> None:
    (host.folder / "folder").mkdir(mode=0o755)
    ran = for_theo(host, "--token-file=folder/token")
    assert ran == Ran(1, "", "provision: --token-file: HERE/folder/token can't be made\n")
    assert host.state() == STATE


def test_a_full_disk_ends_the_program_before_anything_is_made(host: Host) -> None:
    # No file may grow, and the signal that says so is ignored: writing fails as on a full disk.
    ran = for_theo(host, "--token-file=token", before="trap '' XFSZ; ulimit -f 0")
    assert (ran.status, ran.out) == (1, "")
    assert "HERE/token can't be written: perhaps the disk is full" in ran.err
    assert (host.state(), host.files()) == (STATE, set())


def test_a_link_that_is_put_there_at_the_last_moment_is_not_followed(host: Host) -> None:
    # The program calls umask after it has looked and before it opens the file.
    trap = host.put(
        "trap.php",
        """<?php function umask($mask = null) {
            is_link('token') || symlink(getcwd() . '/theirs', 'token'); return 0; }""",
    )
    ini = ("disable_functions=umask", f"auto_prepend_file={trap}")
    ran = for_theo(host, "--token-file=token", ini=ini, before="umask 077")
    assert (ran.status, ran.out) == (1, "")
    assert "somebody has replaced HERE/token" in ran.err
    assert (host.state(), host.files()) == (STATE, {"trap.php", "token"})


CHANGES = {
    "link": "rename('token', 'moved'); symlink(getcwd() . '/moved', 'token');",
    "other file": "rename('token', 'moved'); touch('token');",
    "gone": "unlink('token');",
    "second name": "link('token', 'moved');",
    "mode": "chmod('token', 0644);",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_before_the_token_is_in_it_gets_no_token(
    host: Host, change: str
) -> None:
    for_theo(host)
    old = host.tokens()
    # Somebody changes it after the token has been made, the last moment before it is written.
    host.put("moodle/trap.php", f"<?php function trap($token) {{ {CHANGES[change]} }}")
    ran = for_theo(host, "--token-file=token", "--new-token")
    assert ran.status == 1
    assert "provision: --token-file: " in ran.err
    assert "No token was made." in ran.err
    assert len(old) == 1
    assert host.tokens() == old
    assert "moved" not in host.files() or (host.folder / "moved").read_text("ascii") == ""
    assert ("token" in host.files()) == (change in {"link", "other file"})


@pytest.mark.parametrize("token_file", [True, False])
def test_a_failure_of_the_site_names_no_secret_and_leaves_the_old_token(
    host: Host, token_file: bool
) -> None:
    for_theo(host)
    old = host.tokens()
    host.put(
        "moodle/trap.php",
        """<?php class dml_write_exception extends Exception {
            public $errorcode = 'dmlwriteexception'; public $debuginfo; }
        function trap($token) {
            $fault = new dml_write_exception("INSERT ($token)"); $fault->debuginfo = $token;
            throw $fault; }""",
    )
    ran = for_theo(host, "--new-token", *(["--token-file=token"] if token_file else []))
    assert ran.err == snapshot(
        "provision: dml_write_exception: dmlwriteexception. No token was made. The other steps that were said to be done are done: run it again, or with --undo\n"
    )
    assert ran.status == 1
    assert not re.search("[0-9a-f]{32}", ran.out)
    assert (host.tokens(), host.files()) == (old, set())


@pytest.mark.parametrize("ending", ["exit(0);", "nothing_of_this_name();"])
def test_a_program_that_something_else_ends_has_failed(host: Host, ending: str) -> None:
    host.put("moodle/trap.php", f"<?php function trap($token) {{ {ending} }}")
    ran = for_theo(host, "--token-file=token")
    assert ran.status == 1
    assert "No token was made. The other steps that were said to be done are done" in ran.err
    assert (host.tokens(), host.files()) == ([], set())


def test_a_failed_run_is_finished_by_the_next(host: Host) -> None:
    trap = host.put("moodle/trap.php", "<?php function trap($token) { exit; }")
    assert for_theo(host, "--token-file=token").status == 1
    trap.unlink()
    ran = for_theo(host, "--token-file=token")
    assert (ran.status, ran.err) == (0, "")
    assert re.findall("^(?:done|would).*", ran.out, re.M) == ["done    a token without an end"]
    assert provision(host, "--undo").status == 0
    assert not host.state().keys() & set(OURS)


def test_a_step_that_fails_leaves_nothing_that_is_not_remembered(host: Host) -> None:
    trap = host.put("moodle/trap.php", "<?php function hook($what) { exit; }")
    assert for_theo(host).status == 1
    assert "external_services" not in host.state()
    trap.unlink()
    assert for_theo(host).status == 0


def test_no_token_is_made_for_a_file_that_is_gone(host: Host) -> None:
    host.put(
        "moodle/trap.php",
        """<?php function hook($what) { @unlink('token'); }
        function trap($token) { touch('made'); }""",
    )
    assert for_theo(host, "--token-file=token").status == 1
    assert host.files() == set()


def test_a_token_that_cannot_be_printed_is_not_made(host: Host) -> None:
    for_theo(host)
    old = host.tokens()
    host.put("moodle/trap.php", "<?php function trap($token) { fclose(STDOUT); }")
    assert for_theo(host, "--new-token").status == 1
    assert host.tokens() == old


def test_a_new_token_ends_the_one_before_once_it_is_in_its_file(host: Host) -> None:
    for_theo(host, "--token-file=first")
    assert for_theo(host, "--token-file=second", "--new-token").status == 0
    (token,) = host.tokens()
    assert (host.folder / "second").read_text("ascii") == f"{token}\n"
    assert provision(host, "--undo").status == 0
    assert host.files() == set()


def test_a_token_that_holds_is_not_written_to_another_file(host: Host) -> None:
    for_theo(host, "--token-file=first")
    ran = for_theo(host, "--token-file=second")
    assert (ran.status, host.files()) == (0, {"first"})
    assert "nothing was written to HERE/second" in ran.out


@pytest.mark.parametrize("change", ["edited", "replaced", "link", "fifo", "gone"])
def test_undo_removes_no_file_but_its_own(host: Host, change: str) -> None:
    for_theo(host, "--token-file=token")
    path = host.folder / "token"
    text = path.read_text("ascii")
    if change == "fifo":
        path.unlink()  # So that the system may give the FIFO the same inode.
    elif change != "edited":
        path.rename(host.folder / "kept")
    match change:
        case "edited":
            path.write_text(text + "# mine\n", "ascii")
        case "replaced":
            host.put("token", text)
        case "link":
            path.symlink_to("kept")
        case "fifo":
            os.mkfifo(path)
        case _:
            pass
    before = host.files()
    ran = provision(host, "--undo")
    assert (ran.status, ran.err, host.files()) == (0, "", before)
    assert ("note    HERE/token stays: " in ran.out) == (change != "gone")
    assert not host.state().keys() & set(OURS)


@needs_root
def test_undo_says_when_a_file_cannot_be_removed_and_ends_the_token_all_the_same(
    host: Host,
) -> None:
    folder = host.folder / "folder"
    folder.mkdir()
    host.own(folder, 0o700)
    for_theo(host, "--token-file=folder/token")
    folder.chmod(0o555)
    ran = provision(host, "--undo")
    assert ran.status == 1
    assert "HERE/folder/token can't be removed; its token no longer works" in ran.err
    assert host.tokens() == []
    folder.chmod(0o755)
    assert provision(host, "--undo").status == 0
    assert [*folder.iterdir()] == []
    assert host.state() == {**STATE, "config": {"moodle_mcp": [], "core": []}}


def test_undo_for_a_user_leaves_the_files_of_others(host: Host) -> None:
    state = host.state()
    state["user"]["8"] = {**state["user"]["7"], "id": 8, "username": "tina"}
    host.put("moodle/state.json", json.dumps(state))
    for_theo(host, "--token-file=theos")
    provision(host, "--user=tina", "--token-file=tinas")
    assert for_theo(host, "--undo").status == 0
    assert host.files() == {"tinas"}
    (token,) = host.tokens()
    assert (host.folder / "tinas").read_text("ascii") == f"{token}\n"


def test_no_name_of_the_sites_can_control_the_terminal(host: Host) -> None:
    ran = for_theo(host)
    assert re.findall(r"[^\x20-\x7e\n]", ran.out + ran.err) == []
    assert ran.out.startswith("The  ]0;owned site 2J , Moodle 4.5.6, https://moodle.example\n")


def test_an_option_that_is_given_twice_is_refused(host: Host) -> None:
    ran = for_theo(host, "--user=tina")
    assert ran == Ran(1, "", "provision: --user is given twice\n")
