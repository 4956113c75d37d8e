"""Reciprocal rank fusion on rankings made by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.fusion import FUSED_PASSAGES, Found, following, fuse, reaches
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


def test_what_stands_below_the_window_adds_nothing() -> None:
    semantic = [Found(key, key, -key) for key in range(FUSED_PASSAGES + 2)]
    last = semantic[-1]
    keyword = [Found(last.key, last.document, 1.0)]
    rankings = {"semantic": semantic, "keyword": keyword}
    fused = {each.document: each for each in fuse(rankings, 1000)}
    assert fused[last.document].ranks == {"keyword": Rank(1, 1.0)}
    assert fused[last.document].score == 1 / 2
    (follows,) = following(rankings, "semantic", semantic)
    assert (follows.document, follows.ranks) == (FUSED_PASSAGES, {"semantic": Rank(101, -100)})
    assert follows.score == pytest.approx(61 / 161 / 2)


def places(documents: list[int]) -> list[Found]:
    return [Found(key, document, -float(key)) for key, document in enumerate(documents)]


@given(
    semantic=st.lists(st.integers(0, 250), max_size=400),
    keyword=st.lists(st.integers(0, 250), max_size=150),
    count=st.integers(1, 260),
)
def test_any_part_is_the_beginning_of_the_whole(semantic: list[int], keyword: list[int], count: int) -> None:
    """Read only as far as it must be, as the stores do."""
    rankings = {"semantic": places(semantic)[:FUSED_PASSAGES], "keyword": places(keyword)}
    fused = fuse(rankings, 1000)
    whole = fused + following(rankings, "semantic", places(semantic))
    assert [each.score for each in whole] == sorted((each.score for each in whole), reverse=True)
    assert {each.document for each in whole} == set(semantic) | set(keyword[:FUSED_PASSAGES])
    assert len({each.document for each in whole}) == len(whole)
    part = fuse(rankings, count)
    if not reaches(rankings, "semantic", count):
        enough = next((n for n in range(len(semantic)) if len(set(semantic[:n])) >= count), len(semantic))
        part += following(rankings, "semantic", places(semantic)[: max(FUSED_PASSAGES, enough)])
    known = {each.document: each for each in whole}
    assert [known[each.document] for each in part] == part
    assert [each.score for each in part[:count]] == [each.score for each in whole[:count]]
