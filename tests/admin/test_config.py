"""Whose config.php the PHP programs run, and as whom."""

from __future__ import annotations

import os
import subprocess

import pytest

from moodle_mcp import admin
from tests.support.command import Ran
from tests.support.moodle_host import NOBODY, PHP, Host, needs_php, needs_root

pytestmark = needs_php

PROGRAMS = {"provision": admin.provision({"student": []}), "catalogue": admin.catalogue()}
OPTIONS = {"provision": ("--user=theo", "--dry-run"), "catalogue": ()}
RAN = "<?php echo 'it was run'; exit;"
WITHOUT_POSIX = ("disable_functions=posix_geteuid,posix_getpwnam",)


def run(host: Host, name: str, *options: str, ini: tuple[str, ...] = ()) -> Ran:
    return host.php(PROGRAMS[name], *OPTIONS[name], "--moodle=moodle", *options, ini=ini)


def refused(name: str, why: str) -> Ran:
    return Ran(
        1,
        "",
        f"{name}: config.php is run with your rights, and others could change it: {why}. "
        "Fix that, or name an owner whom you trust with --owner=USER\n",
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_config_that_anybody_can_write_is_not_run(host: Host, name: str) -> None:
    host.put("moodle/config.php", RAN, 0o646)
    assert run(host, name) == refused(
        name, "others may write to HERE/moodle/config.php (mode 0646)"
    )
    host.put("moodle/config.php", RAN, 0o664)
    host.own(host.moodle, 0o757)
    assert run(host, name) == refused(name, "others may write to HERE/moodle (mode 0757)")


@needs_root
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_config_of_somebody_else_is_run_only_if_the_owner_is_named(host: Host, name: str) -> None:
    other = NOBODY - 1
    path = host.put("moodle/config.php", RAN)
    os.chown(path, other, other)
    assert run(host, name) == refused(name, f"HERE/moodle/config.php belongs to user {other}")
    assert run(host, name, "--owner=nobody").out == ""
    assert "it was stopped before it was done" in run(host, name, f"--owner={other}").err
    ran = run(host, name, "--owner=nobody-of-this-name")
    assert ran.err == (
        f"{name}: --owner: the system has no user 'nobody-of-this-name'; give the user's number\n"
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_config_from_anything_but_a_folder_is_not_run(host: Host, name: str) -> None:
    ran = host.php(PROGRAMS[name], *OPTIONS[name], "--moodle=phar://moodle.phar")
    assert ran.err == f"{name}: there is no readable config.php in phar://moodle.phar\n"


@needs_root
@pytest.mark.parametrize("ini", [(), WITHOUT_POSIX], ids=["posix", "no posix"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_root_is_refused_because_moodle_would_leave_files_of_roots(
    host: Host, name: str, ini: tuple[str, ...]
) -> None:
    program = host.put("program.php", PROGRAMS[name])
    settings = [part for each in ini for part in ("-d", each)]
    command = [PHP or "php", *settings, str(program), *OPTIONS[name], f"--moodle={host.moodle}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    message = f"{name}: run it as the web server's user, not as root: sudo -u www-data php ...\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_do_without_the_extension_posix(host: Host, name: str) -> None:
    host.put("moodle/config.php", RAN)
    ran = run(host, name, ini=WITHOUT_POSIX)
    assert f"{name}: it was stopped before it was done" in ran.err


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_config_that_ends_the_program_is_a_failure(host: Host, name: str) -> None:
    host.put("moodle/config.php", RAN)
    assert run(host, name).status == 1
