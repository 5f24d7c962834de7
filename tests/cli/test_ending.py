"""Commands that are interrupted, and commands whose output nobody reads."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import click
import pytest
from inline_snapshot import snapshot

from moodle_mcp.cli.ending import quiet_end
from moodle_mcp.demo import ADMIN_TOKEN, Hold, InjectedFault
from tests.support.demo import Demo

Environment = Callable[..., dict[str, str]]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")

SITE_INFO = "core_webservice_get_site_info"


def started(
    *command: str, environment: Mapping[str, str], stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if "MOODLE" not in name}
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**kept, **environment},
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit status and stderr."""
    _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize("command", [["check"], ["tools"], ["call", SITE_INFO]], ids=str)
def test_an_interrupt_while_the_site_is_asked_ends_in_silence(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        site = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {"MOODLE_URL": site, "MOODLE_TOKEN": ADMIN_TOKEN}
        process = started("-m", "moodle_mcp", *command, environment=environment)
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "")
        connection.close()


INTERRUPTED_WAITING = """
import os, signal
from moodle_mcp.cli.main import main
from moodle_mcp.errors import CallError, Fault, Kind
from moodle_mcp.site.session import SiteSession

real = SiteSession.send

async def not_reached(site, request, **options):
    if not options.get("alone"):
        return await real(site, request, **options)
    SiteSession.send = real
    os.kill(os.getpid(), signal.SIGINT)
    raise CallError.not_sent(Fault(Kind.UNREACHABLE, "Nothing is there."))

SiteSession.send = not_reached
main({command!r})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_write_that_is_interrupted_comes_to_its_end_and_is_told(
    demo: Demo, environment: Environment, number: int
) -> None:
    name, hold = "core_notes_create_notes", Hold()
    demo.site.faults.append(InjectedFault.hang(hold, function=name))
    note = {"userid": 10, "publishstate": "course", "courseid": 12, "text": "n", "format": 1}
    settings = environment(MOODLE_MCP_TOOLS=name, MOODLE_MCP_ACCESS="write")
    command = ["-m", "moodle_mcp", "call", name, json.dumps({"notes": [note]})]
    process = started(*command, environment=settings)
    anyio.run(hold.arrived)
    process.send_signal(number)
    assert process.stderr is not None
    told = process.stderr.readline()
    hold.release()
    answer, _ = process.communicate(timeout=30)
    assert json.loads(answer)["batch"]["succeeded"] == 1
    assert (process.returncode, told) == snapshot(
        (0, "moodle-mcp: stopping when the current request ends; the result follows\n")
    )


@pytest.mark.parametrize("items", [False, True])
def test_a_write_that_did_not_reach_the_site_is_not_sent_after_an_interrupt(
    demo: Demo, environment: Environment, tmp_path: Path, items: bool
) -> None:
    name = "core_notes_create_notes"
    note = {"userid": 10, "publishstate": "course", "courseid": 12, "text": "n", "format": 1}
    file = tmp_path / "notes.json"
    file.write_text(json.dumps([note]))
    arguments = ["--items", str(file)] if items else [json.dumps({"notes": [note]})]
    program = INTERRUPTED_WAITING.format(command=["call", name, *arguments])
    settings = environment(MOODLE_MCP_TOOLS=name, MOODLE_MCP_ACCESS="write")
    process = started("-c", program, environment=settings)
    answer, _ = process.communicate(timeout=30)
    told = json.loads(answer)
    assert (told["error"]["kind"], told["error"]["written"]) == ("declined", "nothing")
    assert told["batch"]["not_sent"] == [[0, 0]]
    assert demo.calls_of(name) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has a device that is always full")
def test_an_answer_that_does_not_fit_on_the_disk_is_told_in_one_line(
    demo: Demo, environment: Environment
) -> None:
    command = ["call", "core_notes_delete_notes", '{"notes": [1]}']
    settings = environment(MOODLE_MCP_TOOLS="all", MOODLE_MCP_ACCESS="destructive")
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a descriptor
        process = started("-m", "moodle_mcp", *command, environment=settings, stdout=full.fileno())
        assert ended(process) == snapshot(
            (
                1,
                "moodle-mcp: the output can't be written (No space left on device). If it was a call, it was made: check what it did before repeating it.\n",
            )
        )
    assert demo.calls_of("core_notes_delete_notes") == 1


def test_an_interrupted_demo_ends_in_silence() -> None:
    process = started("-m", "moodle_mcp", "demo", environment={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, "")


AT_THE_START = """
import os, signal
from moodle_mcp.cli.main import main
from moodle_mcp.server.transports import stdio
from uvicorn.lifespan.on import LifespanOn

def interrupted(function):
    def run(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return function(*arguments)
    return run

LifespanOn.startup = interrupted(LifespanOn.startup)
stdio._claim_pipes = interrupted(stdio._claim_pipes)
main({command!r})
"""


@pytest.mark.parametrize(
    ("command", "ends"), [(["serve"], 130), (["serve", "--http", "0"], 0)], ids=["stdio", "http"]
)
def test_an_interrupt_while_a_server_starts_ends_in_silence(
    environment: Environment, command: list[str], ends: int
) -> None:
    program = AT_THE_START.format(command=command)
    status, said = ended(started("-c", program, environment=environment()))
    assert status == ends
    assert [line for line in said.splitlines() if "serving MCP at" not in line] == []


WHILE_LOADING = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from moodle_mcp.__main__ import run
sys.argv[1:] = ["demo"]
run()
"""


@pytest.mark.parametrize("module", ["click", "mcp"])
def test_an_interrupt_while_modules_load_ends_the_process(module: str) -> None:
    program = WHILE_LOADING.format(module=module)
    assert ended(started("-c", program, environment={})) == (-signal.SIGINT, "")


def test_an_interrupt_at_a_question_is_told_from_the_end_of_the_input() -> None:
    def answer(text: str, cause: type[BaseException]) -> None:
        with pytest.MonkeyPatch.context() as patch, quiet_end():
            patch.setattr(click.termui, "visible_prompt_func", raising(cause))
            click.prompt(text)

    with pytest.raises(click.exceptions.Exit) as caught:
        answer("Interrupted", KeyboardInterrupt)
    assert caught.value.exit_code == 130
    with pytest.raises(click.Abort):
        answer("Ended", EOFError)


def raising(error: type[BaseException]) -> Callable[[str], str]:
    def ask(_: str) -> str:
        raise error

    return ask


@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "command",
    [
        ["demo"],
        ["tools"],
        ["check"],
        ["check", "--json"],
        ["call", SITE_INFO],
        ["sites"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_output_that_nobody_reads_ends_in_silence(
    environment: Environment, command: list[str], buffered: str
) -> None:
    read, write = os.pipe()
    os.close(read)
    process = started(
        "-m", "moodle_mcp", *command,
        environment=environment(PYTHONUNBUFFERED=buffered), stdout=write,
    )  # fmt: skip
    os.close(write)
    assert ended(process) == (141, "")
