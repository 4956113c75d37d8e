"""Timers of one length: when they ring, what stopping them does, and what a block under one of them raises."""

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from app.api.deadlines import Deadlines

SHORT_S, LONG_S = 0.02, 60.0


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 10))


def test_timers_ring_once_each_in_the_order_of_their_start() -> None:
    async def scenario() -> None:
        deadlines, rung, last = Deadlines(SHORT_S), list[int](), asyncio.Event()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for number in range(3):
            deadlines.start(partial(rung.append, number))
        await asyncio.sleep(SHORT_S / 2)
        deadlines.start(last.set)
        await last.wait()
        assert rung == [0, 1, 2]
        assert loop.time() - began_s >= 1.5 * SHORT_S

    run(scenario())


def test_a_stopped_timer_does_not_ring_and_those_after_it_do() -> None:
    async def scenario() -> None:
        deadlines, rung, last = Deadlines(SHORT_S), list[str](), asyncio.Event()
        stopped = deadlines.start(lambda: rung.append("stopped"))
        deadlines.start(lambda: rung.append("kept"))
        deadlines.start(last.set)
        stopped.stop()
        stopped.stop()
        await last.wait()
        assert rung == ["kept"]

    run(scenario())


def test_a_timer_that_rings_may_stop_and_start_others() -> None:
    async def scenario() -> None:
        deadlines, last = Deadlines(SHORT_S), asyncio.Event()

        def ring() -> None:
            other.stop()
            deadlines.start(last.set)

        deadlines.start(ring)
        other = deadlines.start(lambda: pytest.fail("it was stopped"))
        await last.wait()

    run(scenario())


def test_what_a_timer_raises_does_not_keep_the_others_from_ringing() -> None:
    async def scenario() -> None:
        deadlines, last = Deadlines(SHORT_S), asyncio.Event()
        said: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["exception"]))

        def fail() -> None:
            raise ValueError("of its own")

        deadlines.start(fail)
        deadlines.start(last.set)
        await last.wait()
        assert [str(each) for each in said] == ["of its own"]

    run(scenario())


def test_the_event_loop_has_one_timer_for_all() -> None:
    async def scenario() -> None:
        deadlines, loop = Deadlines(LONG_S), asyncio.get_running_loop()
        set_before = len(loop._scheduled)  # type: ignore[attr-defined]
        for _ in range(1000):
            deadlines.start(lambda: None).stop()
        assert len(loop._scheduled) == set_before + 1  # type: ignore[attr-defined]

    run(scenario())


def test_another_event_loop_has_timers_that_ring_too() -> None:
    deadlines = Deadlines(SHORT_S)

    async def left_behind() -> None:
        deadlines.start(lambda: None).stop()

    async def scenario() -> None:
        last = asyncio.Event()
        deadlines.start(last.set)
        await last.wait()

    run(left_behind())
    run(scenario())


def test_a_block_that_takes_too_long_raises_a_timeout() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError), Deadlines(SHORT_S).limit():
            await asyncio.sleep(LONG_S)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(scenario())


def test_a_block_that_ends_in_time_raises_what_it_raises_itself() -> None:
    async def scenario() -> None:
        deadlines = Deadlines(SHORT_S)
        with deadlines.limit():
            pass
        with pytest.raises(KeyError), deadlines.limit():
            raise KeyError("of its own")
        await asyncio.sleep(2 * SHORT_S)  # neither rings later

    run(scenario())


@pytest.mark.parametrize("after_s", [SHORT_S, LONG_S])
def test_a_block_that_is_over_holds_its_task_no_longer(after_s: float) -> None:
    """Also without the garbage collector: a connection that is to be closed waits for it otherwise."""

    async def block() -> None:
        with suppress(TimeoutError), Deadlines(after_s).limit():
            await asyncio.sleep(2 * SHORT_S)
        raise KeyError("as a request ends whose body has stopped")

    async def scenario() -> None:
        task = asyncio.create_task(block())
        with pytest.raises(KeyError):
            await task
        held = weakref.ref(task)
        del task
        await asyncio.sleep(0)
        assert held() is None

    gc.disable()
    try:
        run(scenario())
    finally:
        gc.enable()


@pytest.mark.parametrize("after_s", [SHORT_S, LONG_S])
def test_a_cancellation_from_outside_goes_on(after_s: float) -> None:
    """Also one that comes in the moment in which the time is over."""

    async def block() -> None:
        with Deadlines(after_s).limit():
            await asyncio.sleep(LONG_S)

    async def scenario() -> None:
        task = asyncio.create_task(block())
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + (after_s if after_s == SHORT_S else 0)
        while loop.time() < until_s:  # the loop stands still, so that both are due at once
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())
