"""Batches, whatever the lengths: within the budget, nothing lost, nobody starved, everyone's own vector."""

import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.embedding.batcher import Batcher, Entry, Job, choose
from tests.fakes import DIMENSION, FakeEncoder

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@given(lengths, st.integers(1, 1024))
def test_batches_keep_the_budget_and_lose_nothing(sizes: list[int], budget: int) -> None:
    loop = asyncio.new_event_loop()
    job = Job(loop.create_future(), np.empty((len(sizes), 1), np.float32), len(sizes))
    loop.close()
    queue = [Entry(job, row, [0] * size) for row, size in enumerate(sizes)]
    seen: list[int] = []
    while queue:
        oldest = queue[0]
        waiting = {entry.row for entry in queue}
        batch = choose(queue, budget)
        assert oldest in batch
        assert len(batch) == 1 or len(batch) * max(entry.length for entry in batch) <= budget
        assert {entry.row for entry in batch} | {entry.row for entry in queue} == waiting
        assert [entry.row for entry in queue] == sorted(entry.row for entry in queue)
        seen += [entry.row for entry in batch]
    assert sorted(seen) == list(range(len(sizes)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=20), max_size=8), max_size=8), st.integers(1, 3)
)
def test_every_caller_gets_its_own_vectors(requests: list[list[list[int]]], lanes: int) -> None:
    async def scenario() -> None:
        encoder, deaths = FakeEncoder(), list[BaseException]()
        batcher = Batcher(encoder, lanes=lanes, max_batch_tokens=32, max_queue_texts=1000, on_death=deaths.append)
        answers = await asyncio.gather(*map(batcher.embed, requests))
        for request, answer in zip(requests, answers, strict=True):
            assert answer.shape == (len(request), DIMENSION)
            for ids, vector in zip(request, answer, strict=True):
                np.testing.assert_array_equal(vector, encoder.vector(ids))
        batcher.close()
        assert deaths == []

    asyncio.run(scenario())
