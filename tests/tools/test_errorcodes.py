"""The program that finds errorcodes in Moodle's source, on a small tree in Moodle's style."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tools.errorcodes.__main__ import main
from tools.moodle_source.services import external_functions

FILES = {
    "lib/classes/exception/moodle_exception.php": """<?php
namespace core\\exception;
class moodle_exception extends \\Exception {
    public function __construct($errorcode, $module = '') { }
}
""",
    "lib/classes/exception/required_capability_exception.php": """<?php
namespace core\\exception;
class required_capability_exception extends moodle_exception {
    public function __construct($context, $capability, $errormessage) {
        parent::__construct($errormessage, '');
    }
}
""",
    "lib/lib.php": """<?php
function require_it($context) { throw new required_capability_exception($context, 'x', 'nope'); }
function unused() { throw new moodle_exception('neverreached'); }
""",
    "mod/x/db/services.php": """<?php
$functions = [
    'mod_x_view' => ['classname' => 'mod_x_external', 'methodname' => 'view', 'type' => 'read'],
    'mod_x_save' => array('classname' => \\mod_x\\external\\save::class),
    'mod_x_gone' => ['classname' => 'mod_x\\\\external\\\\gone'],
];
$services = ['a' => ['functions' => ['mod_x_view']]];
""",
    "mod/x/classes/external.php": """<?php
use core\\exception\\moodle_exception as problem;
class mod_x_external extends external_api {
    public static function view($id) {
        if (!$id) { throw new problem('incorrectid', 'mod_x'); }
        if ($id > 9) { throw new problem('This is a sentence.'); }
        require_it($id);
        self::read($id);
        $warnings[] = ['item' => 'x', 'warningcode' => 'closed'];
    }
    private static function read($id) { $code = $id ? 'one' : 'two'; throw new problem($code); }
}
""",
    "mod/x/classes/external/save.php": """<?php
namespace mod_x\\external;
class failure extends \\moodle_exception {
    public function __construct() { parent::__construct('ownfailure'); }
}
class save extends \\external_api {
    use helper;
    public static function execute() { (new \\mod_x\\store())->keep(); throw new failure(); }
}
""",
    "mod/x/classes/store.php": """<?php
namespace mod_x;
class store {
    public function keep() { print_error('notkept'); $w['warningcode'] = 'half'; $this->more(); }
    private function more() { throw new \\moodle_exception($this->code()); }
    private function code() { return 'unseen'; }
}
""",
    "mod/x/tests/x_test.php": "<?php throw new moodle_exception('onlyintests');",
}


@pytest.fixture
def moodle(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path


def test_external_functions_are_those_that_a_component_declares(moodle: Path) -> None:
    assert dict(external_functions(moodle)) == {
        "mod_x_view": "mod_x_external::view",
        "mod_x_save": "mod_x\\external\\save::execute",
        "mod_x_gone": "mod_x\\external\\gone::execute",
    }


def test_what_functions_throw_is_found_with_where_and_from_which(
    moodle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(moodle)
    printed = capsys.readouterr()
    assert [line.split("\t") for line in printed.out.splitlines()] == snapshot(
        [
            ["closed", "a warning", "mod/x/classes/external.php:9", "mod_x_view"],
            ["half", "a warning", "mod/x/classes/store.php:4", "mod_x_save"],
            ["incorrectid", "moodle_exception", "mod/x/classes/external.php:5", "mod_x_view"],
            ["nope", "required_capability_exception", "lib/lib.php:2", "mod_x_view"],
            ["notkept", "moodle_exception", "mod/x/classes/store.php:4", "mod_x_save"],
            ["one", "moodle_exception", "mod/x/classes/external.php:11", "mod_x_view"],
            ["ownfailure", "failure", "mod/x/classes/external/save.php:8", "mod_x_save"],
            ["two", "moodle_exception", "mod/x/classes/external.php:11", "mod_x_view"],
        ]
    )
    assert printed.err == snapshot(
        "9 errorcodes, 1 of them sentences that are left out; functions whose code was not found: mod_x_gone (mod_x\\external\\gone::execute), webservice/rest/server.php (webservice_rest_server::run), webservice/upload.php (webservice/upload.php), webservice/pluginfile.php (webservice/pluginfile.php), login/token.php (login/token.php), lib/setup.php (lib/setup.php)\n"
    )
