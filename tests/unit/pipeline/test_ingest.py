"""Documents in: what is embedded and what is not, and what is refused before anything is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.embedding.embedder import Embeddings
from app.errors import CollectionNotFound, EncoderFailed, InvalidDocument, QueueFull, SpaceMismatch, StorageFull
from app.pipeline.drafts import Draft
from app.pipeline.ingest import KEY_BYTES, key
from app.pipeline.pipeline import Pipeline
from app.store.store import Passage, Space
from tests.fakes import DIMENSION, FakeEmbedder, card, unit
from tests.memory import MemoryStore
from tests.unit.pipeline.conftest import run

LONG = " ".join(f"w{i}" for i in range(40))


def keep(pipeline: Pipeline, *drafts: Draft, name: str = "ours") -> list[str]:
    return run(pipeline.ingest.keep(name, drafts))


def test_ids_given_and_made(pipeline: Pipeline, store: MemoryStore) -> None:
    given, made = keep(pipeline, Draft("one", id="a"), Draft("two"))
    assert given == "a"
    assert len(made) == 32
    assert store.document("ours", made).document.text == "two"


def test_a_short_text_is_one_passage(pipeline: Pipeline, store: MemoryStore) -> None:
    keep(pipeline, Draft(" one two ", id="a"))
    (passage,) = store.document("ours", "a", vectors=True).document.passages
    assert (passage.start, passage.end, len(passage.key)) == (0, 9, KEY_BYTES)
    np.testing.assert_array_equal(passage.vector, unit(" one two "))


def test_a_long_text_is_several_each_with_its_own_vector(pipeline: Pipeline, store: MemoryStore) -> None:
    keep(pipeline, Draft(LONG, id="a"))
    passages = store.document("ours", "a", vectors=True).document.passages
    assert len(passages) == 3
    for passage in passages:
        np.testing.assert_array_equal(passage.vector, unit(LONG[passage.start : passage.end]))


def test_what_is_known_is_not_embedded_again(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    keep(pipeline, Draft("same", id="a"), Draft("same", id="b"), Draft("other", id="c"))
    assert sorted(embedder.texts) == ["other", "same"]
    keep(pipeline, Draft("same", id="d", metadata={"n": 1}), Draft(LONG, id="e"))
    keep(pipeline, Draft(LONG + " tail", id="e"))
    assert embedder.texts.count("same") == 1
    assert len(embedder.texts) == 2 + 3 + 1  # of the longer text only the last passage is new
    assert embedder.roles == ["passage"] * 3  # one call for each batch


def test_a_queue_that_fills_midway_is_waited_for_and_nothing_is_made_twice(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.ingest.EMBEDDED_AT_ONCE", 1)
    embed, calls = embedder.embed, 0

    async def full_at_the_second_call(texts: Sequence[str], **more: Any) -> Embeddings:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise QueueFull(9, 1, 9, 0)
        return await embed(texts, **more)

    monkeypatch.setattr(embedder, "embed", full_at_the_second_call)
    keep(pipeline, Draft(LONG, id="a"))
    assert len(store.document("ours", "a", vectors=True).document.passages) == 3
    assert len(embedder.texts) == len(set(embedder.texts)) == 3
    embedder.failure = QueueFull(9, 1, 9, 0)
    with pytest.raises(QueueFull):
        keep(pipeline, Draft("another", id="b"))


def test_many_passages_are_embedded_some_at_a_time(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.ingest.EMBEDDED_AT_ONCE", 3)
    keep(pipeline, *(Draft(f"text {i}", id=f"d{i}") for i in range(7)))
    assert len(embedder.roles) == 3
    for i in range(7):
        (passage,) = store.document("ours", f"d{i}", vectors=True).document.passages
        np.testing.assert_array_equal(passage.vector, unit(f"text {i}"))


def test_nothing_missing_asks_nobody(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    keep(pipeline, Draft("same", id="a"))
    keep(pipeline, Draft("same", id="a"))
    assert embedder.roles == ["passage"]


def test_the_key_follows_text_prompt_revision_and_precision() -> None:
    keys = {key(card(**changes), "a") for changes in ({}, {"revision": "2"}, {"precision": "int8"})}
    assert len(keys | {key(card(), "b")}) == 4


def test_given_vectors_are_taken_as_they_are(pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder) -> None:
    vector = np.array([3, 4, 0], np.float32)
    keep(pipeline, Draft("any text of any length " * 20, "a", {}, vector), Draft("", "b", {}, vector), name="foreign")
    (passage,) = store.document("foreign", "a", vectors=True).document.passages
    assert (passage.start, passage.end, passage.key) == (0, len("any text of any length ") * 20, b"")
    np.testing.assert_array_equal(passage.vector, vector)
    assert store.document("foreign", "b", vectors=True).document.passages[0].end == 0
    assert embedder.roles == []


def test_given_and_made_vectors_find_their_documents(pipeline: Pipeline, store: MemoryStore) -> None:
    given = np.ones(DIMENSION, np.float32)
    keep(pipeline, Draft("one", "a"), Draft("two", "b", {}, given), Draft("three", "c"))
    for name, vector in (("a", unit("one")), ("b", given), ("c", unit("three"))):
        (passage,) = store.document("ours", name, vectors=True).document.passages
        np.testing.assert_array_equal(passage.vector, vector)


def test_a_passages_key_is_believed_only_where_it_is_its_texts(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder
) -> None:
    right, wrong = key(embedder.card, "one"), key(embedder.card, "two")
    forged = np.ones(DIMENSION, np.float32)
    keep(
        pipeline,
        Draft("one", "a", passages=(Passage(0, 3, forged, right),)),
        Draft("one", "b", passages=(Passage(0, 3, forged, wrong),)),
    )
    found = [store.document("ours", name, vectors=True).document.passages[0].key for name in ("a", "b")]
    assert found == [right, b""]


@pytest.mark.parametrize(
    ("name", "draft", "error", "word"),
    [
        ("foreign", Draft("text"), SpaceMismatch, "the model other-model, and fake-model is what is served here"),
        ("ours", Draft(vector=np.ones(7, np.float32)), SpaceMismatch, "the dimension 8, and 7 was given"),
        ("ours", Draft(vector=np.full(8, np.inf, np.float32)), InvalidDocument, "float32 cannot hold"),
        ("ours", Draft(vector=np.full(8, np.nan, np.float32)), InvalidDocument, "float32 cannot hold"),
        ("ours", Draft(vector=np.full(8, 1e30, np.float32)), InvalidDocument, "length of 2.83e.30, and 1e-15 to 1e.15"),
        ("ours", Draft(vector=np.full(8, 1e-30, np.float32)), InvalidDocument, "length of 2.83e-30"),
        ("ours", Draft(vector=np.zeros(8, np.float32)), InvalidDocument, "no direction"),
        ("ours", Draft(" "), InvalidDocument, "document 1: its text is empty"),
    ],
)
def test_one_that_cannot_be_kept_refuses_all(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, name: str, draft: Draft, error: type, word: str
) -> None:
    good = Draft(vector=np.ones(store.collection(name).space.dimension, np.float32))
    with pytest.raises(error, match=word):
        keep(pipeline, good, draft, name=name)
    assert (store.upserts, embedder.roles) == ([], [])


def test_a_zero_vector_is_fine_where_no_direction_is_needed(pipeline: Pipeline) -> None:
    keep(pipeline, Draft(vector=np.zeros(3, np.float32)), name="foreign")


@pytest.mark.parametrize("space", [Space("fake-model", DIMENSION), Space("mine", 3)])
def test_a_collection_made_anew_while_texts_are_embedded_gets_none_of_them(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:
    embed = embedder.embed

    async def slow(texts: Sequence[str]) -> Embeddings:
        store.delete_collection("ours")
        store.create_collection("ours", space, {})
        return await embed(texts)

    monkeypatch.setattr(embedder, "embed", slow)
    with pytest.raises(CollectionNotFound, match="'ours'"):
        keep(pipeline, Draft("a"))
    assert store.collection("ours").documents == 0


@pytest.mark.parametrize("failure", [EncoderFailed("bad"), StorageFull("no space")])
def test_a_failure_keeps_nothing(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, failure: Exception
) -> None:
    if isinstance(failure, StorageFull):
        store.failure = failure
    else:
        embedder.failure = failure
    with pytest.raises(type(failure)):
        keep(pipeline, Draft("a"))
    assert store.collection("ours").documents == 0
