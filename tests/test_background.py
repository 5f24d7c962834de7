"""Background work: the event loop keeps running, and abandoned work ends."""

from __future__ import annotations

import threading

import anyio
import pytest

from moodle_mcp.background import Background, checkpoint

pytestmark = pytest.mark.anyio


async def test_the_loop_goes_on_while_large_work_is_done() -> None:
    reply = threading.Event()
    async with anyio.create_task_group() as tasks:
        # The work ends only after the loop has done something else.
        tasks.start_soon(Background().run_if, True, reply.wait)
        await anyio.lowlevel.checkpoint()
        reply.set()


async def test_small_work_is_done_at_once() -> None:
    assert await Background().run_if(False, threading.get_ident) == threading.get_ident()
    assert await Background().run_if(True, threading.get_ident) != threading.get_ident()


async def test_cancelled_work_ends_at_its_next_checkpoint() -> None:
    begun, ended = anyio.Event(), threading.Event()

    def endless() -> None:
        anyio.from_thread.run_sync(begun.set)
        try:
            while True:
                checkpoint()
        finally:
            ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Background().run, endless)
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert ended.is_set()


async def test_shielded_work_goes_on() -> None:
    done: list[str] = []

    def work() -> None:
        checkpoint()
        done.append("written")

    with anyio.CancelScope() as scope:
        scope.cancel()
        with anyio.CancelScope(shield=True):
            await Background().run(work)
    assert done == ["written"]


async def test_one_work_is_done_at_a_time() -> None:
    background = Background()
    under_way: list[int] = []
    most: list[int] = []

    def work() -> None:
        under_way.append(1)
        most.append(len(under_way))
        under_way.pop()

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(background.run, work)
    assert most == [1] * 20


def test_a_checkpoint_elsewhere_does_nothing() -> None:
    checkpoint()
