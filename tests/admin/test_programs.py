"""The PHP programs as they are printed. They were tried on real sites by hand."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access
from moodle_mcp.catalogue.loading import RELEASES, every_name, load
from moodle_mcp.catalogue.model import ListOf, Object, Value
from moodle_mcp.catalogue.site_file import load_site_file
from moodle_mcp.cli.main import main
from moodle_mcp.policy.allowlist import FILE_TOOLS, PROFILES, profile
from tests.support.command import Ran
from tests.support.moodle_host import NEWER_THAN_PHP_7_4, PHP, Host, needs_php

NEWEST = load(RELEASES[-1])


def printed(*options: str) -> Ran:
    """What `moodle-mcp admin-script` prints; called in this process, which is faster."""
    done = CliRunner().invoke(main, ["admin-script", *options])
    return Ran(done.exit_code, done.stdout, done.stderr)


def program(*options: str) -> str:
    ran = printed(*options)
    assert (ran.status, ran.err) == (0, "")
    return ran.out


def lists(text: str) -> dict[str, dict[str, str]]:
    """The functions by profile that a printed program has."""
    found: dict[str, dict[str, str]] = {}
    block = text[text.index("const MOODLE_MCP_LISTS") : text.index("/* The client's setting")]
    for line in block.splitlines():
        if match := re.fullmatch(r"    '(\w+)' => \[", line):
            found[match[1]] = {}
        elif match := re.fullmatch(r"        '(\w+)' => '(\w+)',", line):
            found[[*found][-1]][match[1]] = match[2]
    return found


def moodles(name: str) -> set[str]:
    """The functions of a profile without the built-in tools."""
    return set(profile(name)) - set(FILE_TOOLS)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profiles_program_has_exactly_its_functions_and_what_each_may_do(name: str) -> None:
    expected = {each: NEWEST.get(each).classification.access.value for each in moodles(name)}
    assert lists(program("provision", "--profile", name)) == {name: expected}


def test_without_an_option_the_program_has_every_profile_to_choose_from() -> None:
    assert {name: set(each) for name, each in lists(program("provision")).items()} == {
        name: moodles(name) for name in PROFILES
    }


def test_tools_are_chosen_as_the_gate_chooses_them() -> None:
    tools = "default, -core_user_* core_course_delete_courses local_shop_get_orders"
    text = program("provision", "--tools", tools)
    wanted = {name for name in moodles("default") if not name.startswith("core_user_")}
    (functions,) = lists(text).values()
    assert set(functions) == wanted | {"core_course_delete_courses", "local_shop_get_orders"}
    assert functions["core_course_delete_courses"] == "destructive"
    assert functions["local_shop_get_orders"] == "destructive"
    setting = "default,-core_user_*,core_course_delete_courses,local_shop_get_orders"
    assert f"const MOODLE_MCP_CHOSEN = '{setting}';" in text


def test_what_must_be_named_in_full_is_not_in_the_program_for_a_glob() -> None:
    (functions,) = lists(program("provision", "--tools", "tool_mobile_*")).values()
    assert "tool_mobile_get_public_config" in functions
    assert "tool_mobile_call_external_functions" not in functions


@pytest.mark.parametrize(
    "options",
    [
        ["--profile", "teachers"],
        ["--profile", "teacher", "--tools", "all"],
        ["--tools", "local_shop_*"],
        ["--tools", "core_course_get_content"],
        ["--tools", "x'); evil('"],
    ],
    ids=["no such profile", "both", "a plugin's glob", "misspelt", "PHP"],
)
def test_a_wrong_choice_is_one_line(options: list[str], request: pytest.FixtureRequest) -> None:
    ran = printed("provision", *options)
    assert (ran.status, ran.out) == (2, "")
    assert (
        ran.err
        == snapshot(
            {
                "no such profile": "moodle-mcp: --profile must be one of default, student, teacher, manager, admin, reports\n",
                "both": "moodle-mcp: give --profile or --tools, not both\n",
                "a plugin's glob": "moodle-mcp: --tools: local_shop_* matches no known function: name each in full\n",
                "misspelt": "moodle-mcp: MOODLE_MCP_TOOLS: core_course_get_content matches no Moodle function; did you mean core_course_get_contents or core_course_get_courses or core_course_get_module?\n",
                "PHP": 'moodle-mcp: MOODLE_MCP_TOOLS: "x\');" is not a function name or glob\n',
            }
        )[request.node.callspec.id]
    )


@pytest.mark.parametrize("name", ["provision", "catalogue"])
def test_the_programs_use_nothing_newer_than_php_7_4(name: str) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*|'[^'\n]*'|<<<'TEXT'.*?\nTEXT", "", program(name), flags=re.S)
    assert [pattern for pattern in NEWER_THAN_PHP_7_4 if re.search(pattern, code)] == []


@pytest.mark.parametrize("name", ["provision", "catalogue"])
def test_the_programs_end_where_they_are_not_run_from_a_command_line(name: str) -> None:
    text = program(name)
    assert "/*LISTS*/" not in text
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    assert code.startswith("<?php")
    first = code.removeprefix("<?php").lstrip()
    assert first.startswith("if (PHP_SAPI !== 'cli') {\n    exit(1);\n}")


def test_capabilities_that_functions_do_not_declare_belong_to_known_functions() -> None:
    text = (resources.files("moodle_mcp.admin") / "provision.php").read_text(encoding="utf-8")
    block = text[text.index("const MOODLE_MCP_UNDECLARED") : text.index("const MOODLE_MCP_HELP")]
    named = re.findall(r"'(\w+)' => \[", block)
    assert len(named) > 5
    assert set(named) - set(every_name()) == set()


@needs_php
@pytest.mark.parametrize("name", ["provision", "catalogue"])
def test_the_programs_are_php(name: str, tmp_path: Path) -> None:
    path = tmp_path / "program.php"
    path.write_text(program(name), encoding="utf-8")
    done = subprocess.run([PHP or "php", "-l", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_php
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--profil=teacher"],
        ["--user"],
        ["--undo=yes"],
        ["--user=theo"],
        ["--profile=teacher"],
        ["--profile=nobody", "--user=theo"],
        ["--profile=teacher", "--functions=core_x", "--user=theo"],
        ["--profile=teacher", "--user=theo", "--access=all"],
        ["--profile=teacher", "--user=theo", "--expires=0"],
        ["--profile=teacher", "--user=theo", "--ip=here"],
        ["--profile=teacher", "--user=theo", "--service=Moodle!"],
        ["--profile=teacher", "--user=theo"],
        ["--profile=teacher", "--user=theo", "--moodle=/nowhere"],
        ["--undo"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_ends_the_program_before_it_touches_a_site(
    options: list[str], host: Host, request: pytest.FixtureRequest
) -> None:
    ran = host.php(program("provision"), *options)
    assert ran.status == 1
    assert (ran.err or ran.out.splitlines()[0]) == snapshot(
        {
            "": "Prepares a Moodle site for moodle-mcp. Run it as the web server's user, for example:",
            "--profil=teacher": "provision: --profil is not an option with a value; see --help\n",
            "--user": "provision: --user needs a value: --user=...\n",
            "--undo=yes": "provision: --undo is not an option with a value; see --help\n",
            "--user=theo": "provision: --profile is missing: default, student, teacher, manager, admin, reports\n",
            "--profile=teacher": "provision: --user is missing: the user name of the user that the agent acts for\n",
            "--profile=nobody --user=theo": "provision: there is no profile 'nobody': default, student, teacher, manager, admin, reports\n",
            "--profile=teacher --functions=core_x --user=theo": "provision: give --profile or --functions, not both\n",
            "--profile=teacher --user=theo --access=all": "provision: --access must be read, write or destructive\n",
            "--profile=teacher --user=theo --expires=0": "provision: --expires must be a number of days, 1 to 9999\n",
            "--profile=teacher --user=theo --ip=here": "provision: --ip must be addresses such as 192.0.2.7 or 192.0.2.0/24, comma-separated\n",
            "--profile=teacher --user=theo --service=Moodle!": "provision: --service must be a short name of lowercase letters, digits and underscores\n",
            "--profile=teacher --user=theo": "provision: --moodle is missing: the folder that has Moodle's config.php\n",
            "--profile=teacher --user=theo --moodle=/nowhere": "provision: there is no readable config.php in /nowhere\n",
            "--undo": "provision: --profile is missing: default, student, teacher, manager, admin, reports\n",
        }
    )[request.node.callspec.id]


# As much of Moodle as the export needs: the constants have Moodle's values, where 0 is the default.
STUB = """<?php
define('VALUE_DEFAULT', 0); define('VALUE_REQUIRED', 1); define('VALUE_OPTIONAL', 2);
define('DAYSECS', 86400);
class value { public $type; public $allownull = true; public $desc; public $required; public $default;
  function __construct($type, $desc, $required = 1, $default = null) {
    $this->type = $type; $this->desc = $desc; $this->required = $required; $this->default = $default; } }
