"""Maps: what is drawn of a collection, what is kept of it, and that one is drawn at a time."""

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from app.embedding.embedder import Cut
from app.errors import CollectionNotFound, InvalidInput, SpaceMismatch, TooManyMaps
from app.pipeline import maps as module
from app.pipeline.drafts import Draft, Rules
from app.pipeline.maps import Map
from app.pipeline.pipeline import Pipeline
from app.projection.plane import Layout
from app.store.store import Document, Passage, Sample, Space, StoredDocument
from tests.fakes import DIMENSION, FakeEmbedder, unit
from tests.memory import MemoryStore
from tests.unit.pipeline.conftest import run

WORDS = [f"word{n}" for n in range(30)]


class Watched(MemoryStore):
    """Counts the samples that are read, holds the first one back, and knows how many are read at once."""

    def __init__(self) -> None:
        super().__init__()
        self.read = self.reading = self.most_at_once = 0
        self.entered, self.open = threading.Event(), threading.Event()
        self.open.set()

    def sample(self, name: str, limit: int) -> Sample:
        sample = super().sample(name, limit)
        return Sample(sample.collection, sample.version, self._watched(sample.documents))

    def _watched(self, documents: Iterator[StoredDocument]) -> Iterator[StoredDocument]:
        self.read += 1
        self.reading += 1
        self.most_at_once = max(self.most_at_once, self.reading)
        self.entered.set()
        assert self.open.wait(10), "the test never let the drawing go on"
        yield from documents
        self.reading -= 1


@pytest.fixture
def store() -> Watched:
    store = Watched()
    store.create_collection("ours", Space("fake-model", DIMENSION), {})
    store.create_collection("foreign", Space("other-model", 3, "dot"), {})
    return store


@pytest.fixture(autouse=True)
def documents(pipeline: Pipeline) -> None:
    run(pipeline.ingest.keep("ours", [Draft(text, text, {"n": n}) for n, text in enumerate(WORDS)]))


def draw(pipeline: Pipeline, layout: Layout = "components", limit: int = 100, name: str = "ours") -> Map:
    return run(pipeline.maps.draw(name, layout, limit))


def test_every_document_is_a_point(pipeline: Pipeline) -> None:
    drawn = draw(pipeline)
    assert drawn.ids == drawn.texts == sorted(WORDS)
    assert drawn.metadata[0] == b'{"n":0}'
    assert drawn.documents == len(drawn.groups) == 30
    assert drawn.plane is not None
    assert drawn.plane.points.shape == (30, 2)
    assert set(drawn.groups.tolist()) == {0, 1, 2, 3}


def test_a_document_stands_at_the_mean_of_its_passages(pipeline: Pipeline, store: Watched) -> None:
    ends = [np.eye(DIMENSION, dtype=np.float32)[axis] * length for axis, length in ((0, 3), (1, 3), (2, 9))]
    two = Document("two", "ab", {}, (Passage(0, 1, ends[0]), Passage(1, 2, ends[1])))
    mean = Document("mean", "ab", {}, (Passage(0, 2, ends[0] + ends[1]),))
    other = Document("other", "c", {}, (Passage(0, 1, ends[2]),))
    store.create_collection("made", Space("fake-model", DIMENSION), {})
    store.upsert("made", [two, mean, other])
    drawn = draw(pipeline, name="made")
    assert drawn.ids == ["mean", "other", "two"]
    assert drawn.plane is not None
    np.testing.assert_allclose(drawn.plane.points[0], drawn.plane.points[2], atol=1e-6)
    assert abs(drawn.plane.points[1] - drawn.plane.points[0]).max() == pytest.approx(2)


def test_of_more_documents_than_the_limit_a_sample_is_drawn(pipeline: Pipeline) -> None:
    drawn = draw(pipeline, limit=7)
    assert drawn.documents == 30
    assert len(drawn.ids) == 7
    assert drawn.ids == draw(pipeline, "neighbours", limit=7).ids


