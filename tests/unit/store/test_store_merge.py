"""What the index proposes and what the ledger's tail holds, as one ranking."""

from app.store.embedded.search.semantic import _merge
from app.store.fusion import Found

PROPOSED = [Found(1, 10, 0.9), Found(2, 20, 0.5)]


def test_the_tail_is_merged_as_far_as_the_candidates_reach() -> None:
    tail = [Found(7, 70, 0.95), Found(8, 80, 0.5), Found(9, 90, 0.4)]
    assert [found.key for found in _merge(PROPOSED, tail)] == [7, 1, 2, 8]


def test_a_passage_that_came_into_the_index_meanwhile_counts_once() -> None:
    assert _merge(PROPOSED, [Found(1, 10, 0.9)]) == PROPOSED


def test_without_candidates_the_tail_alone_says_nothing() -> None:
    assert _merge([], [Found(7, 70, 0.95)]) == []
