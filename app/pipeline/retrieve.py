"""Queries in, hits out: a query's text is embedded where the mode asks for meaning, then the store searches."""

from dataclasses import dataclass, replace

from app.embedding.embedder import Cut
from app.embedding.embedders import Embedders
from app.errors import InvalidInput, SpaceMismatch
from app.pipeline.spaces import embedder_for
from app.pipeline.vectors import fault
from app.pipeline.workers import Workers
from app.store.keyword import left_out
from app.store.store import Collection, Hit, Query, Store

# Characters of a query whose words are counted sooner than a thread is handed the text.
COUNTED_AT_ONCE = 1000


@dataclass(frozen=True)
class Found:
    """Hits, best first.

    cut             what of the query's text the model did not read, where it was too long
    words_left_out  different words of it that keyword search did not look for, being too many
    """

    hits: list[Hit]
    cut: Cut | None = None
    words_left_out: int = 0


class Retrieve:
    """Searches collections. Safe to use from many tasks at once."""

    def __init__(self, store: Store, embedders: Embedders, workers: Workers) -> None:
        self._store = store
        self._embedders = embedders
        self._workers = workers

    async def find(self, name: str, query: Query) -> Found:
        """What `query` finds in the collection; its vector is made of its text where it has none and needs one.

        raises  CollectionNotFound, also where the collection was deleted meanwhile and made anew; InvalidInput, where
                the mode lacks its text or vector; SpaceMismatch, naming both models or dimensions; RemoteUnset; what
                the embedder raises
        """
        if not query.text.strip() and (query.mode != "semantic" or query.vector is None):
            raise InvalidInput(f"the mode {query.mode} needs a query that is not empty", param="query")
        cut, collection = None, None
        words = 0 if query.mode == "semantic" else await self._words_left_out(query.text)
        if query.mode != "keyword":
            collection = await self._workers.run(self._store.collection, name)
            if query.vector is None:
                query, cut = await self._with_vector(collection, query)
            else:
                _check_vector(collection, query)
        return Found(await self._workers.run(self._store.search, name, query, made_for=collection), cut, words)

    async def _words_left_out(self, text: str) -> int:
        if len(text) <= COUNTED_AT_ONCE:
            return left_out(text)
        return await self._workers.run_as("words", left_out, text)

    async def _with_vector(self, collection: Collection, query: Query) -> tuple[Query, Cut | None]:
        embedder = embedder_for(collection, self._embedders)
        made = await embedder.embed([query.text], role="query", truncate=True)
        return replace(query, vector=made.vectors[0]), made.cuts[0] if made.cuts else None


def _check_vector(collection: Collection, query: Query) -> None:
    assert query.vector is not None
    if len(query.vector) != collection.space.dimension:
        raise SpaceMismatch(collection.name, "dimension", collection.space.dimension, len(query.vector))
    if why := fault(query.vector, collection.space.distance):
        raise InvalidInput(f"the vector {why}", param="vector")
