"""What every store must do, tried on each of them."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moodle_mcp.store.base import Key, Kind, Store, StoreError, StoreLimits
from moodle_mcp.store.memory import MemoryStore
from moodle_mcp.store.redis import RedisStore
from moodle_mcp.store.sqlite import SqliteStore
from tests.support.redis_server import all_keys, needs_redis, redis_server

KIND = Kind("kind", seconds=60, most_entries=3, most_bytes=100)
KEY = Key("ann", KIND, "one")


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


Open: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as found:
        yield found.url


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=needs_redis)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    # Each test has keys of its own.
    name, opens = uuid4().hex, count()

    @asynccontextmanager
    async def opened(
        clock: Clock | None = None, limits: StoreLimits | None = None
    ) -> AsyncGenerator[Store]:
        clock, limits = clock or Clock(), limits or StoreLimits()
        if request.param == "memory":
            store: Store = MemoryStore(clock, limits)
        elif request.param == "redis":
            url = request.getfixturevalue("redis_url")
            store = RedisStore(url, f"{name}{next(opens)}", limits=limits, clock=clock)
        else:
            store = SqliteStore(tmp_path / "store.sqlite", clock, limits)
        try:
            yield store
        finally:
            await store.aclose()

    return opened


def named(name: str, *, owner: str = "ann", kind: Kind = KIND) -> Key:
    return Key(owner, kind, name)


def modes(folder: Path) -> set[int]:
    return {each.stat().st_mode & 0o777 for each in folder.iterdir()}


async def present(store: Store, *names: str) -> list[str]:
    return [name for name in names if await store.get(named(name)) is not None]


async def test_a_value_is_there_until_its_time_is_over(opened: Open) -> None:
    clock = Clock()
    async with opened(clock) as store:
        assert await store.get(KEY) is None
        assert await store.put(KEY, b"\0value")
        clock.now += 59.9
        assert await store.get(KEY) == b"\0value"
        clock.now += 0.1
        assert await store.get(KEY) is None
        assert await store.take(KEY) is None
        assert await store.swap(KEY, None, b"next")


async def test_an_empty_value_is_a_value(opened: Open) -> None:
    async with opened() as store:
        await store.put(KEY, b"")
        assert await store.get(KEY, extend=True) == b""
        assert await store.swap(KEY, b"", b"v")
        assert await store.swap(KEY, b"v", b"")
        assert await store.take(KEY) == b""
        assert await store.take(KEY) is None


async def test_a_value_that_is_read_with_extend_begins_its_time_again(opened: Open) -> None:
    clock = Clock()
    async with opened(clock) as store:
        await store.put(KEY, b"v")
        for _ in range(3):
            clock.now += 50
            assert await store.get(KEY, extend=True) == b"v"
        clock.now += 50
        assert await store.get(KEY) == b"v"
        clock.now += 50
        assert await store.get(KEY) is None


async def test_nobody_has_anothers_value_nor_one_of_another_kind(opened: Open) -> None:
    async with opened() as store:
        await store.put(KEY, b"v")
        for other in (
            named("one", owner="bob"),
            named("one", kind=replace(KIND, name="other")),
            named("two"),
        ):
            assert await store.get(other) is None
            assert await store.take(other) is None
            assert not await store.swap(other, b"v", b"w")
            assert await store.increment(other) == 1
        assert await store.get(KEY) == b"v"


@pytest.mark.parametrize("name", ["", "\0", "\ud83d", "é" * 10_000, "a'; DROP TABLE entries"])
async def test_a_name_may_be_any_text(opened: Open, name: str) -> None:
    async with opened() as store:
        assert await store.get(named(name)) is None
        assert await store.put(named(name, owner=name), b"v")
        assert await store.take(named(name, owner=name)) == b"v"


async def test_of_many_who_take_a_value_at_once_one_gets_it(opened: Open) -> None:
    async with opened() as store:
        await store.put(KEY, b"v")
        got: list[bytes | None] = []

        async def take() -> None:
            got.append(await store.take(KEY))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(take)
        assert got.count(b"v") == 1


async def test_of_many_who_swap_the_same_value_at_once_one_succeeds(opened: Open) -> None:
    async with opened() as store:
        await store.put(KEY, b"v")
        done: list[bool] = []

        async def swap(number: int) -> None:
            done.append(await store.swap(KEY, b"v", str(number).encode()))

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(swap, number)
        assert done.count(True) == 1
        assert not await store.swap(KEY, None, b"w")


async def test_a_count_begins_again_when_its_window_is_over(opened: Open) -> None:
    clock = Clock()
    async with opened(clock) as store:
        counts = [await store.increment(KEY), await store.increment(KEY)]
        clock.now += 59
        counts.append(await store.increment(KEY))
        clock.now += 1
        assert [*counts, await store.increment(KEY)] == [1, 2, 3, 1]


async def test_many_who_count_at_once_are_all_counted(opened: Open) -> None:
    async with opened() as store:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(store.increment, KEY)
        assert await store.increment(KEY) == 21


async def test_the_oldest_of_an_owner_are_evicted_and_no_others(opened: Open) -> None:
    async with opened() as store:
        await store.put(named("x", owner="bob"), b"v")
        for name in ("a", "b", "c"):
            await store.put(named(name), b"v")
        await store.get(named("a"), extend=True)
        await store.put(named("d"), b"v")
        assert await present(store, "a", "b", "c", "d") == ["a", "c", "d"]
        await store.put(named("e"), b"v" * 99)
        assert await present(store, "a", "b", "c", "d", "e") == ["d", "e"]
        assert await store.get(named("x", owner="bob")) == b"v"


async def test_the_oldest_of_all_are_evicted_when_all_keep_too_much(opened: Open) -> None:
    for limits in (StoreLimits(most_entries=2), StoreLimits(most_bytes=20)):
        async with opened(limits=limits) as store:
            for owner in ("ann", "bob", "eve"):
                await store.put(named("one", owner=owner), b"x" * 10)
            kept = [await store.get(named("one", owner=owner)) for owner in ("ann", "bob", "eve")]
            assert kept == [None, b"x" * 10, b"x" * 10]


async def test_a_value_larger_than_its_kind_is_not_kept_and_evicts_nothing(opened: Open) -> None:
    async with opened(limits=StoreLimits(most_bytes=90)) as store:
        await store.put(KEY, b"v")
        for size in (91, 101):
            assert not await store.put(named("two"), b"x" * size)
            assert not await store.swap(named("two"), None, b"x" * size)
        assert await present(store, "one", "two") == ["one"]


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["get", "extend", "put", "take", "swap", "increment", "wait"]),
        st.sampled_from("abcde"),
        st.integers(0, 60),
    ),
    max_size=40,
)


async def answers(operations: list[tuple[str, str, int]], store: Store, clock: Clock) -> list[Any]:
    """What a store answers to operations, one after the other."""
    found: list[Any] = []
    for what, name, number in operations:
        key = named(name)
        match what:
            case "get":
                found.append(await store.get(key))
            case "extend":
                found.append(await store.get(key, extend=True))
            case "put":
                found.append(await store.put(key, b"1" * number))
            case "take":
                found.append(await store.take(key))
            case "swap":
                found.append(await store.swap(key, b"1" * number if number else None, b"2"))
            case "increment":
                counter = replace(key, kind=replace(KIND, name="count"))
                found.append(await store.increment(counter))
            case _:
                clock.now += number
    await store.aclose()
    return found


@given(OPERATIONS)
def test_sqlite_answers_like_the_memory(operations: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Clock(), Clock()
        expected = anyio.run(answers, operations, MemoryStore(first), first)
        sqlite = SqliteStore(Path(folder) / "store.sqlite", second)
        assert anyio.run(answers, operations, sqlite, second) == expected


@needs_redis
@given(OPERATIONS)
def test_redis_answers_like_the_memory(
    redis_url: str, operations: list[tuple[str, str, int]]
) -> None:
    first, second = Clock(), Clock()
    expected = anyio.run(answers, operations, MemoryStore(first), first)
    store = RedisStore(redis_url, uuid4().hex, clock=second)
    assert anyio.run(answers, operations, store, second) == expected


@needs_redis
async def test_redis_keeps_nothing_of_what_has_gone(redis_url: str) -> None:
    clock = Clock()
    store = RedisStore(redis_url, "gone", clock=clock)
    for number in range(20):
        await store.put(named(f"{number}"), b"value")
    await store.take(named("19"))
    clock.now += 60
    await store.put(named("last"), b"v")
    await store.take(named("last"))
    assert all_keys(redis_url, "gone") == {
        "{moodle-mcp:gone}:number",
        "{moodle-mcp:gone}:bytes",
    }
    await store.aclose()


@needs_redis
async def test_redis_knows_owners_and_names_only_as_hashes(redis_url: str) -> None:
    store = RedisStore(redis_url, "private")
    await store.put(named("a-secret-name", owner="https://moodle.example 4"), b"v")
    kept = " ".join(all_keys(redis_url, "private"))
    assert "{moodle-mcp:private}:entry:kind:" in kept
    assert "a-secret-name" not in kept
    assert "moodle.example" not in kept
    await store.aclose()


@needs_redis
async def test_redis_may_go_and_come_back(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        store = RedisStore(server.url, "back")
        await store.put(KEY, b"v")
        server.stop()
        for operation in (
            store.get(KEY),
            store.take(KEY),
            store.swap(KEY, b"v", b"w"),
            store.increment(KEY),
        ):
            with pytest.raises(StoreError):
                await operation
        assert not await store.put(KEY, b"w")
        server.start()
        assert await store.get(KEY) == b"v"
        assert await store.take(KEY) == b"v"
        await store.aclose()


async def test_a_file_outlives_its_process_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    first, second = SqliteStore(path), SqliteStore(path)
    await first.put(KEY, b"v")
    assert await second.take(KEY) == b"v"
    assert await first.get(KEY) is None
    await first.put(KEY, b"w")
    if os.name != "nt":
        assert modes(tmp_path) == {0o600}
    await first.aclose()
    await second.aclose()
    again = SqliteStore(path)
    assert await again.get(KEY) == b"w"
    await again.aclose()


async def test_a_link_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="link"):
        SqliteStore(tmp_path / "link")
    assert not (tmp_path / "other").exists()


async def test_of_two_processes_that_take_a_value_at_once_one_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    stores = [SqliteStore(path) for _ in range(4)]
    got: list[bytes | None] = []

    async def take(store: SqliteStore, key: Key) -> None:
        got.append(await store.take(key))

    for number in range(25):
        key = named(f"{number}")
        await stores[0].put(key, b"v")
        async with anyio.create_task_group() as tasks:
            for store in stores:
                tasks.start_soon(take, store, key)
    assert got.count(b"v") == 25
    for store in stores:
        await store.aclose()


async def test_a_store_that_was_full_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.sqlite"
    large = Kind("large", seconds=60, most_entries=3, most_bytes=1_000_000)
    connect = sqlite3.connect

    def connect_small(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = connect(*arguments, **options)
        database.execute("PRAGMA max_page_count = 20")
        return database

    monkeypatch.setattr(sqlite3, "connect", connect_small)
    store = SqliteStore(path, Clock())
    assert not await store.put(named("one", kind=large), b"x" * 500_000)
    assert await store.put(named("one", kind=large), b"y")
    assert await store.get(named("one", kind=large)) == b"y"
    await store.aclose()
