"""An export that is left early: the store holds nothing for it afterwards, whatever a thread was doing just then."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from app.pipeline.pipeline import Pipeline
from app.store.store import Document, StoredDocument
from tests.memory import MemoryStore
from tests.unit.pipeline.conftest import run

WAIT_S = 10.0


class Snapshot:
    """What a store gives for an export, made so that reading it stands still until `go_on`; `left`: it was let go."""

    def __init__(self) -> None:
        self.reading, self.go_on, self.left = threading.Event(), threading.Event(), threading.Event()

    def documents(self, name: str) -> Iterator[StoredDocument]:
        try:
            self.reading.set()
            assert self.go_on.wait(WAIT_S), "the test never let the export go on"
            for number in range(1000):
                yield StoredDocument(Document(f"d{number}", name), 0.0)
        finally:
            self.left.set()


@pytest.fixture
def snapshot(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    monkeypatch.setattr("app.pipeline.exporter.BLOCK_BYTES", 1)
    snapshot = Snapshot()
    monkeypatch.setattr(store, "export", snapshot.documents)
    return snapshot


async def exported(pipeline: Pipeline) -> list[bytes]:
    async with aclosing(pipeline.exporting(pipeline.store.collection("ours"), 10_000)) as blocks:
        return [block async for block in blocks]


@pytest.mark.parametrize("times", [1, 2])
def test_an_export_that_is_cancelled_while_it_reads_lets_go(pipeline: Pipeline, snapshot: Snapshot, times: int) -> None:
    async def scenario() -> None:
        export = asyncio.create_task(exported(pipeline))
        assert await asyncio.to_thread(snapshot.reading.wait, WAIT_S)
        export.cancel()
        await asyncio.wait({export}, timeout=0.1)
        assert not export.done()
        if times == 2:  # whoever cannot wait need not
            export.cancel()
            await asyncio.wait({export})
        snapshot.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await export
        assert await asyncio.to_thread(snapshot.left.wait, WAIT_S)

    run(scenario())


def test_an_export_that_is_left_between_blocks_lets_go(pipeline: Pipeline, snapshot: Snapshot) -> None:
    snapshot.go_on.set()

    async def scenario() -> None:
        async with aclosing(pipeline.exporting(pipeline.store.collection("ours"), 10_000)) as blocks:
            await anext(blocks)
            await anext(blocks)
        assert snapshot.left.is_set()

    run(scenario())
