"""Declarations of functions are read in PHP source, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from tools.signatures.__main__ import differences, main
from tools.signatures.trees import Reader
from tools.signatures.values import UnreadableError

SERVICES = """<?php
$functions = [
    'local_x_get' => ['classname' => 'local_x\\external\\get', 'type' => 'read'],
    'local_x_site' => ['classname' => 'local_x\\external\\site', 'type' => 'read'],
];
"""
CONSTANTS = """<?php
define('PARAM_INT', \\core\\param::INT->value);
define('PARAM_TEXT', 'text');
define('VALUE_REQUIRED', 1);
define('VALUE_OPTIONAL', 2);
define('VALUE_DEFAULT', 0);
"""
ENUM = """<?php
namespace core;
enum param: string {
    case INT = 'int';
}
"""
BASE = """<?php
namespace local_x\\external;
use core_external\\{external_single_structure, external_multiple_structure};
use core_external\\external_function_parameters;
use core_external\\external_value as value;
abstract class base {
    protected static $more = ['b' => PARAM_TEXT];
    protected static function keys(): array {
        $keys = [];
        foreach (static::named() as $name => $type) {
            $keys[$name] = new value($type, get_string($name), VALUE_OPTIONAL);
        }
        return array_merge($keys, ['c' => new value(PARAM_TEXT, '', required: VALUE_REQUIRED)]);
    }
    protected static function named(): array {
        return self::$more;
    }
}
"""
GET = """<?php
namespace local_x\\external;
use core_external\\{external_single_structure, external_multiple_structure};
use core_external\\external_function_parameters;
use core_external\\external_value;
class get extends base {
    const FIRST = 'a';
    protected static function named(): array {
        return [self::FIRST => PARAM_INT] + parent::named();
    }
    public static function execute_parameters() {
        global $CFG;
        if (!empty($CFG->unset)) {
            throw new \\coding_exception('never');
        }
        return new external_function_parameters([
            'items' => new external_multiple_structure(
                new external_single_structure(self::keys()), 'Items', VALUE_DEFAULT, []
            ),
            'on' => new external_value(PARAM_INT, '', VALUE_DEFAULT, 1 + 1, false),
        ]);
    }
    public static function execute_returns() {
        return null;
    }
}
"""
SITE = """<?php
namespace local_x\\external;
use core_external\\{external_function_parameters, external_value};
class site extends base {
    public static function execute_parameters() {
        global $DB;
        return new external_function_parameters([
            'x' => new external_value($DB->get_field('config', 'value', []), ''),
        ]);
    }
    public static function execute_returns() {
        return null;
    }
}
"""
FILES = {
    "version.php": "<?php\n$release = '9.9 (Build: 1)';\n",
    "local/x/db/services.php": SERVICES,
    "lib/moodlelib.php": CONSTANTS,
    "lib/classes/param.php": ENUM,
    "local/x/classes/external/base.php": BASE,
    "local/x/classes/external/get.php": GET,
    "local/x/classes/external/site.php": SITE,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_a_declaration_is_read_as_php_would_build_it(source: Path) -> None:
    assert Reader(source).read("local_x_get") == snapshot(
        {
            "params": {
                "kind": "object",
                "keys": {
                    "items": {
                        "kind": "list",
                        "item": {
                            "kind": "object",
                            "keys": {
                                "b": {
                                    "kind": "value",
                                    "type": "text",
                                    "allownull": True,
                                    "presence": "optional",
                                },
                                "a": {
                                    "kind": "value",
                                    "type": "int",
                                    "allownull": True,
                                    "presence": "optional",
                                },
                                "c": {
                                    "kind": "value",
                                    "type": "text",
                                    "allownull": True,
                                    "presence": "required",
                                },
                            },
                            "presence": "required",
                        },
                        "presence": "default",
                        "default": [],
                    },
                    "on": {
                        "kind": "value",
                        "type": "int",
                        "allownull": False,
                        "presence": "default",
                        "default": 2,
                    },
                },
                "presence": "required",
            },
            "returns": None,
        }
    )


def test_what_depends_on_the_site_is_not_guessed(source: Path) -> None:
    found = dict(Reader(source).every())
    assert isinstance(found["local_x_site"], UnreadableError)
    assert str(found["local_x_site"]) == snapshot("$DB")


def test_a_difference_from_an_export_is_told_with_its_place() -> None:
    def function(**value: Any) -> dict[str, Any]:
        key = {"kind": "value", "type": "int", "presence": "required", "allownull": True, **value}
        params = {"kind": "object", "presence": "required", "keys": {"x": key}}
        return {"params": params, "returns": None}

    assert list(differences(function(), function())) == []
    assert list(differences(function(), function(type="raw", presence="optional"))) == snapshot(
        ["params.x: type 'int' for 'raw'", "params.x: presence 'required' for 'optional'"]
    )


def test_the_command_fails_while_anything_is_unreadable(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(source), "--write", str(source / "out.json")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 declared, 1 read, 1 differ"
    assert '"release": "9.9 (Build: 1)"' in (source / "out.json").read_text()
