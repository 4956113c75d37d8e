"""What the pace of past batches says of those to come."""

import pytest

from app.embedding.pace import Pace
from app.embedding.waiting import BATCH_COSTS_TOKENS

TOKEN_S = 0.0001


def took_s(tokens: int) -> float:
    return (BATCH_COSTS_TOKENS + tokens) * TOKEN_S


def test_nothing_is_foretold_before_the_first_batch() -> None:
    assert Pace(2, 256).seconds(1_000_000) == 0


def test_all_lanes_work_at_once() -> None:
    pace = Pace(2, 200)
    pace.saw(200, took_s(200))
    assert pace.seconds(40 * 200) == pytest.approx(20 * took_s(200))


def test_short_batches_foretell_full_ones() -> None:
    pace = Pace(1, 200)
    pace.saw(5, took_s(5))
    assert pace.seconds(2000) == pytest.approx(10 * took_s(200))


def test_it_follows_a_change() -> None:
    pace = Pace(1, 200)
    pace.saw(200, took_s(200))
    for _ in range(400):
        pace.saw(200, 3 * took_s(200))
    assert pace.seconds(200) == pytest.approx(3 * took_s(200), rel=0.05)


def test_slow_batches_count_by_the_time_that_they_take() -> None:
    """Half of the batches ten times slower: the time for all is that of the slow ones, nearly."""
    pace = Pace(1, 200)
    pace.saw(200, 5.5 * took_s(200))
    for _ in range(100):
        pace.saw(200, took_s(200))
        pace.saw(200, 10 * took_s(200))
    assert pace.seconds(200) == pytest.approx(5.5 * took_s(200), rel=0.1)
