"""Maps of collections: documents as points in the plane, drawn one at a time, and kept until a document changes."""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from app.embedding.embedder import Cut
from app.embedding.embedders import Embedders
from app.errors import InvalidInput, TooManyMaps
from app.pipeline.spaces import embedder_for
from app.pipeline.workers import Workers
from app.projection.clusters import cluster_count, clusters
from app.projection.nearest import F32, I64, unit_rows
from app.projection.plane import Layout, Plane, plane
from app.store.store import Sample, Store, StoredDocument

TEXT_CHARACTERS = 200
# Numbers in the vectors of one map, 16 MB as float32: 10,000 documents of 384, or 2,600 of 1536.
MOST_NUMBERS = 4_000_000
# What all kept maps may take, but for the last one, which is kept whatever it takes: a query is often placed on it.
# One of 2000 documents of 384 numbers takes 2 MB, or 5 in the neighbours' layout.
KEPT_BYTES = 16_000_000

F64 = npt.NDArray[np.float64]
Key = tuple[str, str, Layout, int]


@dataclass(frozen=True)
class Map:
    """Documents as points; `plane` and `groups` are None and empty where there are none.

    documents  how many the collection holds
    ids, texts, metadata  of each point's document, by id: the text's first TEXT_CHARACTERS, the metadata as JSON
    groups     (points,) int64, the cluster of each point
    """

    documents: int
    ids: list[str]
    texts: list[str]
    metadata: list[bytes]
    groups: I64
    plane: Plane | None

    @property
    def bytes(self) -> int:
        """Memory that it takes, more or less: a text has up to 4 bytes a character."""
        texts = sum(4 * len(each) for each in (*self.ids, *self.texts)) + sum(map(len, self.metadata))
        return texts + self.groups.nbytes + (0 if self.plane is None else self.plane.bytes)


@dataclass(frozen=True)
class Placed:
    """Where a query falls; cut: what of its text the model did not read, where it was too long."""

    x: float
    y: float
    cut: Cut | None = None


class Maps:
    """Draws maps. Safe to use from many tasks at once: one map is computed at a time, the others wait for their turn.

    A map is kept for as long as its collection has the same version, in memory of bounded size.

    max_maps  are drawn or wait for their turn; more are refused
    observer  is told, in the task that asked, how many seconds a map took that was not there, its wait included
    """

    def __init__(
        self,
        store: Store,
        embedders: Embedders,
        workers: Workers,
        *,
        max_maps: int,
        observer: Callable[[float], None] | None = None,
    ) -> None:
        self._store = store
        self._embedders = embedders
        self._workers = workers
        self._drawing = Workers(threads=1, name="map")
        self._turn = asyncio.Lock()
        self._under_way, self._max_maps = 0, max_maps
        self._observer = observer
        self._kept: OrderedDict[Key, Map] = OrderedDict()
        self._lock = threading.Lock()

    async def draw(self, name: str, layout: Layout, limit: int) -> Map:
        """The map of at most `limit` documents of a collection. raises CollectionNotFound; TooManyMaps"""
        return await self._drawn(await self._sample(name, limit), layout, limit)

    async def place(self, name: str, text: str, layout: Layout, limit: int) -> Placed:
        """Where a query falls on the map that `draw` gives; in the middle of one that is empty.

        raises  CollectionNotFound; InvalidInput, where the text is empty; SpaceMismatch, where another model made the
                collection's vectors; RemoteUnset; TooManyMaps; what the embedder raises
        """
        if not text.strip():
            raise InvalidInput("a place on the map needs a query that is not empty", param="query")
        sample = await self._sample(name, limit)
        embedder = embedder_for(sample.collection, self._embedders)
        made = await embedder.embed([text], role="query", truncate=True)
        cut = made.cuts[0] if made.cuts else None
        drawn = await self._drawn(sample, layout, limit)
        if drawn.plane is None:
            return Placed(0.0, 0.0, cut)
        x, y = await asyncio.to_thread(drawn.plane.place, unit_rows(made.vectors)[0])
        return Placed(x, y, cut)

    def close(self) -> None:
        """Wait for the map that is being drawn."""
        self._drawing.close()

    async def _sample(self, name: str, limit: int) -> Sample:
        collection = await self._workers.run(self._store.collection, name)
        fitting = max(1, MOST_NUMBERS // collection.space.dimension)
        return await self._workers.run(self._store.sample, name, min(limit, fitting))

    async def _drawn(self, sample: Sample, layout: Layout, limit: int) -> Map:
        key = (sample.collection.name, sample.version, layout, limit)
        found = self._find(key)
        if found is not None:
            return found
        if self._under_way >= self._max_maps:
            raise TooManyMaps(self._max_maps)
        self._under_way += 1
        started_s = time.monotonic()
        try:
            async with self._turn:
                return await self._drawing.run_as("map", self._draw, sample, key)
        finally:
            self._under_way -= 1
            if self._observer is not None:
                self._observer(time.monotonic() - started_s)

    def _find(self, key: Key) -> Map | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _draw(self, sample: Sample, key: Key) -> Map:
        """In the thread that draws. Kept there, too: a client that did not wait for it finds it when it comes again."""
        if (found := self._find(key)) is not None:  # the one before was the same
            return found
        drawn = _map(sample, key[2])
        with self._lock:
            older = [each for each in self._kept if each[0] == key[0] and each[1] != key[1]]
            for each in older:
                del self._kept[each]
            self._kept[key] = drawn
            while len(self._kept) > 1 and sum(each.bytes for each in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return drawn


def _map(sample: Sample, layout: Layout) -> Map:
    ids, texts, metadata, vectors = list[str](), list[str](), list[bytes](), list[F32]()
    for stored in sample.documents:
        ids.append(stored.document.id)
        texts.append(stored.document.text[:TEXT_CHARACTERS])
        metadata.append(orjson.dumps(dict(stored.document.metadata)))
        vectors.append(_vector(stored, sample.collection.space.dimension))
    # A write may have come between the count and the documents.
    documents = max(sample.collection.documents, len(ids))
    if not ids:
        return Map(documents, [], [], [], np.empty(0, np.int64), None)
    rows = np.stack(vectors)
    return Map(documents, ids, texts, metadata, clusters(rows, cluster_count(len(rows))), plane(rows, layout))


def _vector(stored: StoredDocument, dimension: int) -> F32:
    """The mean of a document's passages, (dimension,) float32 of length 1; zero where they cancel out or are none."""
    passages = [passage.vector for passage in stored.document.passages]
    total: F64 = np.sum(passages, axis=0, dtype=np.float64) if passages else np.zeros(dimension)
    mean = (total / max(1, len(passages))).astype(np.float32)
    row: F32 = unit_rows(mean[None])[0]
    return row
