"""What a search for functions finds, and in which order."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.loading import load
from moodle_mcp.catalogue.model import Function, FunctionText
from moodle_mcp.catalogue.search import Index
from tests.support.serving import policy

REQUESTS: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent.parent / "data" / "search-requests.toml").read_text("utf-8")
)
"""Requests by the part of the benchmark, each with the functions that are right answers."""

CATALOGUE = load()
ALLOWED = [function for name in CATALOGUE if policy("all").allows(function := CATALOGUE.get(name))]
INDEX = Index(ALLOWED)


def names(query: str, limit: int = 10) -> list[str]:
    return [found.function.name for found in INDEX.search(query, limit)]


def shares(requests: list[dict[str, Any]]) -> dict[str, int]:
    """How many requests have a right function first, and how many among the first three."""
    ranks = [
        min((rank for rank, name in enumerate(names(each["request"], 3), 1) if name in each["functions"]), default=9)
        for each in requests
    ]  # fmt: skip
    return {"first": ranks.count(1), "first three": sum(rank <= 3 for rank in ranks), "of": len(ranks)}  # fmt: skip


def test_every_right_answer_of_the_benchmark_can_be_found() -> None:
    allowed = {function.name for function in ALLOWED}
    asked = [each for part in REQUESTS.values() for each in part]
    assert len({each["request"] for each in asked}) == len(asked) == 89
    assert {name for each in asked for name in each["functions"]} <= allowed


def test_requests_of_the_tuning_part() -> None:
    assert shares(REQUESTS["tuning"]) == snapshot({"first": 38, "first three": 44, "of": 45})


def test_requests_that_were_held_out() -> None:
    assert shares(REQUESTS["held_out"]) == snapshot({"first": 33, "first three": 38, "of": 44})


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("enrol users in a course", "enrol_manual_enrol_users"),
        ("enrolled users of a course", "core_enrol_get_enrolled_users"),
        ("remove a student from a course", "enrol_manual_unenrol_users"),
        ("mark an essay", "mod_assign_save_grade"),
        ("delte a course", "core_course_delete_courses"),
        ("asignment submisions", "mod_assign_get_submissions"),
        ("core_course_get_contents", "core_course_get_contents"),
        ("mod_assign_get_submission_status", "mod_assign_get_submission_status"),
    ],
)
def test_what_comes_first(query: str, first: str) -> None:
    assert names(query)[0] == first


def test_every_function_that_is_called_by_its_name_comes_first() -> None:
    for each in ALLOWED:
        assert names(f"use {each.name} for it", 1) == [each.name]


def test_words_that_say_nothing_change_nothing() -> None:
    assert names("in a the of to") == names("") == []
    assert names("please show me all the grades of the students") == names(
        "show grades of students"
    )


FOREIGN = """
Alle Teilnehmer im Kurs anzeigen|Forum Beiträge lesen|Test Ergebnisse|Quiz öffnen|Noten der Studierenden
Kategorie verschieben|Nachricht an alle senden|Gruppe anlegen|Badge vergeben|Kohorte anlegen|Dateien hochladen
crear usuario|crear grupo|calificaciones de un estudiante|foro noticias|mensajes sin leer|plan de aprendizaje
inscribir usuarios en un curso|cohortes|notas del examen|enviar mensaje|cambiar curso|ver eventos del calendario
liste des participants|note d'un étudiant|créer un cours|messages non lus|groupe du cours|rendre un devoir
utenti del corso|corsi|elimina|voti dello studente|cursus bekijken|deelnemers|cijfers|kalender
"""


@pytest.mark.parametrize("query", FOREIGN.strip().replace("\n", "|").split("|"))
def test_words_of_another_language_put_no_deletion_first(query: str) -> None:
    found = INDEX.search(query, 1)
    assert not found or "delete" not in found[0].function.name
    assert not found or found[0].function.classification.access is not Access.DESTRUCTIVE


def made(name: str, access: Access = Access.READ, **more: Any) -> Function:
    return Function(name, classification=Classification(access), **more)


def ranked(query: str, *functions: Function) -> list[str]:
    return [found.function.name for found in Index(functions).search(query, 9)]


PURGE = made("local_shop_purge_orders", Access.DESTRUCTIVE)
ORDERS = made("local_shop_get_order_records")


def test_a_destructive_function_is_first_only_if_its_verb_is_asked_for() -> None:
    assert ranked("shop orders", PURGE, ORDERS) == [ORDERS.name, PURGE.name]
    assert ranked("purge orders", PURGE, ORDERS)[0] == PURGE.name


def test_a_deprecated_function_comes_after_its_like() -> None:
    old = made("local_shop_get_orders", deprecated=True)
    assert ranked("shop orders", old, ORDERS) == [ORDERS.name, old.name]
    assert ranked("shop orders", replace(old, deprecated=False), ORDERS)[0] == old.name


def test_a_read_comes_after_a_change_that_is_asked_for() -> None:
    text = FunctionText("Change orders: update their lines.")
    read = made("local_shop_get_order_update", text=text)
    change = made("local_shop_update_order_lines_of_orders", Access.WRITE)
    assert ranked("update orders", read, change)[0] == change.name
    assert ranked("order updates", read, change)[0] == read.name


def test_a_verb_counts_little_without_its_object() -> None:
    wrong = made("local_shop_create_orders", Access.WRITE)
    right = made("mod_page_get_pages")
    assert ranked("create a page", wrong, right)[0] == right.name
