"""Make one ranking of several, by reciprocal rank fusion. Pure: passages are numbers here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.store.store import Rank

# How fast a place loses weight: the authors' value, which they found to matter little.
K = 60


@dataclass(frozen=True)
class Found:
    """A passage in a ranking: its key, its document's key, and the ranking's own score, the greater the better."""

    key: int
    document: int
    score: float


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


def fuse(rankings: Mapping[str, Sequence[Found]]) -> list[Fused]:
    """Documents by the mean of their weights over all rankings, best first; equal ones in no order of meaning.

    rankings  by name; each of passages, best first, without repetition
    source    Cormack, Clarke and Büttcher 2009, Reciprocal rank fusion outperforms Condorcet; the sum is divided by
              the greatest that it can be
    """
    ranks: dict[int, dict[str, Rank]] = {}
    passages: dict[int, dict[int, float]] = {}
    for name, ranking in rankings.items():
        for rank, found in enumerate(ranking, 1):
            ranks.setdefault(found.document, {}).setdefault(name, Rank(rank, found.score))
            adds = passages.setdefault(found.document, {})
            adds[found.key] = adds.get(found.key, 0.0) + weight(rank)
    fused = [
        Fused(
            document,
            max(passages[document].items(), key=lambda item: (item[1], -item[0]))[0],
            sum(weight(rank.rank) for rank in best.values()) / len(rankings),
            best,
        )
        for document, best in ranks.items()
    ]
    return sorted(fused, key=lambda each: -each.score)


def documents_in(ranking: Iterable[Found]) -> int:
    """How many different documents a ranking of passages has."""
    return len({found.document for found in ranking})
