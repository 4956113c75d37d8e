"""The batcher: who gets what, what a failure reaches, and what happens at the limits."""

import asyncio
import gc
import math
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from app.embedding import batcher as module
from app.embedding.batcher import QUIET_S, Batcher
from app.embedding.encoder import F32
from app.embedding.jobs import Encoded, Job, settle
from app.embedding.waiting import BATCH_COSTS_TOKENS
from app.errors import EncoderFailed, ModelChanged, NotReady, QueueFull, WaitTooLong
from tests.fakes import DIMENSION, FakeEncoder


@pytest.fixture
def encoder() -> Iterator[FakeEncoder]:
    encoder = FakeEncoder()
    yield encoder
    encoder.open.set()


class Deaths(list[BaseException]):
    pass


def batcher(
    encoder: FakeEncoder, deaths: Deaths | None = None, *, lanes: int = 1, texts: int = 100, seconds: float = 1000
) -> Batcher:
    return Batcher(
        encoder,
        lanes=lanes,
        max_batch_tokens=64,
        max_queue_texts=texts,
        max_queue_s=seconds,
        on_death=(deaths if deaths is not None else Deaths()).append,
    )


async def held_back(encoder: FakeEncoder, running: Batcher, ids: list[list[int]]) -> asyncio.Task[Encoded]:
    """A caller whose texts are in the encoder, where they stay until `encoder.open` is set: what comes next waits."""
    encoder.open.clear()
    held = asyncio.create_task(running.embed(ids))
    assert await asyncio.to_thread(encoder.entered.wait, 10)
    encoder.entered.clear()
    return held


def test_each_caller_gets_its_own_vectors_in_order(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, lanes=2)
        requests = [[[caller, text] * (1 + text % 5) for text in range(7)] for caller in range(9)]
        answers = await asyncio.gather(*map(running.embed, requests))
        for request, answer in zip(requests, answers, strict=True):
            assert answer.vectors.dtype == np.float32
            np.testing.assert_array_equal(answer.vectors, np.stack([encoder.vector(ids) for ids in request]))
        running.close()

    asyncio.run(scenario())


