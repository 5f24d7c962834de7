"""The cache of long answers: entries, sizes and expiry."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.errors import CallError
from moodle_mcp.presentation.page_cache import KEPT_BYTES, KEPT_SECONDS, PageCache, Rest
from moodle_mcp.store.memory import MemoryStore


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def missing(cache: PageCache, cursor: str) -> dict[str, object]:
    with pytest.raises(CallError) as error:
        await cache.read(cursor)
    return error.value.fault.report()


async def test_a_page_can_be_read_again() -> None:
    cache = PageCache(MemoryStore(), "ann")
    assert await cache.keep("a1", Rest("core_x", {"1": b"{}"}))
    assert [await cache.read("a1-1") for _ in range(2)] == [b"{}"] * 2


async def test_an_expired_cursor_says_how_to_ask_again() -> None:
    clock = Clock()
    cache = PageCache(MemoryStore(clock), "ann")
    await cache.keep("a1", Rest("core_course_get_courses", {"1": b"{}"}))
    clock.now = KEPT_SECONDS + 1
    assert await missing(cache, "a1-1") == snapshot(
        {
            "kind": "not_found",
            "message": "The rest of this answer of core_course_get_courses is no longer kept: it was not read for 30 minutes, or newer answers have replaced it.",
            "hint": "Call core_course_get_courses again with the same arguments; fewer `_fields` make the answer shorter.",
            "function": "core_course_get_courses",
            "retryable": False,
            "written": "nothing",
        }
    )


async def test_reading_keeps_the_rest_for_longer() -> None:
    clock = Clock()
    cache = PageCache(MemoryStore(clock), "ann")
    await cache.keep("a1", Rest("core_x", {"1": b"{}"}))
    for _ in range(3):
        clock.now += KEPT_SECONDS * 0.9
        await cache.read("a1-1")


@pytest.mark.parametrize("cursor", ["", "a1", "a1-9", "b2-1", "x" * 10_000])
async def test_what_never_was_a_cursor_is_refused(cursor: str) -> None:
    cache = PageCache(MemoryStore(), "ann")
    await cache.keep("a1", Rest("core_x", {"1": b"{}"}))
    assert (await missing(cache, cursor))["kind"] == "invalid_arguments"


async def test_the_oldest_answers_are_evicted() -> None:
    cache = PageCache(MemoryStore(), "ann")
    for number in ("a", "b", "c"):
        assert await cache.keep(number, Rest("core_x", {"1": b"x" * (KEPT_BYTES // 3)}))
    assert (await missing(cache, "a-1"))["kind"] == "not_found"
    assert await cache.read("c-1") == b"x" * (KEPT_BYTES // 3)


async def test_an_answer_longer_than_all_that_may_be_kept_is_not_kept() -> None:
    cache = PageCache(MemoryStore(), "ann")
    assert not await cache.keep("a", Rest("core_x", {"1": b"x" * KEPT_BYTES}))


async def test_nobody_reads_anothers_pages() -> None:
    store = MemoryStore()
    assert await PageCache(store, "ann").keep("a1", Rest("core_x", {"1": b"{}"}))
    assert (await missing(PageCache(store, "bob"), "a1-1"))["kind"] == "invalid_arguments"


@given(st.dictionaries(st.text(min_size=1), st.binary(), min_size=1))
async def test_every_page_comes_back_as_it_was_kept(pages: dict[str, bytes]) -> None:
    cache = PageCache(MemoryStore(), "ann")
    await cache.keep("a1", Rest("core_x", pages))
    assert {name: await cache.read(f"a1-{name}") for name in pages} == pages
