"""Any history of writes, against a model in memory: counts, ids, searches and filters agree, and outlive reopening."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.errors import ModeUnsupported
from app.store.filters import Compares, Equals, Filter, Not, matches
from app.store.keyword import document_text, query_tokens
from app.store.store import F32, Distance, Document, Passage, Query, Space, Store, default_mode
from tests.store.opening import STORES

DIMENSION = 3
NAMES = ("one", "two")
DISTANCES: tuple[Distance, ...] = ("cosine", "dot", "euclidean")
WORDS = ("fox", "dog", "Łódź", "東京", "🍕", "fox fox dog", "")

vectors = st.lists(st.integers(-2, 2), min_size=DIMENSION, max_size=DIMENSION).map(
    lambda row: np.array(row, np.float32)
)
metadata = st.fixed_dictionaries({}, optional={"n": st.integers(0, 3), "ok": st.booleans(), "s": st.sampled_from("ab")})
ids = st.sampled_from(["a", "b", "c", "d", "é", "Z", "0"])
filters: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Equals, st.just("n"), st.tuples(st.integers(0, 3), st.integers(0, 3))),
    st.builds(Compares, st.just("n"), st.just("$gte"), st.integers(0, 3)),
    st.builds(Not, st.builds(Equals, st.just("ok"), st.tuples(st.booleans()))),
    st.builds(Equals, st.just("s"), st.tuples(st.sampled_from("ab"))),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    parts = draw(st.lists(st.sampled_from(WORDS), max_size=3))
    text, passages = " ".join(parts), []
    start = 0
    for part in parts:
        passages.append(Passage(start, start + len(part), draw(vectors), part.encode()))
        start += len(part) + 1
    return Document(draw(ids), text, draw(metadata), tuple(passages))


def near(vector: F32, query: F32, distance: Distance) -> float:
    if distance == "euclidean":
        return -float(np.linalg.norm(vector - query))
    product = float(vector @ query)
    if distance == "dot":
        return product
    lengths = float(np.linalg.norm(vector) * np.linalg.norm(query))
    return product / lengths if lengths else 0.0


class History(RuleBasedStateMachine):
    def __init__(self, opening: Callable[[Path], Store]) -> None:
        super().__init__()
        self._opening = opening
        self._directory = tempfile.TemporaryDirectory()
        self.store = self._open()
        self.model: dict[str, dict[str, Document]] = {}
        self.distances: dict[str, Distance] = {}

    def _open(self) -> Store:
        return self._opening(Path(self._directory.name))

    def teardown(self) -> None:
        self.store.close()
        self._directory.cleanup()

    @initialize(distance=st.sampled_from(DISTANCES))
    def begin(self, distance: Distance) -> None:
        self.create("one", distance)

    @rule(name=st.sampled_from(NAMES), distance=st.sampled_from(DISTANCES))
    def create(self, name: str, distance: Distance) -> None:
        if name not in self.model:
            self.store.create_collection(name, Space("m", DIMENSION, distance), {})
            self.model[name], self.distances[name] = {}, distance

    @precondition(lambda self: "two" in self.model)
    @rule()
    def delete_collection(self) -> None:
        self.store.delete_collection("two")
        del self.model["two"]

    @rule(name=st.sampled_from(NAMES), batch=st.lists(documents(), max_size=4))
    def upsert(self, name: str, batch: list[Document]) -> None:
        if name in self.model:
            self.store.upsert(name, batch)
            self.model[name].update({each.id: each for each in batch})

    @rule(name=st.sampled_from(NAMES), doomed=st.lists(ids, max_size=3))
    def delete_by_id(self, name: str, doomed: list[str]) -> None:
        if name in self.model:
            there = set(doomed) & set(self.model[name])
            assert self.store.delete_documents(name, ids=doomed) == len(there)
            for each in there:
                del self.model[name][each]

    @rule(name=st.sampled_from(NAMES), filter=filters)
    def delete_by_filter(self, name: str, filter: Filter) -> None:
        if name in self.model:
            there = [each.id for each in self.model[name].values() if matches(filter, each.metadata)]
            assert self.store.delete_documents(name, filter=filter) == len(there)
            for each in there:
                del self.model[name][each]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self._open()

    @rule(name=st.sampled_from(NAMES), filter=filters)
    def filters_agree(self, name: str, filter: Filter) -> None:
        if name in self.model:
            page = self.store.documents(name, filter=filter)
            there = sorted(each.id for each in self.model[name].values() if matches(filter, each.metadata))
            assert [each.document.id for each in page.documents] == there

    @rule(
        name=st.sampled_from(NAMES),
        query=vectors,
        filter=filters | st.none(),
        limit=st.integers(1, 8),
        offset=st.integers(0, 3),
    )
    def search_agrees_with_model(self, name: str, query: F32, filter: Filter | None, limit: int, offset: int) -> None:
        if name not in self.model:
            return
        scores = {
            each.id: max(near(passage.vector, query, self.distances[name]) for passage in each.passages)
            for each in self.model[name].values()
            if each.passages and (filter is None or matches(filter, each.metadata))
        }
        wanted = Query("semantic", vector=query, filter=filter, limit=limit, offset=offset)
        hits = self.store.search(name, wanted)
        expected = sorted(scores.values(), reverse=True)[offset : offset + limit]
        assert len({hit.document.document.id for hit in hits}) == len(hits)
        np.testing.assert_allclose([hit.score for hit in hits], expected, atol=1e-5)
        np.testing.assert_allclose([scores[hit.document.document.id] for hit in hits], expected, atol=1e-5)

    @rule(name=st.sampled_from(NAMES), text=st.sampled_from(WORDS), query=vectors, filter=filters | st.none())
    def keyword_agrees_on_presence(self, name: str, text: str, query: F32, filter: Filter | None) -> None:
        if name not in self.model:
            return
        tokens = set(query_tokens(text))
        passing = [each for each in self.model[name].values() if filter is None or matches(filter, each.metadata)]
        worded = {each.id for each in passing if any(tokens & self._tokens(each, part) for part in each.passages)}
        if default_mode(self.store) == "semantic":
            with pytest.raises(ModeUnsupported):
                self.store.search(name, Query("keyword", text, filter=filter, limit=100))
            return
        hits = self.store.search(name, Query("keyword", text, filter=filter, limit=100))
        assert {hit.document.document.id for hit in hits} == worded
        both = self.store.search(name, Query("hybrid", text, query, filter=filter, limit=100))
        assert {hit.document.document.id for hit in both} == {each.id for each in passing if each.passages}
        assert {hit.document.document.id for hit in both if hit.keyword} == worded
        assert all(0 < hit.score <= 1 for hit in both)

    def _tokens(self, document: Document, passage: Passage) -> set[str]:
        return set(document_text(document.text[passage.start : passage.end]).split())

    @invariant()
    def counts_agree(self) -> None:
        found = {each.name: (each.documents, each.passages) for each in self.store.collections()}
        assert found == {
            name: (len(inside), sum(len(each.passages) for each in inside.values()))
            for name, inside in self.model.items()
        }

    @invariant()
    def ids_and_contents_agree(self) -> None:
        for name, inside in self.model.items():
            kept = [each.document for each in self.store.export(name)]
            assert [each.id for each in kept] == sorted(inside)
            for each in kept:
                assert _plain(each) == _plain(inside[each.id])


def _plain(document: Document) -> tuple[Any, ...]:
    passages = [(part.start, part.end, part.vector.tolist(), part.key) for part in document.passages]
    return document.id, document.text, document.metadata, passages


@pytest.mark.parametrize("kind", sorted(STORES))
def test_any_history(kind: str) -> None:
    class Opened(History):
        def __init__(self) -> None:
            super().__init__(STORES[kind])

    run_state_machine_as_test(
        Opened,
        settings=settings(max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
