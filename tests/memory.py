"""A store in memory that keeps the Protocol and nothing beyond it: exact search, no index, gone with the process."""

import hashlib
import itertools
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.errors import (
    CollectionNotFound,
    DocumentNotFound,
    InvalidCursor,
    SpaceMismatch,
    TooManyCollections,
)
from app.store.checks import refuse_large_answer, same, size, written
from app.store.filters import Filter, matches
from app.store.store import (
    F32,
    Collection,
    Document,
    Hit,
    IndexState,
    Metadata,
    Page,
    Passage,
    Query,
    Rank,
    Sample,
    Space,
    StoredDocument,
    Totals,
)

Ranked = tuple[Rank, Passage]
Ranking = dict[str, Ranked]
Score = Callable[[str, Passage], float]

WRITES = itertools.count()
FUSION = 60  # reciprocal rank fusion's constant


@dataclass
class Held:
    collection: Collection
    documents: dict[str, StoredDocument] = field(default_factory=dict)
    version: int = field(default_factory=WRITES.__next__)

    def described(self) -> Collection:
        passages = sum(len(stored.document.passages) for stored in self.documents.values())
        return replace(self.collection, documents=len(self.documents), passages=passages)


class MemoryStore:
    """`failure`, when set, is raised by upsert and delete_documents. upserts: ids of each call."""

    def __init__(self, max_collections: int = 1000) -> None:
        self.max_collections = max_collections
        self.failure: Exception | None = None
        self.state = IndexState("ready")
        self.upserts: list[list[str]] = []
        self.closed = False
        self._held: dict[str, Held] = {}

    def create_collection(self, name: str, space: Space, metadata: Metadata) -> tuple[Collection, bool]:
        if name in self._held:
            has = self._held[name].collection.space
            for what in ("model", "dimension", "distance"):
                if getattr(has, what) != getattr(space, what):
                    raise SpaceMismatch(name, what, getattr(has, what), getattr(space, what))
            return self._held[name].described(), False
        if len(self._held) >= self.max_collections:
            raise TooManyCollections(self.max_collections)
        self._held[name] = Held(Collection(name, space, dict(metadata), time.time(), key=str(next(WRITES))))
        return self._held[name].described(), True

    def collection(self, name: str) -> Collection:
        return self._of(name).described()

    def collections(self) -> list[Collection]:
        return [self._held[name].described() for name in sorted(self._held)]

    def delete_collection(self, name: str) -> None:
        self._of(name)
        del self._held[name]

    def upsert(self, name: str, documents: Sequence[Document], *, made_for: Collection | None = None) -> None:
        held = self._of(name, made_for)
        if self.failure is not None:
            raise self.failure
        self.upserts.append([document.id for document in documents])
        held.version = next(WRITES)
        for document in documents:
            held.documents[document.id] = StoredDocument(document, time.time())

    def vectors(self, model: str, keys: Sequence[bytes]) -> dict[bytes, F32]:
        known = {
            passage.key: passage.vector
            for held in self._held.values()
            if held.collection.space.model == model
            for stored in held.documents.values()
            for passage in stored.document.passages
            if passage.key
        }
        return {key: known[key] for key in keys if key in known}

    def unchanged(self, name: str, documents: Sequence[Document]) -> list[bool]:
        held = self._of(name).documents
        return [
            (stored := held.get(document.id)) is not None and same(stored.document, document) for document in documents
        ]

    def document(self, name: str, id: str, *, vectors: bool = False) -> StoredDocument:
        stored = self._of(name).documents.get(id)
        if stored is None:
            raise DocumentNotFound(name, id)
        return stored if vectors else _bare(stored)

    def documents(
        self,
        name: str,
        *,
        filter: Filter | None = None,
        cursor: str | None = None,
        limit: int = 100,
        max_bytes: int | None = None,
    ) -> Page:
        if cursor is not None and not cursor.startswith("after:"):
            raise InvalidCursor(cursor)
        after = None if cursor is None else cursor.removeprefix("after:")
        left = [each for each in self._matching(name, filter) if after is None or each.document.id > after]
        sizes = [size(each.document.text, written(each.document.metadata)) for each in left[:limit]]
        fitting = sum(max_bytes is None or total <= max_bytes for total in itertools.accumulate(sizes))
        shown = left[: max(1, fitting)]
        cursor = f"after:{shown[-1].document.id}" if len(left) > len(shown) else None
        return Page([_bare(each) for each in shown], cursor)

    def delete_documents(self, name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None) -> int:
        assert ids is not None or filter is not None
        if self.failure is not None:
            raise self.failure
        doomed = [each.document.id for each in self._matching(name, filter) if ids is None or each.document.id in ids]
        if doomed:
            self._held[name].version = next(WRITES)
        for each in doomed:
            del self._held[name].documents[each]
        return len(doomed)

    def search(self, name: str, query: Query, *, made_for: Collection | None = None) -> list[Hit]:
        distance = self._of(name, made_for).collection.space.distance
        documents = {stored.document.id: stored for stored in self._matching(name, query.filter)}
        semantic, keyword = dict[str, tuple[Rank, Passage]](), dict[str, tuple[Rank, Passage]]()
        if query.mode != "keyword":
            assert query.vector is not None
            vector = query.vector
            semantic = _ranked(documents, lambda _, passage: _near(vector, passage.vector, distance))
        if query.mode != "semantic":
            words = set(_words(query.text))
            keyword = _ranked(
                documents,
                lambda text, passage: float(len(words & set(_words(text[passage.start : passage.end])))),
                above=0.0,
            )
        hits = [_hit(stored, query.mode, semantic.get(key), keyword.get(key)) for key, stored in documents.items()]
        found = [hit for hit in hits if hit is not None]
        found = [hit for hit in found if query.min_score is None or hit.score >= query.min_score]
        found.sort(key=lambda hit: (-hit.score, hit.document.document.id))
        shown = [_included(hit, query) for hit in found[query.offset : query.offset + query.limit]]
        described = [written(hit.document.document.metadata) for hit in shown if "metadata" in query.include]
        texts = [text for hit in shown for text in (hit.document.document.text, hit.passage)]
        refuse_large_answer(size(*texts, *described), query.max_bytes)
        return shown

    def export(self, name: str) -> Iterator[StoredDocument]:
        return iter(self._matching(name, None))

    def sample(self, name: str, limit: int) -> Sample:
        held = self._of(name)
        by_hash = sorted(held.documents, key=lambda key: hashlib.sha256(key.encode()).digest())[:limit]
        documents = [held.documents[key] for key in sorted(by_hash)]
        return Sample(held.described(), str(held.version), iter(documents))

    def index_state(self) -> IndexState:
        return self.state

    def totals(self, *, size: bool = True) -> Totals:
        kept = [each.described() for each in self._held.values()]
        documents, passages = sum(each.documents for each in kept), sum(each.passages for each in kept)
        return Totals(len(kept), documents, passages, 0 if size else None)

    def close(self) -> None:
        self.closed = True

    def _of(self, name: str, made_for: Collection | None = None) -> Held:
        held = self._held.get(name)
        if held is None or (made_for is not None and held.collection.key != made_for.key):
            raise CollectionNotFound(name)
        return held

    def _matching(self, name: str, filter: Filter | None) -> list[StoredDocument]:
        held = self._of(name).documents
        return [held[key] for key in sorted(held) if filter is None or matches(filter, held[key].document.metadata)]


