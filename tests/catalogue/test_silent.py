"""What Moodle accepts silently: every observed case can be known somehow, or is told."""

from __future__ import annotations

from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.lookups import Lookups
from moodle_mcp.catalogue.model import Function, ListOf, Node, Object
from moodle_mcp.catalogue.refusals import Refusals, Refused, refused_by
from moodle_mcp.catalogue.silent import Silent, silent_cases

CATALOGUE = load()


def node_at(function: Function, path: str) -> Node | None:
    """The node at a path of a check, within an item or among the other arguments."""
    items = function.batching.items if function.batching else ()
    roots: list[Node] = [function.params]
    for name in items:
        child = function.params.keys.get(name)
        if isinstance(child, ListOf):
            roots.append(
                child.item if isinstance(child.item, Object) else Object({name: child.item})
            )
    for root in reversed(roots):
        node: Node | None = root
        for step in path.split("."):
            if isinstance(node, ListOf):
                node = node.item
            node = node.keys.get(step.removesuffix("[]")) if isinstance(node, Object) else None
        if node is not None:
            return node
    return None


def test_every_observed_case_is_covered_once() -> None:
    silent = Silent()
    for function, cases in silent_cases().items():
        covered = list(silent[function].cases)
        assert sorted(covered) == sorted(case.case for case in cases), function
    assert set(silent) == set(silent_cases())


def test_the_paths_of_checks_exist() -> None:
    silent = Silent()
    wrong: list[str] = []
    for name in silent:
        function = CATALOGUE.get(name)
        for check in silent[name].checks:
            paths = [*check.owner, *check.value, *check.lacking, check.given, *dict(check.where)]
            for path in filter(None, paths):
                if path.split(".")[0] in ("answer", "caller", "option"):
                    continue
                if node_at(function, path) is None:
                    wrong.append(f"{name}: {path}")
            wrong += [f"{name}: {key}" for key in check.keys if node_at(function, key) is None]
    assert wrong == []


def test_lookups_and_refusals_name_functions_of_the_catalogue() -> None:
    reads = [name for name in CATALOGUE if Lookups().get(name)]
    assert reads
    assert all(CATALOGUE.get(name).reads_only for name in reads)
    refusing = [name for name in CATALOGUE if Refusals().of(name)]
    assert not any(CATALOGUE.get(name).is_transaction for name in refusing)


def test_a_refusal_may_end_a_sentence() -> None:
    refusals = Refusals().of("core_courseformat_create_module")
    assert refused_by(refusals, "Module page does not support quick creation") is Refused.BEFORE
    assert refused_by(refusals, "Module page") is None
