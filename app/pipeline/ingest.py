"""Documents in: cut into passages, embedded where their vectors are not known yet, and kept."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from app.embedding.embedder import Embedder
from app.embedding.embedders import Embedders
from app.embedding.registry import Card
from app.errors import InvalidDocument, QueueFull, SpaceMismatch
from app.pipeline.drafts import Draft, Rules
from app.pipeline.spaces import embedder_for
from app.pipeline.vectors import fault
from app.pipeline.workers import Workers
from app.store.store import F32, Collection, Document, Passage, Store

KEY_BYTES = 16
EMBEDDED_AT_ONCE = 256


def key(card: Card, text: str) -> bytes:
    """What a passage's vector depends on, hashed: the model's files, its prompt and the text. KEY_BYTES long."""
    made_by = f"{card.revision}\0{card.precision}\0{card.prompts.passage}\0"
    return hashlib.blake2b((made_by + text).encode(), digest_size=KEY_BYTES).digest()


class Ingest:
    """Makes documents out of drafts and has the store keep them. Safe to use from many tasks at once."""

    def __init__(self, store: Store, embedders: Embedders, workers: Workers, rules: Rules) -> None:
        self._store = store
        self._embedders = embedders
        self._workers = workers
        self._rules = rules

    def check(self, collection: Collection, draft: Draft, which: str) -> None:
        """Whether `draft` can go into `collection`, without embedding anything.

        raises  InvalidDocument; SpaceMismatch, naming both models or both dimensions; RemoteUnset
        """
        self._rules.check(draft, which)
        space = collection.space
        vectors = [passage.vector for passage in draft.passages]
        if draft.vector is not None:
            vectors.append(draft.vector)
        for vector in vectors:
            if len(vector) != space.dimension:
                raise SpaceMismatch(collection.name, "dimension", space.dimension, len(vector))
            if why := fault(vector, space.distance):
                raise InvalidDocument(which, f"its vector {why}")
        if not vectors:
            embedder_for(collection, self._embedders)

    async def keep(self, name: str, drafts: Sequence[Draft]) -> list[str]:
        """Keep all of them or none; a draft without an id gets a random one.

        returns  their ids, in order
        raises   CollectionNotFound, also where the collection was deleted meanwhile and made anew; what `check` raises;
                 what the embedder raises; StorageFull
        """
        collection = await self._workers.run(self._store.collection, name)
        for index, draft in enumerate(drafts):
            self.check(collection, draft, str(index))
        documents = await self.prepare(collection, [draft.with_id(from_content=False) for draft in drafts])
        await self._workers.run(self._store.upsert, name, documents, made_for=collection)
        return [document.id for document in documents]

    async def prepare(self, collection: Collection, drafts: Sequence[Draft]) -> list[Document]:
        """Documents ready to be kept, of drafts that have passed `check` and have ids.

        A passage whose text the store knows under this model is not embedded again, nor one that comes twice.
        """
        plain = [draft for draft in drafts if not draft.brings_vectors]
        embedded = iter(await self._embedded(collection, [draft.text for draft in plain]))
        return [
            Document(
                draft.id or "",
                draft.text,
                draft.metadata,
                self.given(collection, draft) if draft.brings_vectors else next(embedded),
            )
            for draft in drafts
        ]

    async def _embedded(self, collection: Collection, texts: Sequence[str]) -> list[tuple[Passage, ...]]:
        if not texts:
            return []
        embedder = embedder_for(collection, self._embedders)
        card = embedder.card
        spans = await embedder.split(texts)
        parts = [[text[start:end] for start, end in spans_of] for text, spans_of in zip(texts, spans, strict=True)]
        keys = [[key(card, part) for part in parts_of] for parts_of in parts]
        by_key = dict(zip(chain.from_iterable(keys), chain.from_iterable(parts), strict=True))
        vectors: dict[bytes, F32] = await self._workers.run(self._store.vectors, collection.space.model, list(by_key))
        missing = {each: part for each, part in by_key.items() if each not in vectors}
        vectors = {**vectors, **await _made(embedder, missing)}
        return [
            tuple(Passage(span.start, span.end, vectors[each], each) for span, each in zip(*pair, strict=True))
            for pair in zip(spans, keys, strict=True)
        ]

    def kept(self, collection: Collection, drafts: Sequence[Draft]) -> list[bool]:
        """For each draft with its id, whether just this is kept already; vectors count where it brings them. Blocks."""
        documents = [
            Document(draft.id or "", draft.text, draft.metadata, self.given(collection, draft)) for draft in drafts
        ]
        return self._store.unchanged(collection.name, documents)

    def given(self, collection: Collection, draft: Draft) -> tuple[Passage, ...]:
        """The passages whose vectors `draft` brings.

        A key that an export names is believed where it is this text's: else one text would be found under another's.
        """
        if draft.vector is not None:
            return (Passage(0, len(draft.text), draft.vector),)
        card = self._embedders.card_of(collection.space.model, collection.space.dimension)
        return tuple(
            replace(each, key=each.key if each.key == key(card, draft.text[each.start : each.end]) else b"")
            for each in draft.passages
        )


async def _made(embedder: Embedder, texts: Mapping[bytes, str]) -> dict[bytes, F32]:
    """Vectors of `texts`, by their keys. A few hundred at a time, so that one caller does not fill the queue.

    raises  QueueFull, before any is made; later ones wait until there is room, and nothing that was made is lost
    """
    keys, vectors = list(texts), dict[bytes, F32]()
    while len(vectors) < len(keys):
        some = keys[len(vectors) : len(vectors) + EMBEDDED_AT_ONCE]
        try:
            made = await embedder.embed([texts[each] for each in some])
        except QueueFull as error:
            if not vectors:
                raise
            await asyncio.sleep(error.retry_after_s)
            continue
        vectors.update(zip(some, made.vectors, strict=True))
    return vectors
