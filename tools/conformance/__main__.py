"""Check the server with the MCP project's own tools, all of which run on Node.

    python -m tools.conformance [--required]

- the conformance suite, both requirement sets, over HTTP;
- the Inspector's command line over stdio in both eras, with its lint of all tools;
- the TypeScript clients of both generations over stdio.

Without Node or the npm packages it says so and exits with 0, or with 1 if `--required` is given.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO, cast

from moodle_mcp.demo import serving
from tools.conformance.node import ROOT, SCRATCH, Node, NodeMissingError, installed
from tools.conformance.site import CATALOGUE, TOKEN, FixtureSite

EXPECTED: Final = Path(__file__).with_name("expected-failures.yml")
CALLED: Final = "core_webservice_get_site_info"
REPORTED: Final = 4_000
"""Characters of a finding that are printed."""

SERVER: Final = (sys.executable, "-m", "moodle_mcp")

_SUITE: Final = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
_INSPECTOR: Final = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"


class CheckFailedError(Exception):
    """A check failed; the message is the output of its program."""


def main(arguments: list[str]) -> int:
    """Run every check; return 0 if all passed."""
    try:
        node = installed()
    except NodeMissingError as error:
        print(f"LEFT OUT: the protocol conformance checks, since {error}")
        return 1 if "--required" in arguments else 0
    failures = 0
    with fixtures() as url, serving(FixtureSite().app) as site:
        environment = settings(site)
        checks = {
            "suite 2025-11-25": partial(suite, node, url, "2025-11-25"),
            "suite 2026-07-28": partial(suite, node, url, "2026-07-28"),
            "Inspector, legacy era": partial(inspector, node, environment, "legacy"),
            "Inspector, modern era": partial(inspector, node, environment, "modern"),
            "TypeScript client 1": partial(typescript, node, environment, "v1"),
            "TypeScript client 2": partial(typescript, node, environment, "v2"),
        }
        for name, check in checks.items():
            try:
                print(f"ok      {name}: {check()}", flush=True)
            except (CheckFailedError, subprocess.TimeoutExpired) as error:
                failures += 1
                print(f"FAILED  {name}: {error}", flush=True)
    return 1 if failures else 0


def suite(node: Node, url: str, revision: str) -> str:
    """Run the conformance suite's requirements of one protocol revision."""
    options = ["--requirements", revision, "--expected-failures", EXPECTED]
    done = node.run(
        _SUITE, "server", "--url", url, *options, "--output-dir", SCRATCH / f"results-{revision}"
    )
    summary = done.stdout.partition("=== SUMMARY ===")[2] or done.stdout
    if done.returncode:
        raise CheckFailedError(f"{summary}\n{done.stderr}")
    passed = [line for line in summary.splitlines() if line.startswith("✓")]
    return f"{len(passed)} scenarios passed; what {EXPECTED.name} names failed, nothing else"


def inspector(node: Node, environment: dict[str, str], era: str) -> str:
    """List the tools with the Inspector's lint, and call one."""
    options = ["--cli", "-q", "--format", "json", "--protocol-era", era, "--cwd", ROOT]
    for name, value in environment.items():
        options += ["-e", f"{name}={value}"]
    own = {"MCP_CATALOG_PATH": str(SCRATCH / "catalog.json")}

    def ask(*more: str) -> dict[str, Any]:
        done = node.run(_INSPECTOR, *options, *more, *SERVER, environment=own)
        if done.returncode:
            raise CheckFailedError(f"status {done.returncode}\n{done.stderr[:REPORTED]}")
        envelope = json.loads(done.stdout)
        # Findings that are only warnings do not change the status.
        if findings := envelope.get("schemaFindings"):
            raise CheckFailedError(json.dumps(findings, indent=1)[:REPORTED])
        return envelope["result"]

    tools = ask("--method", "tools/list", "--strict")["tools"]
    result = ask("--tool-args-json", "{}", "--method", "tools/call", "--tool-name", CALLED)
    _check(len(tools), result["structuredContent"]["result"]["username"])
    return f"{len(tools)} tools without a finding, one called"


def typescript(node: Node, environment: dict[str, str], client: str) -> str:
    """List and call tools with one of the TypeScript clients."""
    done = node.run(f"{client}.mjs", *SERVER, environment=environment)
    if done.returncode:
        raise CheckFailedError(done.stderr[:REPORTED])
    seen = json.loads(done.stdout)
    _check(seen["tools"], seen["user"])
    return f"{seen['tools']} tools, one called" + (
        f", revision {seen['protocol']}" if seen["protocol"] else ""
    )


def settings(site: str) -> dict[str, str]:
    """Return the settings of a server that lists every function of the catalogue."""
    return {
        "MOODLE_URL": site,
        "MOODLE_TOKEN": TOKEN,
        "MOODLE_MCP_TOOLS": ",".join(CATALOGUE),
        "MOODLE_MCP_ACCESS": "destructive",
        "MOODLE_MCP_MODE": "direct",
    }


@contextmanager
def fixtures() -> Generator[str]:
    """Run the server with the fixtures in a separate process; yield its address."""
    command = [sys.executable, "-m", "tools.conformance.server"]
    with (
        (SCRATCH / "server.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, text=True
        ) as process,
    ):
        try:
            yield cast("TextIO", process.stdout).readline().strip()
        finally:
            process.terminate()


def _check(tools: int, user: str) -> None:
    # The functions, and more_results, confirm, resolve, bulk_call, upload_users and resume_batch.
    expected = len(CATALOGUE) + 6
    if (tools, user) != (expected, "admin"):
        raise CheckFailedError(f"{tools} tools instead of {expected}; the user is {user}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