def test_long_vectors_leave_room_for_fewer(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NUMBERS", 5 * DIMENSION + 1)
    assert len(draw(pipeline).ids) == 5


def test_an_empty_collection_has_an_empty_map(pipeline: Pipeline) -> None:
    drawn = draw(pipeline, name="foreign")
    assert (drawn.documents, drawn.ids, drawn.plane) == (0, [], None)


def test_a_map_is_drawn_once_for_each_state_layout_and_limit(pipeline: Pipeline, store: Watched) -> None:
    assert draw(pipeline) is draw(pipeline)
    assert store.read == 1
    draw(pipeline, "neighbours")
    draw(pipeline, limit=7)
    assert store.read == 3
    run(pipeline.ingest.keep("ours", [Draft("another text", WORDS[0])]))
    assert "another text" in draw(pipeline).texts
    assert store.read == 4
    store.delete_documents("ours", ids=WORDS[:1])
    assert len(draw(pipeline).ids) == 29
    store.delete_collection("ours")
    store.create_collection("ours", Space("fake-model", DIMENSION), {})
    assert draw(pipeline).ids == []


def test_the_least_used_maps_make_room(pipeline: Pipeline, store: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = draw(pipeline, limit=20), draw(pipeline, limit=21)
    monkeypatch.setattr(module, "KEPT_BYTES", first.bytes + second.bytes + 1)
    assert draw(pipeline, limit=20) is first
    draw(pipeline, limit=19)
    assert draw(pipeline, limit=20) is first
    assert draw(pipeline, limit=21) is not second
    assert store.read == 4
    monkeypatch.setattr(module, "KEPT_BYTES", 10)
    last = draw(pipeline, limit=22)
    assert draw(pipeline, limit=22) is last
    draw(pipeline, limit=23)
    assert draw(pipeline, limit=22) is not last


def test_one_map_is_drawn_at_a_time_and_who_waited_for_the_same_gets_it(pipeline: Pipeline, store: Watched) -> None:
    async def scenario() -> list[Map]:
        store.open.clear()
        asked = [(20, "first"), (20, "same"), (21, "other")]
        drawing = [asyncio.create_task(pipeline.maps.draw("ours", "components", limit)) for limit, _ in asked]
        assert await asyncio.to_thread(store.entered.wait, 10)
        # The loop and the store go on meanwhile.
        assert (await pipeline.run(store.collection, "ours")).documents == 30
        store.open.set()
        return await asyncio.gather(*drawing)

    first, same, other = run(scenario())
    assert first is same
    assert len(other.ids) == 21
    assert (store.read, store.most_at_once) == (2, 1)


def test_a_map_whose_client_left_is_there_when_it_comes_again(pipeline: Pipeline, store: Watched) -> None:
    async def scenario() -> None:
        store.open.clear()
        left = asyncio.create_task(pipeline.maps.draw("ours", "components", 20))
        assert await asyncio.to_thread(store.entered.wait, 10)
        left.cancel()
        await asyncio.wait([left])
        store.open.set()
        await pipeline.maps.draw("ours", "components", 20)

    run(scenario())
    assert store.read == 1


def test_no_more_wait_than_may_and_what_is_kept_is_given_all_the_same(store: Watched, embedder: FakeEmbedder) -> None:
    took_s: list[float] = []
    pipeline = Pipeline(
        store, embedder, rules=Rules(1000, 4), max_streams=2, max_asks=2, max_maps=2, drawn=took_s.append
    )

    async def scenario() -> None:
        kept = await pipeline.maps.draw("ours", "components", 30)
        store.entered.clear()
        store.open.clear()
        drawing = asyncio.create_task(pipeline.maps.draw("ours", "components", 20))
        assert await asyncio.to_thread(store.entered.wait, 10)
        left = asyncio.create_task(pipeline.maps.draw("ours", "components", 21))
        while pipeline.maps._under_way < 2:
            await asyncio.sleep(0.001)
        with pytest.raises(TooManyMaps, match=r"2 maps .*MAX_MAPS"):
            await pipeline.maps.draw("ours", "components", 22)
        assert await pipeline.maps.draw("ours", "components", 30) is kept
        left.cancel()
        await asyncio.wait([left])
        waits = asyncio.create_task(pipeline.maps.draw("ours", "components", 23))
        store.open.set()
        assert len((await drawing).ids) == 20
        assert len((await waits).ids) == 23

    run(scenario())
    pipeline.close()
    assert len(took_s) == 4  # the one that was kept took nothing the second time, the one that was refused neither


@pytest.mark.parametrize("layout", ["components", "neighbours"])
def test_a_document_s_own_text_falls_on_its_point(pipeline: Pipeline, embedder: FakeEmbedder, layout: Layout) -> None:
    placed = run(pipeline.maps.place("ours", "word7", layout, 100))
    assert embedder.roles[-1] == "query"
    assert placed.cut is None
    drawn = draw(pipeline, layout)
    assert drawn.plane is not None
    expected = drawn.plane.place(unit("word7"))
    assert (placed.x, placed.y) == pytest.approx(expected)
    point = drawn.plane.points[drawn.ids.index("word7")]
    assert (placed.x, placed.y) == pytest.approx(tuple(point), abs=1e-5 if layout == "components" else 0.3)


def test_a_query_longer_than_the_window_says_what_was_left_out(pipeline: Pipeline) -> None:
    assert run(pipeline.maps.place("ours", "w " * 20, "components", 100)).cut == Cut(0, 20, 16)


def test_on_an_empty_map_it_falls_in_the_middle(pipeline: Pipeline, store: Watched) -> None:
    store.create_collection("empty", Space("fake-model", DIMENSION), {})
    placed = run(pipeline.maps.place("empty", "a", "neighbours", 100))
    assert (placed.x, placed.y) == (0, 0)


def test_refusals(pipeline: Pipeline, store: Watched) -> None:
    with pytest.raises(InvalidInput, match="not empty"):
        run(pipeline.maps.place("ours", " ", "components", 100))
    with pytest.raises(SpaceMismatch, match="other-model"):
        run(pipeline.maps.place("foreign", "a", "components", 100))
    for call in (pipeline.maps.draw("none", "components", 9), pipeline.maps.place("none", "a", "components", 9)):
        with pytest.raises(CollectionNotFound, match="none"):
            run(call)
    assert store.read == 0