def test_no_texts_need_no_batch(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        assert (await running.embed([])).vectors.shape == (0, DIMENSION)
        running.close()

    asyncio.run(scenario())
    assert encoder.batches == []


def test_a_caller_learns_how_long_it_waited_and_was_encoded(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        held = await held_back(encoder, running, [[1]])
        came_before_s = time.monotonic()
        joined = asyncio.create_task(running.embed([[1]]))
        waiting = asyncio.create_task(running.embed([[2], [3]]))
        await asyncio.sleep(0)
        came_after_s = time.monotonic()
        await asyncio.sleep(0.01)
        freed_s = time.monotonic()
        encoder.open.set()
        first, same, later = await asyncio.gather(held, joined, waiting)
        whole_s = time.monotonic() - came_before_s
        assert first.took_s > freed_s - came_after_s
        assert same.waited_s == 0
        assert freed_s - came_after_s <= same.took_s <= whole_s
        assert freed_s - came_after_s <= later.waited_s
        assert later.took_s > 0
        assert later.waited_s + later.took_s <= whole_s
        running.close()

    asyncio.run(scenario())


def test_a_failed_batch_fails_its_callers_with_the_cause_and_no_one_else(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        deaths = Deaths()
        running = batcher(encoder, deaths)
        encoder.failure = ValueError("bad shape (3, 4)")
        outcomes = await asyncio.gather(running.embed([[1]]), running.embed([[2]]), return_exceptions=True)
        for outcome in outcomes:
            assert isinstance(outcome, EncoderFailed)
            assert "bad shape (3, 4)" in str(outcome)
            assert isinstance(outcome.__cause__, ValueError)
        encoder.failure = None
        assert (await running.embed([[3]])).vectors.shape == (1, DIMENSION)
        assert deaths == []
        running.close()

    asyncio.run(scenario())


def test_a_full_queue_refuses_with_both_numbers(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, texts=3)
        held = await held_back(encoder, running, [[1]])
        waiting = asyncio.create_task(running.embed([[2], [3], [4]]))
        await asyncio.sleep(0)
        assert running.waiting == 3
        with pytest.raises(QueueFull, match=r"3 texts wait, 1 more .* limit of 3 \(MAX_QUEUE_TEXTS\)") as refused:
            await running.embed([[5]])
        assert refused.value.retry_after_s >= 1
        encoder.open.set()
        await asyncio.gather(held, waiting)
        running.close()

    asyncio.run(scenario())


def test_a_request_beyond_the_whole_limit_goes_when_nothing_waits(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, texts=2)
        assert (await running.embed([[1], [2], [3], [4]])).vectors.shape == (4, DIMENSION)
        running.close()

    asyncio.run(scenario())


def test_urgent_texts_go_before_the_others_and_in_their_own_order(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        tasks = [await held_back(encoder, running, [[0]])]
        # Each fills a batch of its own, so that the order of batches is that of the queue.
        for number, urgent in ((1, False), (2, True), (3, False), (4, True)):
            tasks.append(asyncio.create_task(running.embed([[number] * 1000], urgent=urgent)))
            await asyncio.sleep(0)
        encoder.open.set()
        await asyncio.gather(*tasks)
        running.close()

    asyncio.run(scenario())
    assert [batch[0][0] for batch in encoder.batches] == [0, 2, 4, 1, 3]


def test_a_caller_who_left_costs_nothing(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        held = await held_back(encoder, running, [[1]])
        leaver = asyncio.create_task(running.embed([[2]]))
        await asyncio.sleep(0)
        leaver.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaver
        encoder.open.set()
        await held
        await running.embed([[3]])
        running.close()

    asyncio.run(scenario())
    assert encoder.batches == [[[1]], [[3]]]


def test_equal_texts_are_encoded_once_within_and_between_requests(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        held = await held_back(encoder, running, [[1], [2]])
        others = [asyncio.create_task(running.embed(ids)) for ids in ([[1], [3], [3]], [[3], [2]])]
        await asyncio.sleep(0)
        assert running.waiting == 1
        encoder.open.set()
        for answer, ids in zip(await asyncio.gather(held, *others), ([1, 2], [1, 3, 3], [3, 2]), strict=True):
            np.testing.assert_array_equal(answer.vectors, np.stack([encoder.vector([each]) for each in ids]))
        running.close()

    asyncio.run(scenario())
    assert encoder.batches == [[[1], [2]], [[3]]]


def test_who_leaves_takes_nothing_from_who_stays(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        held = await held_back(encoder, running, [[1]])
        leavers = [asyncio.create_task(running.embed(ids)) for ids in ([[1]], [[2], [3]])]
        stays = asyncio.create_task(running.embed([[2], [1]]))
        await asyncio.sleep(0)
        for leaver in (*leavers, held):
            leaver.cancel()
        await asyncio.gather(held, *leavers, return_exceptions=True)
        encoder.open.set()
        np.testing.assert_array_equal((await stays).vectors, np.stack([encoder.vector([2]), encoder.vector([1])]))
        running.close()

    asyncio.run(scenario())
    assert encoder.batches == [[[1]], [[2]]]


def test_a_failure_reaches_who_joined_and_the_rest_of_their_texts_costs_nothing(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        encoder.failure = ValueError("no")
        held = await held_back(encoder, running, [[1]])
        joined = asyncio.create_task(running.embed([[1], [2] * 64]))
        await asyncio.sleep(0)

        encoder.open.set()
        outcomes = await asyncio.gather(held, joined, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [EncoderFailed, EncoderFailed]
        encoder.failure = None
        assert running.waiting == 0
        assert (await running.embed([[1]])).vectors.shape == (1, DIMENSION)
        running.close()

    asyncio.run(scenario())


def test_an_urgent_caller_takes_the_text_that_it_joins_along(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        tasks = [await held_back(encoder, running, [[0]])]
        for number, urgent in ((1, False), (2, False), (2, True)):
            tasks.append(asyncio.create_task(running.embed([[number] * 1000], urgent=urgent)))
            await asyncio.sleep(0)
        encoder.open.set()
        await asyncio.gather(*tasks)
        running.close()

    asyncio.run(scenario())
    assert [batch[0][0] for batch in encoder.batches] == [0, 2, 1]


def test_urgent_texts_share_no_batch_with_the_others(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        held = await held_back(encoder, running, [[0]])
        tasks = [
            asyncio.create_task(running.embed([[number]], urgent=urgent))
            for number, urgent in ((1, False), (2, True), (3, False), (4, True))
        ]
        await asyncio.sleep(0)
        encoder.open.set()
        await asyncio.gather(held, *tasks)
        running.close()

    asyncio.run(scenario())
    assert encoder.batches == [[[0]], [[2], [4]], [[1], [3]]]


@pytest.mark.parametrize(("seconds", "texts"), [(math.inf, [2, 2]), (0.0, [4])])
def test_what_is_not_urgent_goes_in_half_batches_for_a_while_after_who_is(
    encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch, seconds: float, texts: list[int]
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(module, "SHORT_BATCHES_S", seconds)
        running = batcher(encoder)
        await running.embed([[1]], urgent=True)
        await running.embed([[number] * 16 for number in (2, 3, 4, 5)])
        running.close()

    asyncio.run(scenario())
    assert [len(batch) for batch in encoder.batches] == [1, *texts]


def test_batches_are_whole_where_nobody_was_urgent(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        await running.embed([[number] * 16 for number in (2, 3, 4, 5)])
        running.close()

    asyncio.run(scenario())
    assert [len(batch) for batch in encoder.batches] == [4]


def test_a_queue_full_of_others_takes_an_urgent_text_and_has_its_own_limit(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, texts=2)
        tasks = [await held_back(encoder, running, [[0]])]
        tasks.append(asyncio.create_task(running.embed([[1], [2], [3]])))
        tasks += [asyncio.create_task(running.embed([[number]], urgent=True)) for number in (4, 5)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="2 texts wait, 1 more"):
            await running.embed([[6]], urgent=True)
        tasks.append(asyncio.create_task(running.embed([[1], [3]])))  # joins, and so adds nothing
        await asyncio.sleep(0)
        encoder.open.set()
        await asyncio.gather(*tasks)
        running.close()

    asyncio.run(scenario())


class Standing:
    """Stands in for the module `time`, and stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


def test_who_has_met_nobody_for_a_moment_is_alone(encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Standing()
    monkeypatch.setattr("app.embedding.batcher.time", clock)

    async def scenario() -> None:
        running = batcher(encoder, lanes=2)

        async def alone(*ids: list[int]) -> list[bool]:
            before = len(encoder.alone)
            await running.embed(ids)
            return encoder.alone[before:]

        assert await alone([1]) == [True]
        assert await alone([2], [3]) == [True]
        encoder.entered.clear()
        first = await held_back(encoder, running, [[4]])
        second = await held_back(encoder, running, [[5]])
        assert encoder.alone[-2:] == [True, False]
        encoder.open.set()
        await asyncio.gather(first, second)
        clock.now_s += QUIET_S / 2
        assert await alone([6]) == [False]
        clock.now_s += QUIET_S
        assert await alone([7]) == [True]
        assert await alone([8] * 64, [9] * 64) == [False, False]
        assert await alone([10]) == [False]
        clock.now_s += 2 * QUIET_S
        encoder.failure = RuntimeError("no")
        with pytest.raises(EncoderFailed):
            await running.embed([[11]])
        encoder.failure = None
        assert await alone([12]) == [True]
        running.close()

    asyncio.run(scenario())


class Waited(NamedTuple):
    """Callers of which each fills a batch of its own, and what was handed out together."""

    callers: list[asyncio.Task[Encoded]]
    handed_out: list[int]


async def waited_long(
    encoder: FakeEncoder, running: Batcher, clock: Standing, monkeypatch: pytest.MonkeyPatch
) -> Waited:
    """Three callers behind a first one, all of them 10 s old when the first one is through and the clock stands."""
    handed_out: list[int] = []

    def recorded(jobs: Collection[Job], outcome: Exception | float) -> None:
        handed_out.extend([len(jobs)] if jobs else [])
        settle(jobs, outcome)

    monkeypatch.setattr(module, "settle", recorded)
    first = await held_back(encoder, running, [[1]])
    callers = [asyncio.create_task(running.embed([[ids] * 64])) for ids in (2, 3, 4)]
    await asyncio.sleep(0)
    clock.now_s += 10
    encoder.open.set()
    await first
    return Waited(callers, handed_out)


def test_who_has_waited_is_handed_out_with_others(encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time", clock := Standing())

    async def scenario() -> None:
        running = batcher(encoder)
        waited = await waited_long(encoder, running, clock, monkeypatch)
        for answer, ids in zip(await asyncio.gather(*waited.callers), (2, 3, 4), strict=True):
            np.testing.assert_array_equal(answer.vectors, np.stack([encoder.vector([ids] * 64)]))
        # The first one's batch took 10 s: the next would come too late. After the last one nothing waits.
        assert waited.handed_out == [1, 3]
        running.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("failure", [RuntimeError("no"), SystemExit("died")])
def test_who_is_held_gets_its_vectors_whatever_becomes_of_the_next_batch(
    encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    monkeypatch.setattr(module, "time", clock := Standing())
    encode = encoder.encode

    def failing(batch: Sequence[Sequence[int]], *, alone: bool = False) -> F32:
        if batch[0][0] == 4:
            raise failure
        return encode(batch, alone=alone)

    monkeypatch.setattr(encoder, "encode", failing)

    async def scenario() -> None:
        running = batcher(encoder)
        waited = await waited_long(encoder, running, clock, monkeypatch)
        *answers, failed = await asyncio.gather(*waited.callers, return_exceptions=True)
        assert isinstance(failed, EncoderFailed)
        assert [answer.vectors.shape for answer in answers if isinstance(answer, Encoded)] == [(1, DIMENSION)] * 2
        running.close()

    asyncio.run(scenario())


def test_one_lane_has_nothing_to_share_out(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, lanes=1)
        await running.embed([[1]])
        assert encoder.alone == [False]
        running.close()

    asyncio.run(scenario())


def test_a_model_that_has_changed_ends_the_process(encoder: FakeEncoder, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        deaths = Deaths()
        running = batcher(encoder, deaths)
        encoder.failure = ModelChanged(Path("a/model.onnx_data"))
        held = await held_back(encoder, running, [[1]])
        waiting = asyncio.create_task(running.embed([[2]]))
        await asyncio.sleep(0)
        encoder.open.set()
        for caller in (held, waiting):
            with pytest.raises(EncoderFailed, match=r"a/model\.onnx_data was written to while it was in use"):
                await caller
        running.close()
        assert deaths == [encoder.failure]
        with pytest.raises(NotReady, match="was written to"):
            await running.embed([[3]])

    asyncio.run(scenario())
    assert not caplog.records  # whoever ends the process says why, in one line


class Clock:
    """Stands in for the module `time`, and moves with each batch: ten tokens a second, by `Pace`'s count of a batch."""

    def __init__(self, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        encode = encoder.encode

        def ten_tokens_a_second(batch: Sequence[Sequence[int]], *, alone: bool = False) -> F32:
            self.now_s += (sum(map(len, batch)) + BATCH_COSTS_TOKENS) / 10
            return encode(batch, alone=alone)

        encoder.encode = ten_tokens_a_second  # type: ignore[method-assign]
        monkeypatch.setattr("app.embedding.batcher.time", self)

    def monotonic(self) -> float:
        return self.now_s


def test_retry_after_counts_tokens_and_not_texts(encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(encoder, monkeypatch)

    async def scenario() -> None:
        running = batcher(encoder, texts=2)
        await running.embed([[7] * 20])
        encoder.entered.clear()
        tasks = [await held_back(encoder, running, [[90]])]
        tasks.append(asyncio.create_task(running.embed([[1] * 30, [2] * 270])))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull) as refused:
            await running.embed([[3]])
        assert refused.value.retry_after_s == 40  # 300 tokens, and 20 for each 64 of them
        tasks += [asyncio.create_task(running.embed([[number] * 50], urgent=True)) for number in (4, 5)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull) as refused:
            await running.embed([[6]], urgent=True)
        assert refused.value.retry_after_s == 14
        encoder.open.set()
        await asyncio.gather(*tasks)
        running.close()

    asyncio.run(scenario())


def test_who_would_wait_too_long_is_refused(encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what waits before a request, for those that it would wait for, and never its own length."""
    Clock(encoder, monkeypatch)

    async def scenario() -> None:
        running = batcher(encoder, seconds=20)
        await running.embed([[7] * 20])
        encoder.entered.clear()
        tasks = [await held_back(encoder, running, [[90]])]
        for number, tokens in ((1, 100), (2, 1000)):  # before the second 13 s of waiting, after it 144
            tasks.append(asyncio.create_task(running.embed([[number] * tokens])))
            await asyncio.sleep(0)
        with pytest.raises(WaitTooLong, match=r"takes about 144 s, .* longer than 20 s \(MAX_QUEUE_S\)") as refused:
            await running.embed([[3]])
        assert refused.value.retry_after_s == 145
        tasks.append(asyncio.create_task(running.embed([[4]], urgent=True)))
        tasks.append(asyncio.create_task(running.embed([[1] * 100])))  # joins, and so adds nothing
        await asyncio.sleep(0)
        assert running.waiting == 3
        encoder.open.set()
        await asyncio.gather(*tasks)
        running.close()

    asyncio.run(scenario())


def test_who_asks_before_reading_is_told_as_who_comes_with_texts(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, texts=2)
        running.refuse_full(3)  # more than ever may wait, and nothing does
        held = await held_back(encoder, running, [[1]])
        running.refuse_full(1)  # it is in the encoder, and nothing waits
        waiting = [asyncio.create_task(running.embed([[2]]))]
        await asyncio.sleep(0)
        running.refuse_full(1)
        with pytest.raises(QueueFull, match="1 texts wait, 2 more"):
            running.refuse_full(2)
        waiting.append(asyncio.create_task(running.embed([[3]])))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="2 texts wait, 1 more"):
            running.refuse_full(1)
        urgent = asyncio.create_task(running.embed([[4]], urgent=True))
        await asyncio.sleep(0)
        encoder.open.set()
        await asyncio.gather(held, *waiting, urgent)
        running.refuse_full(1)
        running.close()

    asyncio.run(scenario())


def test_a_refusal_leaves_nothing_to_the_garbage_collector(encoder: FakeEncoder) -> None:
    """Else collections take a seventh of the event loop's time under overload."""

    def refused(running: Batcher) -> None:
        with suppress(QueueFull):
            running.refuse_full(2)
        with suppress(QueueFull), running.arriving(2, 8):
            raise AssertionError("there was a place")

    async def scenario() -> None:
        running = batcher(encoder, texts=1)
        callers = [await held_back(encoder, running, [[1]]), asyncio.create_task(running.embed([[2]]))]
        await asyncio.sleep(0)
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                refused(running)
            assert gc.collect() == 0
        finally:
            gc.enable()
        encoder.open.set()
        await asyncio.gather(*callers)
        running.close()

    asyncio.run(scenario())


def test_who_is_tokenised_has_a_place_before_those_who_come_later(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, texts=3)
        with running.arriving(2, 10):
            with pytest.raises(QueueFull, match="2 texts wait, 2 more"), running.arriving(2, 10):
                raise AssertionError("there was no place for both")
            with running.arriving(1, 10):
                with pytest.raises(QueueFull, match="3 texts wait, 1 more"), running.arriving(1, 10):
                    raise AssertionError("there was no place")
                with running.arriving(1, 10, urgent=True):
                    pass
            with running.arriving(1, 10):
                pass
        assert (await running.embed([[1], [2], [3], [4]])).vectors.shape == (4, DIMENSION)
        running.close()

    asyncio.run(scenario())


def test_a_dead_thread_fails_all_who_wait_and_is_reported(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        deaths = Deaths()
        running = batcher(encoder, deaths)
        encoder.failure = SystemExit("died")
        held = await held_back(encoder, running, [[1]])
        waiting = asyncio.create_task(running.embed([[2] * 64]))
        await asyncio.sleep(0)
        encoder.open.set()
        for task in (held, waiting):
            with pytest.raises(EncoderFailed):
                await asyncio.wait_for(task, 10)
        with pytest.raises(NotReady):
            await running.embed([[3]])
        await asyncio.to_thread(running.close)
        assert [type(death) for death in deaths] == [SystemExit]

    asyncio.run(scenario())


def test_closing_fails_who_waits_and_finishes_what_is_held(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        held = await held_back(encoder, running, [[1]])
        waiting = asyncio.create_task(running.embed([[2]]))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(running.close, "closing time"))
        with pytest.raises(NotReady, match="closing time"):
            await waiting
        encoder.open.set()
        assert (await held).vectors.shape == (1, DIMENSION)
        await closing

    asyncio.run(scenario())


def test_the_observer_is_told_of_batches_joins_and_refusals(encoder: FakeEncoder) -> None:
    told: list[tuple[object, ...]] = []

    class Observer:
        def encoded(self, lengths: Sequence[int], waited_s: Sequence[float], took_s: float) -> None:
            assert all(waited >= 0 for waited in waited_s)
            assert took_s > 0
            told.append(("encoded", *sorted(lengths), len(waited_s)))

        def joined(self, texts: int) -> None:
            told.append(("joined", texts))

        def refused(self) -> None:
            told.append(("refused",))

    async def scenario() -> None:
        running = Batcher(
            encoder,
            lanes=1,
            max_batch_tokens=64,
            max_queue_texts=2,
            max_queue_s=60,
            on_death=lambda error: None,
            observer=Observer(),
        )
        held = await held_back(encoder, running, [[1]])
        waiting = asyncio.create_task(running.embed([[2], [3, 3], [1]]))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            await running.embed([[4], [5]])
        encoder.open.set()
        await asyncio.gather(held, waiting)
        running.close()

    asyncio.run(scenario())
    assert told == [("joined", 1), ("refused",), ("encoded", 1, 1), ("encoded", 1, 2, 2)]
