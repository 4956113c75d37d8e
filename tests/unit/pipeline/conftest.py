"""The pipeline over a fake embedder and a store in memory."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from app.pipeline.drafts import Rules
from app.pipeline.pipeline import Pipeline
from app.store.store import Space
from tests.fakes import DIMENSION, FakeEmbedder
from tests.memory import MemoryStore

T = TypeVar("T")


def run(call: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(call)


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def store() -> MemoryStore:
    """With a collection of the served model, "ours", and one of another, "foreign"."""
    store = MemoryStore()
    store.create_collection("ours", Space("fake-model", DIMENSION), {})
    store.create_collection("foreign", Space("other-model", 3, "dot"), {})
    return store


@pytest.fixture
def pipeline(store: MemoryStore, embedder: FakeEmbedder) -> Iterator[Pipeline]:
    pipeline = Pipeline(store, embedder, rules=Rules(1000, 4), max_streams=2, max_asks=2, max_maps=8)
    yield pipeline
    pipeline.close()
