"""Batches, whatever the lengths: within the budget, nothing lost, nobody starved, everyone's own vector."""

import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.embedding.batcher import Batcher
from app.embedding.waiting import BATCH_COSTS_TOKENS, Entry, Waiting
from tests.fakes import DIMENSION, FakeEncoder

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@given(lengths, st.integers(1, 1024))
def test_batches_keep_the_budget_and_lose_nothing(sizes: list[int], budget: int) -> None:
    queue: Waiting[None] = Waiting()
    left = [Entry[None]((0,) * size) for size in sizes]
    for entry in left:
        queue.add(entry)
    while left:
        batch = queue.take(budget)
        assert left[0] in batch
        padded, tokens = len(batch) * max(entry.length for entry in batch), sum(entry.length for entry in batch)
        assert len(batch) == 1 or padded <= budget
        assert padded - tokens <= BATCH_COSTS_TOKENS
        assert len(set(batch)) == len(batch)
        assert set(batch) <= set(left)
        left = [entry for entry in left if entry not in batch]
        assert len(queue) == len(left)
        assert queue.tokens == sum(entry.length for entry in left)
    assert queue.take(budget) == []


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=20), max_size=8), max_size=8), st.integers(1, 3)
)
def test_every_caller_gets_its_own_vectors(requests: list[list[list[int]]], lanes: int) -> None:
    async def scenario() -> None:
        encoder, deaths = FakeEncoder(), list[BaseException]()
        batcher = Batcher(
            encoder, lanes=lanes, max_batch_tokens=32, max_queue_texts=1000, max_queue_s=60, on_death=deaths.append
        )
        answers = await asyncio.gather(*map(batcher.embed, requests))
        for request, answer in zip(requests, answers, strict=True):
            assert answer.vectors.shape == (len(request), DIMENSION)
            for ids, vector in zip(request, answer.vectors, strict=True):
                np.testing.assert_array_equal(vector, encoder.vector(ids))
        batcher.close()
        assert deaths == []

    asyncio.run(scenario())
