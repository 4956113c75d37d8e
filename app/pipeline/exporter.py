"""One export as it runs: a collection as NDJSON, with its vectors, in blocks of bounded size."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import orjson

from app.pipeline.workers import Workers
from app.store.store import Collection, Document, Passage, Store, StoredDocument

BLOCK_BYTES = 256 * 1024


async def export_blocks(
    store: Store, workers: Workers, collection: Collection, max_line_bytes: int
) -> AsyncGenerator[bytes, None]:
    """Whole lines: {"collection": {…}} first, then {"id", "text", "metadata", "passages"} for each document, by id.

    A passage is {"start", "end", "vector": base64 of little-endian float32, "key"?: hex}. Where a line would have more
    than `max_line_bytes`, which an import refuses, there are no passages: whoever imports it makes them again. Vectors
    that were given stay, whatever their size. However it ends, the store holds nothing for it any more.
    raises  CollectionNotFound; NotReady, DatabaseAway and what else the store raises while it is read
    """
    yield orjson.dumps({"collection": _header(collection)}, option=orjson.OPT_APPEND_NEWLINE)
    documents = await workers.run(store.export, collection.name)
    reading: asyncio.Task[bytes] | None = None
    try:
        while True:
            reading = asyncio.create_task(workers.run_as("export", _block, documents, max_line_bytes))
            block = await asyncio.shield(reading)
            if not block:
                return
            yield block
    finally:
        await asyncio.shield(_close(workers, documents, reading))


async def _close(workers: Workers, documents: Iterator[StoredDocument], reading: "asyncio.Task[bytes] | None") -> None:
    """Have a generator that was left early let go of what it holds, once the thread that may be in it is out of it."""
    if reading is not None:
        await asyncio.gather(reading, return_exceptions=True)
    if close := getattr(documents, "close", None):
        await workers.run_as("export", close)


def _block(documents: Iterator[StoredDocument], max_line_bytes: int) -> bytes:
    """The next lines, some BLOCK_BYTES of them; empty at the end. Blocks."""
    block = bytearray()
    for stored in documents:
        block += _line(stored.document, max_line_bytes)
        if len(block) >= BLOCK_BYTES:
            break
    return bytes(block)


def _line(document: Document, max_line_bytes: int) -> bytes:
    line = {"id": document.id, "text": document.text, "metadata": dict(document.metadata)}
    passages = [_passage(passage) for passage in document.passages]
    whole = orjson.dumps(line | {"passages": passages}, option=orjson.OPT_APPEND_NEWLINE)
    if len(whole) <= max_line_bytes or not all(passage.key for passage in document.passages):
        return whole
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _header(collection: Collection) -> dict[str, Any]:
    space = collection.space
    return {
        "name": collection.name,
        "model": space.model,
        "dimension": space.dimension,
        "distance": space.distance,
        "metadata": dict(collection.metadata),
    }


def _passage(passage: Passage) -> dict[str, Any]:
    vector = b64encode(passage.vector.astype("<f4", copy=False).tobytes()).decode("ascii")
    body: dict[str, Any] = {"start": passage.start, "end": passage.end, "vector": vector}
    if passage.key:
        body["key"] = passage.key.hex()
    return body
