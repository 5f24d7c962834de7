"""What is kept of long answers, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError
from moodle_mcp.presentation.page_cache import KEPT_SECONDS, Kept, Shelf


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def missing(shelf: Shelf, cursor: str) -> dict[str, object]:
    with pytest.raises(CallError) as error:
        shelf.read(cursor)
    return error.value.fault.report()


def test_a_page_can_be_read_again() -> None:
    shelf = Shelf()
    assert shelf.keep("a1", Kept("core_x", {"1": b"{}"}))
    assert [shelf.read("a1-1") for _ in range(2)] == [("core_x", b"{}")] * 2


def test_an_expired_cursor_says_how_to_ask_again() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    shelf.keep("a1", Kept("core_course_get_courses", {"1": b"{}"}))
    clock.now = KEPT_SECONDS + 1
    assert missing(shelf, "a1-1") == snapshot(
        {
            "kind": "not_found",
            "message": "The rest of this answer of core_course_get_courses is no longer kept: it has not been read for 30 minutes, or other answers needed the room.",
            "hint": "Call core_course_get_courses again with the same arguments; fewer `_fields` make the answer shorter.",
            "function": "core_course_get_courses",
            "retryable": False,
            "written": "nothing",
        }
    )


def test_reading_keeps_the_rest_for_longer() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    shelf.keep("a1", Kept("core_x", {"1": b"{}"}))
    for _ in range(3):
        clock.now += KEPT_SECONDS * 0.9
        shelf.read("a1-1")


@pytest.mark.parametrize("cursor", ["", "a1", "a1-9", "b2-1", "x" * 10_000])
def test_what_never_was_a_cursor_is_refused(cursor: str) -> None:
    shelf = Shelf()
    shelf.keep("a1", Kept("core_x", {"1": b"{}"}))
    assert missing(shelf, cursor)["kind"] == "invalid_arguments"


def test_the_oldest_answers_make_place_for_new_ones() -> None:
    shelf = Shelf(most=100)
    for number in ("a", "b", "c"):
        assert shelf.keep(number, Kept("core_x", {"1": b"x" * 40}))
    assert missing(shelf, "a-1")["kind"] == "not_found"
    assert shelf.read("c-1")[0] == "core_x"


def test_an_answer_longer_than_all_that_may_be_kept_is_not_kept() -> None:
    assert not Shelf(most=100).keep("a", Kept("core_x", {"1": b"x" * 101}))
