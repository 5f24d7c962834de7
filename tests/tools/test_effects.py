"""Side effects of reads: the tables of effects and verdicts, and the search on a small tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access, Classifications
from moodle_mcp.catalogue.loading import load
from tools.effects import tables
from tools.effects.search import Search
from tools.moodle_source.calls import Calls
from tools.moodle_source.tree import Tree

ROOT = Path(__file__).parents[2]
FOUND = [each for each in tables.found() if each.kind != "none"]
TABLE = Classifications()

SAID = {
    "mistaken": "the calls do not go there, or not in a web service",
    "local": "it reads files of the site itself",
    "repair": "it puts right what is missing or broken",
    "default": "it makes an empty or default record",
    "due": "it does what was due",
    "own": "it keeps or forgets a preference of the caller's",
    "draft": "it copies files into the caller's draft area",
    "configured": "it asks a server that an administrator has set up",
    "fetches": "it asks addresses of others",
}


def test_every_place_that_was_found_has_one_verdict() -> None:
    said = [(found, [each for each in tables.verdicts() if each.covers(found)]) for found in FOUND]
    assert [found for found, verdicts in said if len(verdicts) != 1] == []


def test_every_verdict_is_of_a_place_that_was_found_and_has_a_reason() -> None:
    for each in tables.verdicts():
        assert each.verdict in SAID
        assert each.reason
        assert any(each.covers(found) for found in FOUND), each


def test_every_read_of_every_release_was_followed() -> None:
    followed = {function for each in tables.found() for function in each.functions}
    reads = {name for name in TABLE if TABLE[name].access is Access.READ}
    assert reads - followed == set(tables.not_followed())
    assert not set(tables.not_followed()) & set(load("4.5"))


def test_what_fetches_is_allowed_by_its_full_name_only() -> None:
    fetching = [each for each in tables.verdicts() if each.verdict == "fetches"]
    functions = {
        function
        for found in FOUND
        if any(each.covers(found) for each in fetching)
        for function in found.functions
    }
    marked = {name for name in TABLE if "fetches" in TABLE[name].flags}
    assert functions == marked
    assert all(TABLE[name].by_full_name_only for name in marked)


def test_no_read_sends_mail_or_changes_a_setting_but_for_what_was_due_or_missing() -> None:
    kinds = {each.verdict for each in tables.verdicts() if each.kind in ("mail", "settings")}
    assert kinds <= {"due", "repair", "default", "mistaken"}


def test_every_verdict_that_somebody_may_notice_is_in_the_limits() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    for verdict in SAID.keys() - {"mistaken", "local"}:
        assert f"({verdict})" in page


FILES = {
    "lib/dml.php": """<?php
abstract class moodle_database { public function insert_record($t, $r) {} public function get_record($t) {} }
function set_config($name, $value) { global $DB; $DB->insert_record('config', $name); }
function component_callback($component, $name) {}
""",
    "lib/things.php": """<?php
namespace core;
abstract class thing {
    public static function make(): static { return new static(); }
    public function show() { return $this->content(); }
    abstract protected function content();
}
class curl { public function get($url) {} }
class_alias(curl::class, \\curl::class);
""",
    "mod/x/lib.php": """<?php
function x_page_shown() { global $DB; $DB->insert_record('x_shown', 1); }
function x_other() { set_config('never', 1); }
""",
    "mod/x/db/events.php": """<?php
$observers = [['eventname' => '\\mod_x\\event\\seen', 'callback' => '\\mod_x\\watcher::seen']];
""",
    "mod/x/classes/all.php": """<?php
namespace mod_x;
use core\\thing;
class watcher { public static function seen($event) { set_config('seen', 1); } }
class feed extends thing {
    /** @var \\curl */
    private $curl;
    protected function content() { return $this->curl->get('http://example.org'); }
}
class plain extends thing { protected function content() { return ''; } }
class external {
    public static function shows() { return feed::make()->show(); }
    public static function plain() { return plain::make()->show(); }
    public static function logs() { event\\seen::create([])->trigger(); }
    public static function calls_back() { component_callback('mod_x', 'page_shown'); }
    public static function cut() { hidden(); }
    /** @param feed[] $feeds */
    public static function lists($feeds) { foreach ($feeds as $feed) { $feed->show(); } }
    public static function named() { $function = 'x' . '_page_shown'; $function(); }
}
function hidden() { set_config('hidden', 1); }
""",
}


@pytest.fixture
def search(tmp_path: Path) -> tuple[Search, Calls]:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    tree = Tree(tmp_path)
    calls = Calls(tree, tmp_path)
    return Search(tree, calls, ["mod_x\\hidden"]), calls


def test_effects_are_found_through_classes_events_and_callbacks(
    search: tuple[Search, Calls],
) -> None:
    finder, calls = search
    found: dict[str, list[tuple[str, str]]] = {}
    for method in ("shows", "plain", "logs", "calls_back", "cut", "lists", "named"):
        start = calls.start(f"mod_x\\external::{method}")
        assert start is not None
        found[method] = [(each.kind, " > ".join(each.chain[1:])) for each in finder.effects(start)]
    assert found == snapshot(
        {
            "shows": [("fetch", "core\\thing::show > mod_x\\feed::content")],
            "plain": [],
            "logs": [("settings", "mod_x\\watcher::seen")],
            "calls_back": [("database", "x_page_shown")],
            "cut": [],
            "lists": [("fetch", "core\\thing::show > mod_x\\feed::content")],
            "named": [("database", "x_page_shown")],
        }
    )
