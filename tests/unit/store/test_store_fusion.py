"""Reciprocal rank fusion on rankings made by hand."""

import pytest

from app.store.fusion import Found, fuse
from app.store.store import Rank


def test_the_first_of_all_rankings_scores_one() -> None:
    (only,) = fuse({"semantic": [Found(1, 10, 0.9)], "keyword": [Found(1, 10, 3.0)]}, 10)
    assert only.score == 1
    assert only.ranks == {"semantic": Rank(1, 0.9), "keyword": Rank(1, 3.0)}


def test_one_ranking_gives_a_part() -> None:
    first, second = fuse({"semantic": [Found(1, 10, 0.9), Found(2, 20, 0.8)], "keyword": []}, 10)
    assert first.score == pytest.approx(1 / 2)
    assert second.score == pytest.approx(61 / 62 / 2)
    assert second.ranks == {"semantic": Rank(2, 0.8)}


def test_two_middling_places_beat_one_good_one() -> None:
    semantic = [Found(1, 10, 0.9), Found(2, 20, 0.8)]
    keyword = [Found(3, 30, 9.0), Found(2, 20, 8.0)]
    assert fuse({"semantic": semantic, "keyword": keyword}, 10)[0].document == 20


def test_a_document_counts_its_best_passage_in_each_ranking() -> None:
    semantic = [Found(1, 10, 0.9), Found(2, 10, 0.8), Found(3, 10, 0.7)]
    keyword = [Found(9, 90, 9.0), Found(2, 10, 8.0), Found(3, 10, 7.0)]
    ten = next(each for each in fuse({"semantic": semantic, "keyword": keyword}, 10) if each.document == 10)
    assert ten.ranks == {"semantic": Rank(1, 0.9), "keyword": Rank(2, 8.0)}
    assert ten.score == pytest.approx((1 + 61 / 62) / 2)
    assert ten.passage == 2, "two second places add more than one first"


def test_of_equal_passages_the_older_is_shown() -> None:
    (only,) = fuse(
        {"semantic": [Found(1, 10, 0.9), Found(2, 10, 0.8)], "keyword": [Found(2, 10, 2), Found(1, 10, 1)]}, 10
    )
    assert only.passage == 1


def test_only_the_best_are_made_and_those_as_good() -> None:
    semantic = [Found(1, 10, 0.9), Found(2, 20, 0.8), Found(3, 30, 0.7)]
    keyword = [Found(4, 40, 2.0), Found(5, 50, 1.0)]
    assert {each.document for each in fuse({"semantic": semantic, "keyword": keyword}, 1)} == {10, 40}
    assert {each.document for each in fuse({"semantic": semantic, "keyword": keyword}, 3)} == {10, 40, 20, 50}
    assert fuse({"semantic": [], "keyword": []}, 3) == []
