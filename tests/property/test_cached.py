"""With the cache, however small, everyone gets what they would get without."""

import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.embedding.batcher import Batcher
from app.embedding.cache import ENTRY_BYTES, VectorCache
from app.embedding.embedder import Embeddings, ModelEmbedder, Role
from app.embedding.registry import Prompts
from tests.fakes import DIMENSION, FakeEncoder, card
from tests.unit.test_embedder import tokenizer

texts = st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=7).map(" ".join), min_size=1, max_size=12)
requests = st.lists(st.tuples(texts, st.sampled_from(["query", "passage"])), min_size=1, max_size=8)


def answers(asked: list[tuple[list[str], Role]], entries: int, together: bool) -> list[Embeddings]:
    async def scenario() -> list[Embeddings]:
        batcher = Batcher(
            FakeEncoder(), lanes=2, max_batch_tokens=16, max_queue_texts=1000, max_queue_s=60, on_death=lambda _: None
        )
        cache = VectorCache(entries * (4 * DIMENSION + ENTRY_BYTES))
        model = card(max_tokens=6, prompts=Prompts(query="find "))
        embedder = ModelEmbedder(model, 0, tokenizer(6), batcher, cache)
        calls = [embedder.embed(some, role=role, truncate=True) for some, role in asked]
        try:
            return await asyncio.gather(*calls) if together else [await call for call in calls]
        finally:
            batcher.close()

    return asyncio.run(scenario())


@settings(max_examples=40)
@given(requests, st.integers(1, 5), st.booleans())
def test_with_a_cache_as_without(asked: list[tuple[list[str], Role]], entries: int, together: bool) -> None:
    for cached, plain in zip(answers(asked, entries, together), answers(asked, 0, together), strict=True):
        np.testing.assert_array_equal(cached.vectors, plain.vectors)
        assert (cached.tokens, cached.cuts) == (plain.tokens, plain.cuts)
