"""Semantic search in Chroma: it names passages, the documents' records say which of them count."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.errors import InvalidFilter
from app.store.checks import refuse_large_answer, size, written
from app.store.chroma.failures import Moved
from app.store.chroma.records import DOCUMENT, END, START, Head, version_of
from app.store.chroma.server import Server
from app.store.chroma.shelf import Shelf
from app.store.chroma.vectors import compared, score_of
from app.store.chroma.where import Where, widened
from app.store.chroma.writing import is_left
from app.store.filters import Filter, matches
from app.store.fusion import Found, asked_for, hit_at, last_wanted, single
from app.store.similarity import scores
from app.store.store import F32, Hit, Query, StoredDocument

log = logging.getLogger(__name__)

# Passages asked for at first: some belong to a document that has a better one.
FACTOR, FEWEST = 2, 64
# Documents that a search looks at for those that the filter leaves out, and Chroma could not.
MOST_SEEN = 10_000


@dataclass
class Ranking:
    """What is found so far. Passages and documents are numbered as they come: `fusion` wants numbers.

    spans    of each passage
    heads    of each document that is seen: one that the filter leaves out, or that is gone, has no passage here
    """

    found: list[Found] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    documents: int = 0

    def add(self, head: Head, passages: Sequence[tuple[int, int, float]]) -> None:
        """passages: start, end and score of some of the document's"""
        for start, end, near in passages:
            self.found.append(Found(len(self.spans), len(self.heads), near))
            self.spans.append((start, end))
        self.heads.append(head)
        self.documents += bool(passages)

    def holds(self, documents: int, least: float) -> bool:
        """Whether it has so many, and all that are as good as the last of them: `least` is what Chroma named last."""
        last = last_wanted(sorted(self.found, key=lambda each: -each.score), 0, documents)
        return last is not None and least < last.score


def search(server: Server, shelf: Shelf, query: Query) -> list[Hit]:
    """raises  Moved, where a document changed meanwhile; InvalidFilter; LimitPassed"""
    assert query.vector is not None
    end = query.offset + query.limit
    ranking = _ranked(server, shelf, query.vector, query.filter, end)
    places = single("semantic", sorted(ranking.found, key=lambda each: (-each.score, each.key)), end)
    places = asked_for(sorted(places, key=lambda each: (-each.score, ranking.heads[each.document].id)), query)
    heads = [ranking.heads[place.document] for place in places]
    spans = [ranking.spans[place.passage] for place in places]
    read = _read(shelf, heads, spans, query)
    return [
        hit_at(place, document, *span, part) for place, span, (document, part) in zip(places, spans, read, strict=True)
    ]


def _read(
    shelf: Shelf, heads: Sequence[Head], spans: Sequence[tuple[int, int]], query: Query
) -> list[tuple[StoredDocument, str]]:
    """The documents, and the texts in these spans, as far as the query includes them. raises Moved; LimitPassed"""
    again: Iterable[Head] = heads
    if query.include & {"text", "passage"}:
        again = shelf.whole([head.id for head in heads], query.max_bytes)
    read: list[tuple[StoredDocument, str]] = []
    used = 0
    for whole, head, (start, end) in zip(again, heads, spans, strict=False):
        if (whole.id, whole.version) != (head.id, head.version):
            raise Moved
        text = whole.text if "text" in query.include else ""
        metadata = whole.metadata if "metadata" in query.include else {}
        part = whole.text[start:end] if "passage" in query.include else ""
        used += size(text, part, written(metadata) if metadata else "")
        refuse_large_answer(used, query.max_bytes)
        read.append((replace(whole, text=text, metadata=metadata).stored(), part))
    if len(read) < len(heads):
        raise Moved
    return read


def _ranked(server: Server, shelf: Shelf, vector: F32, filter: Filter | None, documents: int) -> Ranking:
    """At least so many documents, or all there are."""
    ranking, wide = Ranking(), None if filter is None else widened(filter)
    count = max(FEWEST, FACTOR * documents)
    while True:
        nearest = shelf.nearest(compared(vector, shelf.row.space.distance), count, _but(wide, ranking.seen))
        _judge(server, shelf, ranking, nearest, vector, filter)
        if len(nearest) < count or ranking.holds(documents, score_of(nearest[-1][2], shelf.row.space.distance)):
            return ranking
        if len(ranking.seen) > MOST_SEEN + documents:
            if ranking.documents >= documents:
                return ranking
            raise InvalidFilter(
                "Chroma cannot be asked for it, and among the "
                f"{len(ranking.seen)} documents that were looked at it leaves {ranking.documents}"
            )


def _but(wide: Where | None, seen: set[str]) -> Where | None:
    others: Where | None = {DOCUMENT: {"$nin": sorted(seen)}} if seen else None
    both = [each for each in (wide, others) if each is not None]
    return {"$and": both} if len(both) == 2 else (both[0] if both else None)


def _judge(
    server: Server,
    shelf: Shelf,
    ranking: Ranking,
    nearest: Sequence[tuple[str, Any, float]],
    vector: F32,
    filter: Filter | None,
) -> None:
    """Add the documents of these passages. Read after the passages were, a record says what counts.

    A document of which another version's passages were named is taken with all of its own: they were written meanwhile,
    perhaps not all of them yet, or lie behind what a write has left.
    """
    distance = shelf.row.space.distance
    named: dict[str, list[tuple[str, int, int, float]]] = {}
    for name, kept, away in nearest:
        spot = (version_of(name), kept[START], kept[END], score_of(away, distance))
        named.setdefault(kept[DOCUMENT], []).append(spot)
    heads = shelf.heads(list(named))
    ranking.seen |= named.keys()
    passing = [head for head in heads.values() if filter is None or matches(filter, head.metadata)]
    behind = [head for head in passing if any(version != head.version for version, *_ in named[head.id])]
    whole = shelf.passages_of(behind)
    for head in passing:
        if head.id not in whole:
            ranking.add(head, [(start, end, near) for _, start, end, near in named[head.id]])
        elif passages := whole[head.id]:
            near = scores(np.stack([each.vector for each in passages]), vector, distance)
            spots = zip(passages, near.tolist(), strict=True)
            ranking.add(head, [(each.start, each.end, score) for each, score in spots])
    _remove_leftovers(server, shelf, heads, [name for name, kept, _ in nearest if _stale(name, kept, heads)])


def _stale(name: str, kept: Any, heads: dict[str, Head]) -> bool:
    head = heads.get(kept[DOCUMENT])
    return head is None or head.version != version_of(name)


def _remove_leftovers(server: Server, shelf: Shelf, heads: dict[str, Head], stale: list[str]) -> None:
    """What a write that died has left, and only that: what is younger may be about to count."""
    if not stale:
        return
    now_ns = server.now_ns()
    left = [name for name in stale if is_left(version_of(name), now_ns)]
    if left:
        log.info("%d passages that a write has left are removed from %r", len(left), shelf.row.name)
        shelf.remove_passages(left)
