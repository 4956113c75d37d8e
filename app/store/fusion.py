"""Make one ranking of several, by reciprocal rank fusion. Pure: passages are numbers here."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.store.filters import Filter
from app.store.store import F32, Hit, Query, Rank, StoredDocument

# How fast a place loses weight: the authors' value, which they found to matter little.
K = 60
# Each ranking's depth in a hybrid search: what stands below adds next to nothing. The same for every page: a depth that
# grew with the offset would give each page an order of its own, in which documents come twice and others never.
FUSED_PASSAGES = 100
# HNSW's M, in the index and in PostgreSQL.
GRAPH_NEIGHBOURS = 16


@dataclass(frozen=True)
class Found:
    """A passage in a ranking: its key, its document's key, and the ranking's own score, the greater the better."""

    key: int
    document: int
    score: float


@dataclass(frozen=True)
class Wanted:
    """What to rank by, in a ranking by meaning, and how much of it: at least so many passages, of so many documents."""

    vector: F32
    filter: Filter | None
    passages: int
    documents: int


def wanted(query: Query, passages: int, documents: int) -> Wanted:
    """So much of the ranking by the vector that `query` has."""
    assert query.vector is not None
    return Wanted(query.vector, query.filter, passages, documents)


@dataclass(frozen=True)
class Fused:
    """A document in the fused ranking.

    passage  key of the passage that adds most by itself
    score    0 to 1; 1 is the first place in every ranking
    ranks    by ranking: the best place of any of its passages, which is what `score` adds up
    """

    document: int
    passage: int
    score: float
    ranks: Mapping[str, Rank]


def weight(rank: int) -> float:
    """What a place adds, relative to the first. rank: from 1"""
    return (K + 1) / (K + rank)


def fuse(rankings: Mapping[str, Sequence[Found]], count: int) -> list[Fused]:
    """The `count` best documents by the mean of their weights over all rankings, and those as good as the last of them.

    rankings  by name; each of passages, best first, without repetition; the first FUSED_PASSAGES of each count
    returns   best first; equal ones in no order of meaning
    source    Cormack, Clarke and Büttcher 2009, Reciprocal rank fusion outperforms Condorcet; the sum is divided by
              the greatest that it can be
    """
    rankings = {name: ranking[:FUSED_PASSAGES] for name, ranking in rankings.items()}
    ranks: dict[int, dict[str, Rank]] = {}
    scores: dict[int, float] = {}
    for name, ranking in rankings.items():
        for rank, found in enumerate(ranking, 1):
            best = ranks.setdefault(found.document, {})
            if name not in best:
                best[name] = Rank(rank, found.score)
                scores[found.document] = scores.get(found.document, 0.0) + weight(rank) / len(rankings)
    least = sorted(scores.values(), reverse=True)[:count][-1:]
    head = {document: score for document, score in scores.items() if least and score >= least[0]}
    passages = _best_passages(rankings, head)
    fused = [Fused(document, passages[document], score, ranks[document]) for document, score in head.items()]
    return sorted(fused, key=lambda each: -each.score)


def _best_passages(rankings: Mapping[str, Sequence[Found]], documents: Container[int]) -> dict[int, int]:
    """For each document the passage that adds most by itself; of equal ones the older."""
    adds: dict[tuple[int, int], float] = {}
    for ranking in rankings.values():
        for rank, found in enumerate(ranking, 1):
            if found.document in documents:
                one = (found.document, found.key)
                adds[one] = adds.get(one, 0.0) + weight(rank)
    best: dict[int, int] = {}
    for (document, key), weights in sorted(adds.items()):
        if document not in best or weights > adds[document, best[document]]:
            best[document] = key
    return best


def reaches(rankings: Mapping[str, Sequence[Found]], name: str, count: int) -> bool:
    """Whether what is fused has `count` documents, or the ranking of this name has no more passages to follow."""
    fused = (found for ranking in rankings.values() for found in ranking[:FUSED_PASSAGES])
    return len(rankings[name]) < FUSED_PASSAGES or documents_in(fused) >= count


def following(rankings: Mapping[str, Sequence[Found]], name: str, ranking: Sequence[Found]) -> list[Fused]:
    """The documents that `fuse` leaves out, in the order of one of its rankings, read further.

    ranking  the one of this name again, with more passages; the places of those that are fused are taken
    returns  best first; each scores what its place would have added, which is less than any that is fused has
    """
    window = rankings[name][:FUSED_PASSAGES]
    taken = {found.key for found in window}
    seen = {found.document for each in rankings.values() for found in each[:FUSED_PASSAGES]}
    places = []
    for rank, found in enumerate((each for each in ranking if each.key not in taken), len(window) + 1):
        if found.document not in seen:
            seen.add(found.document)
            score = weight(rank) / len(rankings)
            places.append(Fused(found.document, found.key, score, {name: Rank(rank, found.score)}))
    return places


def single(name: str, ranking: Sequence[Found], count: int) -> list[Fused]:
    """The `count` best documents by their best passage, and those as good as the last of them."""
    places: dict[int, Fused] = {}
    least = 0.0
    for rank, found in enumerate(ranking, 1):
        if found.document not in places:
            if len(places) >= count and found.score < least:
                break
            least = found.score
            places[found.document] = Fused(found.document, found.key, found.score, {name: Rank(rank, found.score)})
    return list(places.values())


def documents_in(ranking: Iterable[Found]) -> int:
    """How many different documents a ranking of passages has."""
    return len({found.document for found in ranking})


def last_wanted(ranking: Iterable[Found], passages: int, documents: int) -> Found | None:
    """The passage with which a ranking has as many passages, of as many documents; None where it has fewer."""
    seen: set[int] = set()
    for count, found in enumerate(ranking, 1):
        seen.add(found.document)
        if count >= passages and len(seen) >= documents:
            return found
    return None


def crowded(ranking: Iterable[Found]) -> bool:
    """Whether more passages are equally near than one has neighbours in a graph, which may not lead past them."""
    return any(len(list(run)) > GRAPH_NEIGHBOURS for _, run in groupby(found.score for found in ranking))


def asked_for(places: Sequence[Fused], query: Query) -> list[Fused]:
    """Of all places, in their order, those that the query wants to see."""
    shown = places[query.offset : query.offset + query.limit]
    return [place for place in shown if query.min_score is None or place.score >= query.min_score]


def hit_at(place: Fused, document: StoredDocument, start: int, end: int, passage: str) -> Hit:
    """The hit at a place; its passage's text is `passage`, [start, end) of the document's."""
    ranks = place.ranks
    return Hit(document, start, end, place.score, ranks.get("semantic"), ranks.get("keyword"), passage)
