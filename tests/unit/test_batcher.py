"""The batcher: what goes together, what a failure reaches, and what happens at the limits."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from app.embedding.batcher import Batcher, Entry, Job, choose
from app.errors import EncoderFailed, NotReady, QueueFull
from tests.fakes import DIMENSION, FakeEncoder


def entries(*lengths: int) -> list[Entry]:
    loop = asyncio.new_event_loop()
    job = Job(loop.create_future(), np.empty((len(lengths), DIMENSION), np.float32), len(lengths))
    loop.close()
    return [Entry(job, row, [1] * length) for row, length in enumerate(lengths)]


def lengths(batch: list[Entry]) -> list[int]:
    return [entry.length for entry in batch]


class TestChoose:
    def test_everything_goes_at_once_when_it_fits(self) -> None:
        queue = entries(4, 5, 6)
        assert sorted(lengths(choose(queue, 100))) == [4, 5, 6]
        assert queue == []

    def test_the_oldest_takes_its_nearest_in_length(self) -> None:
        queue = entries(10, 100, 11, 9, 90, 10)
        assert lengths(choose(queue, 44)) == [9, 10, 10, 11]
        assert lengths(queue) == [100, 90]

    def test_padding_counts(self) -> None:
        queue = entries(10, 20, 20)  # three rows of 20 would be 60
        assert lengths(choose(queue, 59)) == [10, 20]

    def test_a_text_longer_than_the_budget_goes_alone(self) -> None:
        queue = entries(300, 299, 3)
        assert lengths(choose(queue, 256)) == [300]

    def test_the_longest_is_not_overtaken_for_ever(self) -> None:
        queue = entries(200, *[5] * 50)
        assert 200 in lengths(choose(queue, 256))


@pytest.fixture
def encoder() -> Iterator[FakeEncoder]:
    encoder = FakeEncoder()
    yield encoder
    encoder.open.set()


class Deaths(list[BaseException]):
    pass


def batcher(encoder: FakeEncoder, deaths: Deaths | None = None, *, lanes: int = 1, texts: int = 100) -> Batcher:
    return Batcher(
        encoder,
        lanes=lanes,
        max_batch_tokens=64,
        max_queue_texts=texts,
        on_death=(deaths if deaths is not None else Deaths()).append,
    )


async def entered(encoder: FakeEncoder) -> None:
    """Until the encoder holds a batch."""
    assert await asyncio.to_thread(encoder.entered.wait, 10)
    encoder.entered.clear()


def test_each_caller_gets_its_own_vectors_in_order(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, lanes=2)
        requests = [[[caller, text] * (1 + text % 5) for text in range(7)] for caller in range(9)]
        answers = await asyncio.gather(*map(running.embed, requests))
        for request, answer in zip(requests, answers, strict=True):
            assert answer.dtype == np.float32
            np.testing.assert_array_equal(answer, np.stack([encoder.vector(ids) for ids in request]))
        running.close()

    asyncio.run(scenario())


def test_no_texts_need_no_batch(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        assert (await running.embed([])).shape == (0, DIMENSION)
        running.close()

    asyncio.run(scenario())
    assert encoder.batches == []


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
        assert (await running.embed([[3]])).shape == (1, DIMENSION)
        assert deaths == []
        running.close()

    asyncio.run(scenario())


def test_a_full_queue_refuses_with_both_numbers(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder, texts=3)
        encoder.open.clear()
        held = asyncio.create_task(running.embed([[1]]))
        await entered(encoder)
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
        assert (await running.embed([[1], [2], [3], [4]])).shape == (4, DIMENSION)
        running.close()

    asyncio.run(scenario())


def test_urgent_texts_go_before_the_others_and_in_their_own_order(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        running = batcher(encoder)
        encoder.open.clear()
        tasks = [asyncio.create_task(running.embed([[0]]))]
        await entered(encoder)
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
        encoder.open.clear()
        held = asyncio.create_task(running.embed([[1]]))
        await entered(encoder)
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


def test_a_dead_thread_fails_all_who_wait_and_is_reported(encoder: FakeEncoder) -> None:
    async def scenario() -> None:
        deaths = Deaths()
        running = batcher(encoder, deaths)
        encoder.open.clear()
        encoder.failure = SystemExit("died")
        held = asyncio.create_task(running.embed([[1]]))
        await entered(encoder)
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
        encoder.open.clear()
        held = asyncio.create_task(running.embed([[1]]))
        await entered(encoder)
        waiting = asyncio.create_task(running.embed([[2]]))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(running.close, "closing time"))
        with pytest.raises(NotReady, match="closing time"):
            await waiting
        encoder.open.set()
        assert (await held).shape == (1, DIMENSION)
        await closing

    asyncio.run(scenario())
