"""Documents as records in Chroma. A collection is two of Chroma's: one of documents, one of passages. Pure.

A document's record is named by its id and says which version of its passages counts: writing it commits a write. A
passage's record is named by its version and place, never changed, and holds the vector and what filters ask for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.store import checks
from app.store.checks import refuse_great_integers, refuse_half_pairs
from app.store.chroma.vectors import compared, read, written
from app.store.chroma.where import OURS, fields
from app.store.store import F32, Distance, Document, Passage, StoredDocument

# A record has a vector: that of a document means nothing.
NOWHERE = np.zeros(1, np.float32)
DOCUMENT, START, END, KEY, VECTOR = (f"{OURS}{name}" for name in ("document", "start", "end", "key", "vector"))


@dataclass(frozen=True)
class Head:
    """A document's record. text: empty where it was not asked for. version: names its passages' records."""

    id: str
    version: str
    passages: int
    updated_at_unix_s: float
    metadata: Mapping[str, Any]
    text: str

    @property
    def passage_ids(self) -> list[str]:
        return [f"{self.version}-{place}" for place in range(self.passages)]

    def stored(self, passages: Sequence[Passage] = ()) -> StoredDocument:
        return StoredDocument(Document(self.id, self.text, self.metadata, tuple(passages)), self.updated_at_unix_s)


def version_of(passage_id: str) -> str:
    return passage_id.rpartition("-")[0]


@dataclass(frozen=True)
class Prepared:
    """A document, checked, with its new version."""

    document: Document
    head: Head
    metadata: str


def prepare(document: Document, version: str, now_unix_s: float) -> Prepared:
    """raises  InvalidDocument, where Chroma cannot keep it"""
    metadata = checks.written(document.metadata)
    refuse_half_pairs(document, metadata)
    refuse_great_integers(document.id, document.metadata)
    head = Head(document.id, version, len(document.passages), now_unix_s, document.metadata, document.text)
    return Prepared(document, head, metadata)


def head_records(prepared: Sequence[Prepared]) -> dict[str, Any]:
    """As `upsert` takes them. It merges metadata, so that each record has the same keys."""
    return {
        "ids": [each.head.id for each in prepared],
        "embeddings": [NOWHERE] * len(prepared),
        "documents": [each.head.text for each in prepared],
        "metadatas": [
            {
                "version": each.head.version,
                "passages": each.head.passages,
                "updated_at_unix_s": each.head.updated_at_unix_s,
                "metadata": each.metadata,
            }
            for each in prepared
        ],
    }


def heads(found: Mapping[str, Any]) -> list[Head]:
    """Of what `get` found, with its metadatas, and its documents where the texts are wanted."""
    texts = found["documents"] or [""] * len(found["ids"])
    return [_head(*each) for each in zip(found["ids"], found["metadatas"], texts, strict=True)]


def _head(id: str, kept: Mapping[str, Any], text: str) -> Head:
    updated_at_unix_s = float(kept["updated_at_unix_s"])
    return Head(id, kept["version"], kept["passages"], updated_at_unix_s, json.loads(kept["metadata"]), text)


@dataclass(frozen=True)
class PassageRecord:
    id: str
    vector: F32
    metadata: Mapping[str, Any]


def passage_records(prepared: Sequence[Prepared], distance: Distance) -> list[PassageRecord]:
    return [
        PassageRecord(name, compared(passage.vector, distance), {**shared, **_own(passage, distance)})
        for each in prepared
        for shared in [{**fields(each.document.metadata), DOCUMENT: each.document.id}]
        for name, passage in zip(each.head.passage_ids, each.document.passages, strict=True)
    ]


def passages(found: Mapping[str, Any]) -> dict[str, Passage]:
    """Of what `get` found, with its metadatas and embeddings; by the records' names."""
    each = zip(found["ids"], found["metadatas"], found["embeddings"], strict=True)
    return {name: _passage(kept, np.asarray(vector, np.float32)) for name, kept, vector in each}


def _passage(kept: Mapping[str, Any], vector: F32) -> Passage:
    vector = read(kept[VECTOR]) if VECTOR in kept else vector
    return Passage(kept[START], kept[END], vector, bytes.fromhex(kept.get(KEY, "")))


def _own(passage: Passage, distance: Distance) -> dict[str, Any]:
    """What a passage's record has beside what all of its document have."""
    own: dict[str, Any] = {START: passage.start, END: passage.end}
    if passage.key:
        own[KEY] = passage.key.hex()
    if compared(passage.vector, distance) is not passage.vector:
        own[VECTOR] = written(passage.vector)
    return own