class structure { public $keys; public $desc = ''; public $required = 1; public $default = null;
  function __construct($keys) { $this->keys = $keys; } }
class multiple { public $content; public $desc = 'Them'; public $required = 2; public $default = null;
  function __construct($content) { $this->content = $content; } }
class api { static function external_function_info($row) {
  echo 'a plugin prints this';
  if ($row->name === 'local_example_broken') { throw new Exception("it is \\x1b[2Jbroken"); }
  $row->type = 'read'; $row->description = "Says\\u{202e} so";
  $row->parameters_desc = new structure(['courseid' => new value('int', 'Which'),
    'since' => new value('int', 'From when', VALUE_DEFAULT, time()),
    'limit' => new value('int', '', VALUE_DEFAULT, '20'),
    'ids' => new multiple(new value('int', ''))]);
  $row->returns_desc = null;
  return $row; } }
class_alias('api', 'core_external\\\\external_api');
class database { function get_records() {
  return array_map(function ($name) {
    return (object) ['name' => $name, 'component' => 'local_example', 'capabilities' => 'a/b:c, d/e:f'];
  }, ['core_course_get_contents', 'local_example_broken', 'local_example_get']); } }
$CFG = (object) ['wwwroot' => 'https://moodle.example', 'release' => '4.5.6', 'libdir' => '.'];
$DB = new database();
"""


@needs_php
def test_the_export_says_of_each_parameter_what_moodle_says(host: Host, tmp_path: Path) -> None:
    host.put("moodle/config.php", STUB)
    ran = host.php(program("catalogue"), "--moodle=moodle", "--functions=local_*")
    assert ran.err == snapshot("""\
