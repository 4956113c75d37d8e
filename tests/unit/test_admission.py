"""The limits on the queue, from both sides."""

import pytest

from app.embedding.admission import Admission
from app.embedding.pace import Pace
from app.embedding.waiting import BATCH_COSTS_TOKENS
from app.errors import QueueFull, WaitTooLong


@pytest.fixture
def refused() -> list[str]:
    return []


@pytest.fixture
def admission(refused: list[str]) -> Admission:
    """100 texts or two seconds, at 100 tokens a second, what a batch costs beside its tokens included."""
    pace = Pace(1, 80)
    pace.saw(80, (80 + BATCH_COSTS_TOKENS) / 125)
    return Admission(pace, max_texts=100, max_s=2.0, refused=lambda: refused.append("refused"))


def test_as_many_texts_as_the_limit_wait_and_no_more(admission: Admission, refused: list[str]) -> None:
    admission.check(1, waiting=99, tokens=0)
    assert not refused
    with pytest.raises(QueueFull, match="100 texts wait, 1 more would pass the limit of 100"):
        admission.check(1, waiting=100, tokens=0)
    assert refused == ["refused"]


def test_nobody_waits_longer_than_the_limit_and_is_told_when_to_come_back(
    admission: Admission, refused: list[str]
) -> None:
    admission.check(1, waiting=1, tokens=199)
    assert not refused
    with pytest.raises(WaitTooLong, match="none may wait longer than 2 s") as caught:
        admission.check(1, waiting=1, tokens=250)
    assert caught.value.retry_after_s == 3
    assert refused == ["refused"]


def test_where_nothing_waits_anything_may(admission: Admission) -> None:
    admission.check(1000, waiting=0, tokens=100_000)
