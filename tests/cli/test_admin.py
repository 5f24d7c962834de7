"""`moodle-mcp catalogue probe`, and a file of the site's functions in the other commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.site_file import load_site_file
from moodle_mcp.catalogue.site_overrides import SiteOverrides
from moodle_mcp.cli.probe import report
from moodle_mcp.demo import DemoSite, serving
from moodle_mcp.site.info import SiteInfo
from tests.support.command import run
from tests.support.demo import Demo
from tests.support.plugin import ADD, EXPORTED, GET, SETTING
from tests.support.serving import NOW

FOUND = load_site_file(EXPORTED, SETTING)
PLUGINS = SiteOverrides(FOUND.functions, FOUND.release)
Environment = Callable[..., dict[str, str]]


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A demo site with a plugin."""
    site = DemoSite(now=NOW, plugins=PLUGINS)
    with serving(site.app) as url:
        yield Demo(site, url)


def test_probe_names_the_functions_that_nobody_knows(environment: Environment) -> None:
    ran = run("catalogue", "probe", environment=environment())
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == snapshot("""\
Fjordside College, Moodle 4.5.6 (Build: 20250811)
  761 functions in the token's service
  759 typed by this package (Moodle 4.5)
    0 typed by MOODLE_MCP_CATALOGUE
    2 untyped: local_example_add_notice, local_example_get_notices
      -> An administrator runs the program that `moodle-mcp admin-script catalogue` prints on the Moodle host; then set MOODLE_MCP_CATALOGUE to the file that it writes.
    2 not classified: local_example_add_notice, local_example_get_notices
      -> They count as destructive. Check what each one does, then classify it in MOODLE_MCP_PLUGIN_ACCESS, for example local_shop_get_*=read, local_shop_order=write.
""")


def test_probe_says_what_the_file_adds_and_what_is_left_to_say(environment: Environment) -> None:
    file = environment(MOODLE_MCP_CATALOGUE=str(EXPORTED), MOODLE_MCP_PLUGIN_ACCESS=f"{GET}=read")
    ran = run("catalogue", "probe", "--json", environment=file)
    found = json.loads(ran.out)
    assert {key: found[key] for key in ("ours", "exported", "untyped", "unclassified")} == snapshot(
        {"ours": 759, "exported": 2, "untyped": [], "unclassified": ["local_example_add_notice"]}
    )


def test_probe_says_that_a_file_is_of_another_release() -> None:
    info = SiteInfo("School", "", 2, "a", "A", "4.5.7", frozenset({GET, ADD}), True, True)
    assert report(info, PLUGINS).lines() == snapshot(
        [
            "School, Moodle 4.5.7",
            "    2 functions in the token's service",
            "    0 typed by this package (Moodle 4.5)",
            "    2 typed by MOODLE_MCP_CATALOGUE (exported from Moodle 4.5.6 (Build: 20250811))",
            "    0 untyped",
            "      -> The file is from another release, so it is used for plugins' functions only. An administrator exports it again.",
            "    2 not classified: local_example_add_notice, local_example_get_notices",
            "      -> They count as destructive. Check what each one does, then classify it in MOODLE_MCP_PLUGIN_ACCESS, for example local_shop_get_*=read, local_shop_order=write.",
        ]
    )


def test_tools_and_call_know_what_the_file_says(environment: Environment) -> None:
    settings = environment(
        MOODLE_MCP_CATALOGUE=str(EXPORTED),
        MOODLE_MCP_PLUGIN_ACCESS=f"{GET}=read",
        MOODLE_MCP_TOOLS=GET,
    )
    assert run("tools", environment=settings).out.splitlines()[0] == snapshot(
        "   787 read         local_example_get_notices                                    included by local_example_get_notices (the operator says so in MOODLE_MCP_PLUGIN_ACCESS)"
    )
    ran = run("call", GET, '{"courseid": "two"}', environment=settings)
    assert json.loads(ran.out)["error"]["parameters"] == snapshot(
        [{"path": "courseid", "problem": '"two" is not allowed', "allowed": "integer"}]
    )
    checked = run("check", environment=settings)
    assert checked.out.splitlines()[-1] == snapshot("ok       functions       1 exposed as tools")


def test_a_misspelt_function_of_the_file_is_no_unknown_plugins(environment: Environment) -> None:
    settings = environment(MOODLE_MCP_CATALOGUE=str(EXPORTED), MOODLE_MCP_TOOLS=f"{GET}s")
    ran = run("tools", environment=settings)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == snapshot(
        "moodle-mcp: MOODLE_MCP_TOOLS: local_example_get_noticess matches no Moodle function; did you mean local_example_get_notices or local_example_add_notice?\n"
    )


@pytest.mark.parametrize("command", ["serve", "check", "tools", "call", "catalogue probe"])
def test_a_wrong_file_stops_the_start_with_one_line(
    command: str, environment: Environment, tmp_path: Path
) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text("{}", encoding="utf-8")
    more = [GET] if command == "call" else []
    settings = environment(MOODLE_MCP_CATALOGUE=str(path))
    ran = run(*command.split(), *more, environment=settings)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        f"moodle-mcp: MOODLE_MCP_CATALOGUE: {path}: format: Field required (and 3 more)\n"
    )