catalogue: local_example_broken was left out: it is  [2Jbroken
catalogue: 1 functions
""")
    exported: dict[str, Any] = json.loads(ran.out)
    assert exported == snapshot(
        {
            "format": "moodle-mcp/catalogue/1",
            "site": "https://moodle.example",
            "release": "4.5.6",
            "functions": {
                "local_example_get": {
                    "component": "local_example",
                    "access": "read",
                    "text": "Says\u202e so",
                    "capabilities": ["a/b:c", "d/e:f"],
                    "deprecated": False,
                    "params": {
                        "kind": "object",
                        "keys": {
                            "courseid": {
                                "kind": "value",
                                "type": "int",
                                "allownull": True,
                                "presence": "required",
                                "text": "Which",
                            },
                            "since": {
                                "kind": "value",
                                "type": "int",
                                "allownull": True,
                                "presence": "optional",
                                "text": "From when",
                            },
                            "limit": {
                                "kind": "value",
                                "type": "int",
                                "allownull": True,
                                "presence": "default",
                                "default": "20",
                            },
                            "ids": {
                                "kind": "list",
                                "item": {
                                    "kind": "value",
                                    "type": "int",
                                    "allownull": True,
                                    "presence": "required",
                                },
                                "presence": "optional",
                                "text": "Them",
                            },
                        },
                        "presence": "required",
                    },
                    "returns": None,
                }
            },
        }
    )
    (tmp_path / "catalogue.json").write_text(ran.out, encoding="utf-8")
    site = load_site_file(tmp_path / "catalogue.json", "MOODLE_MCP_CATALOGUE")
    function = site.functions["local_example_get"].function("local_example_get")
    assert function.params == snapshot(
        Object(
            keys={
                "courseid": Value(type="int", nullable=True),
                "since": Value(type="int", nullable=True, presence="optional"),
                "limit": Value(type="int", nullable=True, presence="default", default=20),
                "ids": ListOf(item=Value(type="int", nullable=True), presence="optional"),
            }
        )
    )
    assert function.classification.access is Access.DESTRUCTIVE
    assert function.text.text == "Says so"


@needs_php
@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J"])
def test_the_export_takes_no_argument_that_could_control_the_terminal(
    host: Host, name: str
) -> None:
    ran = host.php(program("catalogue"), "--moodle=moodle", f"--functions={name}")
    plain = name.replace("\n", " ").replace("\x1b", " ")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == f"catalogue: '--functions={plain}' has control characters\n"


@needs_php
def test_an_export_that_a_plugin_ends_is_a_failure_and_no_document(host: Host) -> None:
    host.put("moodle/config.php", STUB.replace("$row->type = 'read';", "exit;"))
    ran = host.php(program("catalogue"), "--moodle=moodle")
    assert ran == Ran(1, "", "catalogue: it was stopped before it was done. Nothing was written\n")


@needs_php
def test_an_export_that_cannot_be_written_is_a_failure(host: Host) -> None:
    host.put("moodle/config.php", STUB)
    ran = host.php(program("catalogue"), "--moodle=moodle", before="exec >/dev/full")
    assert ran.status == 1
    assert "it was stopped before it was done" in ran.err
