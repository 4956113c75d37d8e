"""An import as it runs: whole batches in order, the same again does nothing, and what ends it early."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from app.embedding.embedder import Embeddings, Role
from app.errors import EncoderFailed, QueueFull, SpaceMismatch, StorageFull
from app.pipeline import importer
from app.pipeline.formats.media_types import reader_for
from app.pipeline.importer import HungUp, Import
from app.pipeline.pipeline import IMPORTED_AT_ONCE, Pipeline
from app.store.store import Document, Space
from tests.fakes import FakeEmbedder
from tests.memory import MemoryStore
from tests.unit.pipeline.conftest import run

NDJSON = "application/x-ndjson"
DECISION = Path(__file__).resolve().parents[3] / "docs" / "decisions" / "0011-import.md"


def lines(documents: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in documents)


def numbered(count: int) -> bytes:
    return lines({"id": f"d{i}", "text": f"text {i}"} for i in range(count))


async def chunks(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


def begin(
    pipeline: Pipeline,
    source: AsyncIterator[bytes],
    *,
    name: str = "ours",
    form: str = NDJSON,
    total: int | None = None,
) -> Import:
    return pipeline.importing(pipeline.store.collection(name), reader_for(form, 10_000), source, total, 0.0)


def take(pipeline: Pipeline, *parts: bytes | Exception, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The summary and the events of an import of `parts`."""
    events = []

    async def scenario() -> dict[str, Any]:
        importing = begin(pipeline, chunks(*parts), **more)
        async for event in importing.events():
            events.append(event)
        return importing.progress.summary()

    return run(scenario()), events


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "BATCH_DOCUMENTS", 3)


def test_everything_is_kept_and_counted(pipeline: Pipeline, store: MemoryStore) -> None:
    raw = numbered(5)
    summary, events = take(pipeline, raw, total=len(raw))
    assert store.collection("ours").documents == 5
    assert summary["complete"]
    counts = {key: summary[key] for key in ("done", "unchanged", "refused", "bytes_read", "bytes_done", "bytes_total")}
    assert counts == {
        "done": 5,
        "unchanged": 0,
        "refused": 0,
        "bytes_read": len(raw),
        "bytes_done": len(raw),
        "bytes_total": len(raw),
    }
    assert events[0]["progress"]["done"] == 0


def test_the_same_again_does_nothing(pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder) -> None:
    raw = numbered(5) + lines([{"text": "without an id"}, {"text": "vector", "vector": [1.0] * 8}])
    take(pipeline, raw)
    upserts, texts = list(store.upserts), list(embedder.texts)
    summary, _ = take(pipeline, raw)
    assert (summary["done"], summary["unchanged"]) == (0, 7)
    assert (store.upserts, embedder.texts) == (upserts, texts)


