"""What a search for functions finds, and in which order."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.catalogue.classification import Access, Classification
from moodle_mcp.catalogue.glossary import LANGUAGES
from moodle_mcp.catalogue.loading import every_name, load
from moodle_mcp.catalogue.model import Function, FunctionText
from moodle_mcp.catalogue.said import said_of_functions, unavailable
from moodle_mcp.catalogue.search import Index
from moodle_mcp.catalogue.search_words import DATA, plain_words, stemmer
from tools.search.labelled import allowed_functions, rank, requests

CATALOGUE = load()

ALLOWED = allowed_functions()
INDEX = Index(ALLOWED)
REQUESTS = requests()

REACHED: dict[str, tuple[float, float]] = {
    "tuned": (0.96, 0.98),
    "held-out": (0.92, 0.96),
    "older tuning": (0.94, 0.95),
    "older held_out": (0.86, 0.93),
    "impossible": (0.99, 0.99),
    "other-languages": (0.91, 0.96),
    "german": (0.95, 0.96),
    "spanish": (0.95, 0.96),
    "french": (0.95, 0.96),
    "portuguese": (0.95, 0.96),
    "italian": (0.95, 0.96),
}
"""By the set of requests, the least that is asked for: the mean reciprocal rank, and the share
that has a right answer among the first three. Just below what is reached.
"""


def names(query: str, limit: int = 10) -> list[str]:
    return [each.name for each in INDEX.search(query, limit).functions]


def test_every_right_answer_of_the_benchmark_can_be_found() -> None:
    targets = {each.name for each in ALLOWED} | {f"!{each.name}" for each in unavailable()}
    asked = [each for part in REQUESTS.values() for each in part]
    assert {name for each in asked for name in each.answers} <= targets
    assert {name: len(part) for name, part in REQUESTS.items()} == snapshot(
        {
            "french": 30,
            "german": 30,
            "held-out": 108,
            "impossible": 20,
            "italian": 30,
            "other-languages": 32,
            "portuguese": 30,
            "spanish": 30,
            "tuned": 108,
            "older tuning": 45,
            "older held_out": 44,
        }
    )


@pytest.mark.parametrize("part", REACHED)
def test_the_benchmark_is_answered_as_well_as_before(part: str) -> None:
    ranks = [rank(INDEX, request, 10) for request in REQUESTS[part]]
    reciprocal = fmean(1 / each if each else 0.0 for each in ranks)
    three = fmean(each is not None and each <= 3 for each in ranks)
    least = REACHED[part]
    assert reciprocal >= least[0]
    assert three >= least[1]


def test_each_function_has_words_that_people_say() -> None:
    said = said_of_functions()
    assert set(said) <= set(every_name())
    assert {each.name for each in ALLOWED} <= set(said)
    assert all(expression.strip() for each in said.values() for expression in each.expressions)


def test_every_entry_of_what_no_function_does_names_functions_that_there_are() -> None:
    for each in unavailable():
        assert each.said
        assert set(each.instead) <= set(CATALOGUE)


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
    deletions = ("delete", "remove", "unenrol")
    found = names(query, 1)
    assert not any(word in name for name in found for word in deletions)


def made(name: str, access: Access = Access.READ, **more: Any) -> Function:
    return Function(name, classification=Classification(access), **more)


def ranked(query: str, *functions: Function) -> list[str]:
    return [each.name for each in Index(functions).search(query, 9).functions]


PURGE = made("local_shop_purge_orders", Access.DESTRUCTIVE)
ORDERS = made("local_shop_get_order_records")


def test_a_deletion_is_shown_only_where_a_verb_asks_for_one() -> None:
    assert ranked("shop orders", PURGE, ORDERS) == [ORDERS.name]
    assert ranked("purge orders", PURGE, ORDERS)[0] == PURGE.name
    assert ranked("delete orders", PURGE, ORDERS)[0] == ORDERS.name
    assert PURGE.name in ranked(f"describe {PURGE.name}", PURGE, ORDERS)


@pytest.mark.parametrize(
    "query", ["course", "delete", "remove", "elimina", "grades", "users", "essay", "löschen"]
)
def test_one_weak_word_shows_nothing_destructive(query: str) -> None:
    found = INDEX.search(query, 50).functions
    assert [f.name for f in found if f.classification.access is Access.DESTRUCTIVE] == []


def test_whoever_takes_a_person_off_a_course_is_shown_no_other_deletion() -> None:
    found = INDEX.search("take someone off a course", 10).functions
    assert found[0].name == "enrol_manual_unenrol_users"
    assert [f.name for f in found[1:] if f.classification.access is Access.DESTRUCTIVE] == snapshot(
        ["tool_dataprivacy_approve_data_request"]
    )


def test_what_no_function_does_is_said_with_what_helps() -> None:
    answer = INDEX.search("make a page or a quiz", 10).not_possible(1)
    assert [(each.name, each.instead) for each in answer] == snapshot(
        [("create_activity", ("core_course_duplicate_course", "core_course_import_course"))]
    )
    assert INDEX.search("start a quiz", 10).not_possible(3) == []


def test_an_entry_of_what_no_function_does_goes_where_a_function_does_it() -> None:
    marks = made("mod_attendance_add_session", Access.WRITE)
    query = "take attendance"
    assert Index([ORDERS]).search(query, 5).not_possible(1)[0].name == "attendance"
    assert Index([ORDERS, marks]).search(query, 5).not_possible(5) == []


@pytest.mark.parametrize(
    ("query", "language", "english"),
    [
        ("Schüler in Kurs einschreiben", "german", snapshot("student course enrol")),
        ("FRISTVERLÄNGERUNG für den Aufsatz", "german", snapshot("extension")),
        ("matricular a un alumno", "spanish", snapshot("enrol student")),
        ("mes notes", "french", snapshot("my grade")),
        ("criar um grupo", "portuguese", snapshot("create group")),
        ("chi c'è nel mio corso", "italian", snapshot("who is in my course")),
    ],
)
def test_another_language_is_put_into_english(query: str, language: str, english: str) -> None:
    translation = INDEX.search(query, 1).translation
    assert translation is not None
    assert (translation.language, translation.english) == (language, english)


@pytest.mark.parametrize("query", ["show my grades", "delte a cuorse", "note about a student", ""])
def test_english_is_left_as_it_is(query: str) -> None:
    assert INDEX.search(query, 1).translation is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_list_has_every_word_once_and_only_english_words_that_are_known(
    language: str,
) -> None:
    file = DATA / "glossary" / f"{language}.tsv"
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    words = [word for word, _ in rows]
    assert len(words) == len(set(words)) > 250
    meanings = {english for _, english in rows if english}
    alone = {each for each in meanings if not INDEX.search(each, 1).found}
    assert alone <= {"give", "certificate"}


@given(st.text())
def test_any_text_is_searched_without_a_fault(query: str) -> None:
    assert len(INDEX.search(query, 5).found) <= 5


def test_no_word_is_so_long_that_looking_for_its_stem_and_parts_takes_long() -> None:
    assert max(map(len, plain_words("ab1" * 1_000 + " " + "é" * 1_000))) == 40
    assert INDEX.search("x" * 1_000, 5).found == []


def test_words_that_were_asked_before_fill_no_memory() -> None:
    stem = stemmer("german")
    for number in range(10_001):
        stem(f"wort{number}")
    assert cast("Any", stem).cache_info().currsize == 10_000


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