def _bare(stored: StoredDocument) -> StoredDocument:
    return replace(stored, document=replace(stored.document, passages=()))


def _included(hit: Hit, query: Query) -> Hit:
    document = hit.document.document
    passage = document.text[hit.start : hit.end] if "passage" in query.include else ""
    text = document.text if "text" in query.include else ""
    metadata = document.metadata if "metadata" in query.include else {}
    stored = replace(hit.document, document=replace(document, text=text, metadata=metadata))
    return replace(hit, document=stored, passage=passage)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each if each.isalnum() else " " for each in folded).split()


def _near(a: F32, b: F32, distance: str) -> float:
    if distance == "euclidean":
        return -float(np.linalg.norm(a - b))
    length = np.linalg.norm(a) * np.linalg.norm(b) if distance == "cosine" else 1.0
    return float(a @ b / length)


def _ranked(documents: dict[str, StoredDocument], score: Score, above: float | None = None) -> Ranking:
    """The best passage of each document, and its place among those of the others."""
    best: list[tuple[float, str, Passage]] = []
    for key, stored in documents.items():
        scored = [(score(stored.document.text, passage), passage) for passage in stored.document.passages]
        if scored:
            value, passage = max(scored, key=lambda pair: pair[0])
            if above is None or value > above:
                best.append((value, key, passage))
    best.sort(key=lambda entry: (-entry[0], entry[1]))
    return {key: (Rank(place, value), passage) for place, (value, key, passage) in enumerate(best, 1)}


def _hit(stored: StoredDocument, mode: str, semantic: Ranked | None, keyword: Ranked | None) -> Hit | None:
    first = semantic or keyword
    if first is None:
        return None
    if mode == "hybrid":
        score = sum((FUSION + 1) / (FUSION + each[0].rank) for each in (semantic, keyword) if each is not None) / 2
    else:
        score = first[0].score
    passage = first[1]
    return Hit(
        _bare(stored),
        passage.start,
        passage.end,
        score,
        semantic[0] if semantic else None,
        keyword[0] if keyword else None,
    )
