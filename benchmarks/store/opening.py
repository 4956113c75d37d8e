"""The service's own parts in this process, wired by `app.main` as the service wires them, without HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from app.errors import ModelMissing
from app.main import build_pipeline
from app.parts.embedding import open_cache, open_embedder
from app.parts.store import open_store
from app.pipeline.formats.media_types import reader_for
from app.pipeline.pipeline import Pipeline
from app.settings import Settings
from app.store.store import Collection, Space
from benchmarks.store.report import NotMeasured

CHUNK_BYTES = 64 * 1024


@contextmanager
def opened(directory: Path) -> Iterator[Pipeline]:
    """A pipeline with the real model, and a real store in `directory`. raises NotMeasured without the model"""
    # Without a cache: what has been embedded once would cost the second measurement nothing.
    settings = Settings(data_directory=directory, cache_mb=0)
    try:
        model = open_embedder(settings, die, open_cache(settings)[0])
    except ModelMissing as error:
        raise NotMeasured(str(error)) from None
    store = open_store(settings, die)
    pipeline = build_pipeline(settings, store, model.embedder)
    try:
        yield pipeline
    finally:
        pipeline.close()
        model.close()
        store.close()


def die(death: BaseException) -> None:
    raise SystemExit(f"a thread of the service died: {death}")


def collection(pipeline: Pipeline, name: str) -> Collection:
    card = pipeline.embedder.card
    return pipeline.store.create_collection(name, Space(card.name, card.dimension), {})[0]


def ndjson(texts: list[str], name: str = "d") -> bytes:
    """An import's body: `texts` under the ids d0, d1, …"""
    return b"".join(orjson.dumps({"id": f"{name}{row}", "text": text}) + b"\n" for row, text in enumerate(texts))


async def import_into(pipeline: Pipeline, into: Collection, body: bytes) -> int:
    """Import `body` as the service does, in pieces as they come from a network; how many records were kept."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), CHUNK_BYTES):
            yield body[start : start + CHUNK_BYTES]
            await asyncio.sleep(0)

    reader = reader_for("application/x-ndjson", Settings().max_record_bytes)
    running = pipeline.importing(into, reader, chunks(), len(body))
    async for _ in running.events():
        pass
    assert running.progress.complete
    assert not running.progress.refused
    return running.progress.done


def settle(pipeline: Pipeline) -> float:
    """Wait until the index holds everything; the seconds it took."""
    started = time.perf_counter()
    while (state := pipeline.store.index_state()).state != "ready" or state.behind:
        time.sleep(0.05)
    return time.perf_counter() - started
