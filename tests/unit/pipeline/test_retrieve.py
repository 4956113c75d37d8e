"""Queries in: which are embedded, in which role, and which are refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.embedding.embedder import Cut, Embeddings, Role
from app.errors import CollectionNotFound, InvalidInput, SpaceMismatch
from app.pipeline.drafts import Draft
from app.pipeline.pipeline import Pipeline
from app.pipeline.retrieve import Found
from app.store.store import Query, Space
from tests.fakes import FakeEmbedder, unit
from tests.memory import MemoryStore
from tests.unit.pipeline.conftest import run


def find(pipeline: Pipeline, name: str = "ours", **query: Any) -> Found:
    return run(pipeline.retrieve.find(name, Query(**query)))


@pytest.fixture(autouse=True)
def documents(pipeline: Pipeline) -> None:
    run(pipeline.ingest.keep("ours", [Draft("red apple", "a"), Draft("blue sea", "b")]))


@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
def test_the_text_is_embedded_as_a_query(pipeline: Pipeline, embedder: FakeEmbedder, mode: str) -> None:
    found = find(pipeline, mode=mode, text="blue sea")
    assert found.hits[0].document.document.id == "b"
    assert embedder.roles[-1] == "query"
    assert found.cut is None


def test_keywords_need_no_model(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    (hit,) = find(pipeline, mode="keyword", text="apple").hits
    assert (hit.document.document.id, hit.start, hit.end, hit.semantic) == ("a", 0, 9, None)
    assert "query" not in embedder.roles


@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
def test_a_vector_stands_for_the_text(pipeline: Pipeline, embedder: FakeEmbedder, mode: str) -> None:
    found = find(pipeline, mode=mode, text="apple", vector=unit("red apple"))
    assert found.hits[0].document.document.id == "a"
    assert "query" not in embedder.roles


def test_a_query_longer_than_the_window_says_what_was_left_out(pipeline: Pipeline) -> None:
    assert find(pipeline, mode="hybrid", text="w " * 20).cut == Cut(0, 20, 16)


@pytest.mark.parametrize(("mode", "more"), [("hybrid", 3), ("keyword", 3), ("semantic", 0)])
def test_more_words_than_are_looked_for_are_counted(pipeline: Pipeline, mode: str, more: int) -> None:
    words = [f"word{i}" for i in range(67)]
    for text in (" ".join(words), " ".join(words * 3)):  # counted at once, and by a thread
        assert find(pipeline, mode=mode, text=text).words_left_out == more
    assert find(pipeline, mode=mode, text=" ".join(words[:64] * 2)).words_left_out == 0


@pytest.mark.parametrize(
    ("query", "error", "word"),
    [
        ({"mode": "hybrid", "text": " "}, InvalidInput, "the mode hybrid needs a query"),
        ({"mode": "keyword"}, InvalidInput, "the mode keyword needs a query"),
        ({"mode": "semantic"}, InvalidInput, "the mode semantic needs a query"),
        ({"mode": "hybrid", "vector": unit("a")}, InvalidInput, "the mode hybrid needs a query"),
        ({"mode": "semantic", "vector": np.ones(3, np.float32)}, SpaceMismatch, "dimension 8, and 3"),
        ({"mode": "semantic", "vector": np.full(8, np.inf, np.float32)}, InvalidInput, "float32"),
        ({"mode": "semantic", "vector": np.zeros(8, np.float32)}, InvalidInput, "zero"),
        (
            {"mode": "semantic", "vector": np.full(8, 1e20, np.float32)},
            InvalidInput,
            "length of 2.83e.20, and 1e-15 to",
        ),
        (
            {"mode": "hybrid", "text": "a", "name": "foreign"},
            SpaceMismatch,
            "other-model, and fake-model is what is served here",
        ),
        ({"mode": "keyword", "text": "a", "name": "none"}, CollectionNotFound, "'none'"),
        ({"mode": "hybrid", "text": "a", "name": "none"}, CollectionNotFound, "'none'"),
    ],
)
def test_refusals(pipeline: Pipeline, query: dict[str, Any], error: type[Exception], word: str) -> None:
    with pytest.raises(error, match=word):
        find(pipeline, **query)


def test_a_collection_made_anew_while_the_query_is_embedded_is_not_searched(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = embedder.embed

    async def slow(texts: Sequence[str], *, role: Role, truncate: bool) -> Embeddings:
        store.delete_collection("ours")
        store.create_collection("ours", Space("mine", 3), {})
        return await embed(texts, role=role, truncate=truncate)

    monkeypatch.setattr(embedder, "embed", slow)
    with pytest.raises(CollectionNotFound, match="'ours'"):
        find(pipeline, mode="hybrid", text="apple")


def test_a_foreign_collection_is_searched_by_word_and_by_vector(pipeline: Pipeline) -> None:
    vector = np.array([1, 0, 0], np.float32)
    run(pipeline.ingest.keep("foreign", [Draft("green tree", "t", {}, vector)]))
    for query in ({"mode": "keyword", "text": "tree"}, {"mode": "semantic", "vector": vector}):
        assert find(pipeline, "foreign", **query).hits[0].document.document.id == "t"