def test_only_what_has_changed_is_done(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    take(pipeline, lines([{"id": "a", "text": "one"}, {"id": "b", "text": "two"}, {"id": "c", "vector": [1.0] * 8}]))
    changed: list[dict[str, Any]] = [
        {"id": "a", "text": "one"},
        {"id": "b", "text": "three"},
        {"id": "c", "vector": [2.0] * 8},
    ]
    summary, _ = take(pipeline, lines(changed))
    assert (summary["done"], summary["unchanged"]) == (2, 1)
    assert embedder.texts == ["one", "two", "three"]


def test_an_import_goes_on_where_what_it_compares_is_deleted(
    pipeline: Pipeline, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(pipeline, numbered(3) + lines([{"id": "v", "text": "vector", "vector": [1.0] * 8}]))
    exported, unchanged = export(pipeline, "ours"), store.unchanged

    def then_deleted(name: str, documents: Sequence[Document]) -> list[bool]:
        found = unchanged(name, documents)
        store.delete_documents(name, ids=["v"])
        return found

    monkeypatch.setattr(store, "unchanged", then_deleted)
    summary, _ = take(pipeline, exported)
    assert (summary["complete"], summary["unchanged"]) == (True, 4)
    summary, _ = take(pipeline, exported)
    assert (summary["done"], summary["unchanged"]) == (1, 3)


@pytest.mark.usefixtures("small_batches")
def test_batches_are_kept_in_their_order_whatever_is_ready_first(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed, later = embedder.embed, asyncio.Event()

    async def held_back(texts: Sequence[str], *, role: Role = "passage", truncate: bool = False) -> Embeddings:
        if "text 0" in texts:
            await later.wait()
        else:
            later.set()
        return await embed(texts, role=role, truncate=truncate)

    monkeypatch.setattr(embedder, "embed", held_back)
    take(pipeline, numbered(8))
    assert store.upserts == [["d0", "d1", "d2"], ["d3", "d4", "d5"], ["d6", "d7"]]


@pytest.mark.usefixtures("small_batches")
def test_of_one_id_the_last_record_counts(pipeline: Pipeline, store: MemoryStore) -> None:
    take(pipeline, lines([{"id": "a", "text": "old"}]))
    fill = [{"id": f"f{i}", "text": f"fill {i}"} for i in range(2)]
    twice = [
        {"id": "a", "text": "new"},
        *fill,
        {"id": "b", "text": "b"},
        {"id": "b", "text": "bb"},
        {"id": "a", "text": "old"},
    ]
    summary, _ = take(pipeline, lines(twice))
    assert store.document("ours", "a").document.text == "old"
    assert store.document("ours", "b").document.text == "bb"
    assert summary["done"] == 6


def test_a_record_that_cannot_be_kept_is_refused_by_its_line(pipeline: Pipeline) -> None:
    raw = b'{bad\n{"text": ""}\n{"text": "a", "vector": [1]}\n{"text": "fine"}\n{"text": "b", "metadata": {"$x": 1}}\n'
    summary, events = take(pipeline, raw)
    refused = [event["refused"] for event in events if "refused" in event]
    assert [each["line"] for each in refused] == [1, 2, 3, 5]
    assert "document of line 2: its text is empty" in refused[1]["reason"]
    assert (summary["done"], summary["refused"], summary["complete"]) == (1, 4, True)


def test_refusals_are_listed_up_to_a_limit_and_counted_beyond(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "LISTED_REFUSALS", 3)
    summary, events = take(pipeline, b"bad\n" * 10)
    assert len([event for event in events if "refused" in event]) == 3
    assert summary["refused"] == 10


@pytest.mark.usefixtures("small_batches")
def test_a_client_that_hangs_up_leaves_whole_batches(pipeline: Pipeline, store: MemoryStore) -> None:
    summary, _ = take(pipeline, numbered(8), HungUp())
    assert store.upserts == [["d0", "d1", "d2"], ["d3", "d4", "d5"]]
    assert (summary["complete"], summary["done"]) == (False, 6)
    summary, _ = take(pipeline, numbered(8))
    assert (summary["complete"], summary["done"], summary["unchanged"]) == (True, 2, 6)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("failure", [EncoderFailed("bad batch"), StorageFull("no space")])
def test_a_failure_ends_it_and_what_came_before_stays(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, failure: Exception
) -> None:
    async def then_fail() -> AsyncIterator[bytes]:
        yield numbered(3)
        yield lines([{"id": "x", "text": "x"}])
        while not store.upserts:
            await asyncio.sleep(0)
        if isinstance(failure, StorageFull):
            store.failure = failure
        else:
            embedder.failure = failure

    async def scenario() -> dict[str, Any]:
        importing = begin(pipeline, then_fail())
        with pytest.raises(type(failure)):
            async for _ in importing.events():
                pass
        return importing.progress.summary()

    summary = run(scenario())
    assert (summary["complete"], summary["done"], store.upserts) == (False, 3, [["d0", "d1", "d2"]])


def test_where_the_queue_is_full_it_waits(pipeline: Pipeline, embedder: FakeEmbedder) -> None:
    embedder.failure = QueueFull(5, 1, 5, 0)

    async def scenario() -> dict[str, Any]:
        importing = begin(pipeline, chunks(numbered(2)))
        async for event in importing.events():
            if event["progress"]["bytes_read"]:
                embedder.failure = None
        return importing.progress.summary()

    assert run(scenario())["done"] == 2


def test_leaving_early_stops_the_work(pipeline: Pipeline, store: MemoryStore) -> None:
    ended: list[bool] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield numbered(1)
                await asyncio.sleep(0)
        finally:
            ended.append(True)

    async def scenario() -> None:
        events = begin(pipeline, endless()).events()
        await anext(events)
        await anext(events)
        await events.aclose()

    run(scenario())
    assert ended == [True]


@pytest.mark.parametrize(("held_bytes", "taken"), [(5_000, 2), (importer.IN_FLIGHT_BYTES, importer.IN_FLIGHT + 1)])
def test_large_records_are_not_held_side_by_side(
    pipeline: Pipeline, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch, held_bytes: int, taken: int
) -> None:
    embed, given, at_embedding = embedder.embed, 0, list[int]()
    monkeypatch.setattr(importer, "BATCH_BYTES", 3_000)
    monkeypatch.setattr(importer, "IN_FLIGHT_BYTES", held_bytes)

    async def noted(texts: Sequence[str], *, role: Role = "passage", truncate: bool = False) -> Embeddings:
        at_embedding.append(given)
        return await embed(texts, role=role, truncate=truncate)

    async def one_by_one() -> AsyncIterator[bytes]:
        nonlocal given
        for given in range(1, 9):
            yield lines([{"id": f"d{given}", "text": f"{given}" * 3_000}])

    async def scenario() -> dict[str, Any]:
        importing = begin(pipeline, one_by_one())
        async for _ in importing.events():
            pass
        return importing.progress.summary()

    monkeypatch.setattr(embedder, "embed", noted)
    assert run(scenario())["done"] == 8
    # One is under way and the next in hand, or as many as may be under way and the next.
    assert at_embedding[0] == taken


def test_vectors_that_are_brought_fill_a_batch(
    pipeline: Pipeline, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_BYTES", 10_000)
    store.create_collection("wide", Space("m", 1_000), {})
    vector = b64encode(np.ones(1_000, np.float32).tobytes()).decode()
    whole = [{"id": f"w{i}", "vector": vector} for i in range(4)]
    parts = [{"id": f"p{i}", "passages": [{"start": 0, "end": 0, "vector": vector}]} for i in range(4)]
    assert take(pipeline, lines(whole + parts), name="wide")[0]["done"] == 8
    assert store.upserts == [["w0", "w1", "w2"], ["w3", "p0", "p1"], ["p2", "p3"]]


def export(pipeline: Pipeline, name: str) -> bytes:
    async def scenario() -> bytes:
        return b"".join([block async for block in pipeline.exporting(pipeline.store.collection(name), 10_000)])

    return run(scenario())


def test_an_export_imported_elsewhere_is_the_same_collection(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder
) -> None:
    long = " ".join(f"w{i}" for i in range(40))
    take(
        pipeline,
        lines(
            [
                {"id": "a", "text": long, "metadata": {"n": 1}},
                {"id": "b", "text": "given", "vector": [0.1] * 8},
                {"id": "c", "vector": [0.3] * 8},
            ]
        ),
    )
    exported, embedded = export(pipeline, "ours"), list(embedder.texts)
    store.create_collection("copy", store.collection("ours").space, {})
    summary, _ = take(pipeline, exported, name="copy")
    assert summary["done"] == 3
    assert embedder.texts == embedded
    assert export(pipeline, "copy").partition(b"\n")[2] == exported.partition(b"\n")[2]
    copied = _documents(store, "copy")
    for one, other in zip(_documents(store, "ours"), copied, strict=True):
        assert (one.id, one.text, one.metadata) == (other.id, other.text, other.metadata)
        assert [p.key for p in one.passages] == [p.key for p in other.passages]
        for first, second in zip(one.passages, other.passages, strict=True):
            np.testing.assert_array_equal(first.vector, second.vector)
    assert take(pipeline, exported, name="copy")[0]["unchanged"] == 3


@pytest.mark.usefixtures("small_batches")
def test_imports_side_by_side_share_the_encoder(
    pipeline: Pipeline, store: MemoryStore, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed, full = embedder.embed, asyncio.Event()
    held, most = 0, 0

    async def counted(texts: Sequence[str], *, role: Role = "passage", truncate: bool = False) -> Embeddings:
        nonlocal held, most
        held += 1
        most = max(most, held)
        if held == IMPORTED_AT_ONCE:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        held -= 1
        return await embed(texts, role=role, truncate=truncate)

    monkeypatch.setattr(embedder, "embed", counted)
    store.create_collection("copy", store.collection("ours").space, {})

    async def scenario(name: str, word: str) -> None:
        raw = lines({"id": f"d{i}", "text": f"{word} {i}"} for i in range(60))
        async for _ in begin(pipeline, chunks(raw), name=name).events():
            pass

    async def both() -> None:
        await asyncio.gather(scenario("ours", "one"), scenario("copy", "other"))

    run(both())
    assert most == IMPORTED_AT_ONCE
    assert store.collection("ours").documents == store.collection("copy").documents == 60


def test_an_export_goes_into_no_other_space(pipeline: Pipeline, store: MemoryStore) -> None:
    with pytest.raises(SpaceMismatch, match="model other-model, and fake-model"):
        take(pipeline, export(pipeline, "ours"), name="foreign")


def test_exports_come_in_blocks(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.pipeline.exporter.BLOCK_BYTES", 1)
    take(pipeline, numbered(4))

    async def scenario() -> list[bytes]:
        return [block async for block in pipeline.exporting(pipeline.store.collection("ours"), 10_000)]

    blocks = run(scenario())
    assert [block.count(b"\n") for block in blocks] == [1] * 5
    assert orjson.loads(blocks[0])["collection"]["model"] == "fake-model"


@pytest.mark.parametrize(
    ("form", "raw", "texts"),
    [
        ("text/csv", b"text,lang\none,de\n", ["one"]),
        ("text/markdown", b"# A\nbody\n", ["# A\nbody"]),
        ("text/plain", b"p1\n\np2\n", ["p1", "p2"]),
    ],
)
def test_other_forms_and_again(pipeline: Pipeline, store: MemoryStore, form: str, raw: bytes, texts: list[str]) -> None:
    assert take(pipeline, raw, form=form)[0]["done"] == len(texts)
    assert sorted(each.text for each in _documents(store, "ours")) == sorted(texts)
    assert take(pipeline, raw, form=form)[0]["unchanged"] == len(texts)


def _documents(store: MemoryStore, name: str) -> list[Document]:
    return [stored.document for stored in store.export(name)]


def test_the_decision_says_how_many_batches_are_under_way() -> None:
    said = " ".join(DECISION.read_text().split())
    assert importer.IN_FLIGHT == 4
    held = importer.IN_FLIGHT_BYTES // 1_000_000
    assert f"Up to four batches of {held} MB together are under way at once" in said
    full = f"{importer.BATCH_DOCUMENTS} documents, {importer.BATCH_CHARACTERS:,} characters"
    assert f"batches: {full}, or {importer.BATCH_BYTES // 1_000_000} MB of texts" in said
