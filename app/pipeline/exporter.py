"""One export as it runs: a collection as NDJSON, with its vectors, in blocks of bounded size."""

from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import orjson

from app.pipeline.workers import Workers
from app.store.store import Collection, Passage, Store, StoredDocument

BLOCK_BYTES = 256 * 1024


class Export:
    def __init__(self, store: Store, workers: Workers, collection: Collection) -> None:
        self._store = store
        self._workers = workers
        self._collection = collection

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Whole lines: {"collection": {…}} first, then {"id", "text", "metadata", "passages"} for each document.

        A passage is {"start", "end", "vector": base64 of little-endian float32, "key"?: hex}.
        """
        yield orjson.dumps({"collection": _header(self._collection)}, option=orjson.OPT_APPEND_NEWLINE)
        documents = await self._workers.run(self._store.export, self._collection.name)
        try:
            while block := await self._workers.run(_block, documents):
                yield block
        finally:
            if close := getattr(documents, "close", None):  # a generator left early lets go of what it holds
                await self._workers.run(close)


def _block(documents: Iterator[StoredDocument]) -> bytes:
    """The next lines, some BLOCK_BYTES of them; empty at the end. Blocks."""
    block = bytearray()
    for stored in documents:
        document = stored.document
        line = {
            "id": document.id,
            "text": document.text,
            "metadata": dict(document.metadata),
            "passages": [_passage(passage) for passage in document.passages],
        }
        block += orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if len(block) >= BLOCK_BYTES:
            break
    return bytes(block)


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
