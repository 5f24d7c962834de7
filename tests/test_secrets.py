"""A secret argument appears in no output, whatever the site echoes, for every function."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from mcp import Client
from mcp_types import ElicitResult

from moodle_mcp.caller.caller import Caller
from moodle_mcp.catalogue.arguments import ArgumentChecker
from moodle_mcp.catalogue.loading import RELEASES, load
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object, Value
from moodle_mcp.catalogue.param_types import rule_of
from moodle_mcp.cli.main import main
from moodle_mcp.errors import CallError
from moodle_mcp.redaction.names import PAIR_NAMES, is_secret_name
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.site.session import SiteSession
from tests.support.echoing import PLACES, TOKEN, EchoingSite, echoing_site
from tests.support.serving import connection, context_of, no_wait, policy, server_for

pytestmark = pytest.mark.anyio

SECRET = "Gr8Wolkenbruch77"
_TRIED = ("x", "en", "manual", "mod_forum", "a@b.example", "https://a.example/", "1", "US", "/")


def _text(value: Value) -> str:
    rule = rule_of(value.type)
    return next((each for each in _TRIED if rule is None or rule.accepts(each)), "x")


def _is_pair(keys: dict[str, Node]) -> bool:
    return "value" in keys and any(
        isinstance(node := keys.get(name), Value) and node.type != "int" for name in PAIR_NAMES
    )


def _filled(node: Node, secret: bool = False) -> Any:
    """Return a value for a node, in which every secret is `SECRET`."""
    match node:
        case Value("int"):
            return 5
        case Value("float"):
            return 0.5
        case Value("bool"):
            return True
        case Value():
            return SECRET if secret else _text(node)
        case ListOf():
            return [_filled(node.item, secret)]
        case Object(keys):
            if _is_pair(dict(keys)):
                name = next(each for each in PAIR_NAMES if each in keys)
                others = {key: _filled(child) for key, child in keys.items()}
                return others | {name: "quizpassword", "value": SECRET}
            return {
                key: _filled(child, is_secret_name(key))
                for key, child in keys.items()
                if child.presence == "required" or _has_secret(key, child)
            }


def _has_secret(key: str, node: Node) -> bool:
    match node:
        case Value():
            return is_secret_name(key) and node.type not in ("int", "bool", "float")
        case ListOf():
            return _has_secret(key, node.item)
        case Object(keys):
            inside = any(_has_secret(name, child) for name, child in keys.items())
            return inside or _is_pair(dict(keys))


def with_secrets() -> Iterator[tuple[Function, dict[str, Any]]]:
    for name in (catalogue := load(RELEASES[-1])):
        function = catalogue.get(name)
        if any(_has_secret(key, node) for key, node in function.params.keys.items()):
            yield function, _filled(function.params)


CALLS = list(with_secrets())


def test_the_functions_that_take_secrets_are_found() -> None:
    names = {function.name for function, _ in CALLS}
    assert len(names) > 50
    assert {
        "core_user_create_users",
        "core_group_create_groups",
        "mod_quiz_start_attempt",
        "tool_mobile_get_autologin_key",
        "core_user_set_user_preferences",
    } <= names


@pytest.mark.parametrize(
    "value", [f" {SECRET}\0!", f"{SECRET} <b>", 77_123_456_789**3, f'[{{"password": "{SECRET}']
)
def test_no_secret_is_in_what_is_said_of_wrong_arguments(value: Any) -> None:
    checker = ArgumentChecker()
    refused = 0
    for function, arguments in CALLS:
        try:
            checker.check(function, _replaced(arguments, value))
        except CallError as error:
            refused += 1
            said = json.dumps(error.fault.report())
            assert leaks(said) == [], said
            assert "77123456789" not in said
            assert str(77_123_456_789**3) not in said
    assert refused > 5


def _replaced(value: Any, by: Any) -> Any:
    match value:
        case dict():
            pairs = cast("dict[str, Any]", value)
            return {key: _replaced(child, by) for key, child in pairs.items()}
        case list():
            return [_replaced(child, by) for child in cast("list[Any]", value)]
        case _:
            return by if value == SECRET else value


@pytest.fixture(params=PLACES)
def site(request: pytest.FixtureRequest) -> Iterator[EchoingSite]:
    with echoing_site([function.name for function, _ in CALLS]) as site:
        site.place = request.param
        yield site


def app(site: EchoingSite, audit: Path) -> UserContext:
    client = SiteSession(connection(site.url, TOKEN))
    every = "all," + ",".join(function.name for function, _ in CALLS)
    return context_of(client, Caller(client, sleep=no_wait), policy(every), audit=Audit(str(audit)))


def leaks(*texts: str) -> list[str]:
    """The secrets that are in any of the texts, in any case."""
    whole = "\n".join(texts).lower()
    return [secret for secret in (SECRET, TOKEN) if secret.lower() in whole]


async def test_no_secret_comes_back_through_the_server(
    site: EchoingSite,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    async def agree(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    caplog.set_level(logging.DEBUG, "moodle_mcp")
    audit = tmp_path / "audit"
    reached = 0
    own = app(site, audit)
    async with Client(server_for(own), elicitation_callback=agree) as client:
        for function, arguments in CALLS:
            before = len(site.requests)
            for more in ({}, {"_dry_run": True}):
                result = await client.call_tool(function.name, arguments | more)
                assert leaks(result.model_dump_json()) == [], (function.name, result)
            reached += len(site.requests) > before
        listed = await client.list_tools()
        assert leaks(listed.model_dump_json()) == []
    await own.aclose()
    # The others are refused: they take few names for a value, none of which is a secret's.
    assert reached >= 50
    assert asked
    out, err = capfd.readouterr()
    assert leaks(out, err, caplog.text, audit.read_text(), *asked) == []


def environment(site: EchoingSite) -> dict[str, str]:
    return {
        "MOODLE_URL": site.url,
        "MOODLE_TOKEN": TOKEN,
        "MOODLE_MCP_TOOLS": "all," + ",".join(function.name for function, _ in CALLS),
        "MOODLE_MCP_ACCESS": "destructive",
        "MOODLE_MCP_LOG_LEVEL": "debug",
    }


@pytest.mark.usefixtures("own_log")
@pytest.mark.parametrize(
    "command",
    [["check"], ["check", "--json"], ["check", "--report"], ["tools"], ["catalogue", "probe"]],
    ids=" ".join,
)
def test_what_the_commands_say_of_a_site_is_without_the_token(
    site: EchoingSite, command: list[str]
) -> None:
    ran = CliRunner().invoke(main, command, env=environment(site))
    assert site.requests
    assert ran.output
    assert leaks(ran.output, ran.stderr) == []


BATCHES = [
    (function, arguments)
    for function, arguments in CALLS
    if function.batching is not None
    and len(function.batching.items) == 1
    and SECRET in json.dumps(arguments[function.batching.items[0]])
]


@pytest.mark.usefixtures("own_log")
def test_no_secret_comes_back_through_the_command_line(site: EchoingSite, tmp_path: Path) -> None:
    assert BATCHES
    settings = environment(site)
    runner = CliRunner()
    for function, arguments in BATCHES:
        name = function.name
        assert function.batching is not None
        [items] = function.batching.items
        others = {key: value for key, value in arguments.items() if key != items}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(arguments[items] * 3), encoding="utf-8")
        before = len(site.requests)
        for command in (
            ["call", name, json.dumps(arguments)],
            ["call", name, json.dumps(arguments), "--dry-run"],
            ["call", name, json.dumps(others), "--items", str(path), "--on-error", "isolate"],
            ["call", name, json.dumps(others), "--items", str(path), "--on-error", "continue"],
            ["call", name, json.dumps({**arguments, items: 5})],
            ["call", name, json.dumps({**arguments, items: json.dumps(arguments[items])[:-1]})],
        ):
            ran = runner.invoke(main, command, env=settings)
            assert not isinstance(ran.exception, Exception) or ran.exit_code == 1, ran.exception
            assert leaks(ran.output, ran.stderr) == [], command
        assert len(site.requests) > before
        result = tmp_path / f"{name}.json.result.jsonl"
        if result.exists():
            assert leaks(result.read_text(encoding="utf-8")) == []
