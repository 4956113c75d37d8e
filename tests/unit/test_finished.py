"""What is finished: who is held, for how long, and what lets all of them go."""

import asyncio

import numpy as np
import pytest

from app.embedding.finished import HELD_S, HELD_SHARE, Finished
from app.embedding.jobs import Job

NOW_S = 1000.0


def job(took_s: float, *, urgent: bool = False) -> Job:
    loop = asyncio.new_event_loop()
    try:
        return Job(loop.create_future(), np.empty((1, 2), np.float32), 0, urgent, NOW_S - took_s)
    finally:
        loop.close()


@pytest.mark.parametrize(("took_s", "held_s"), [(0.2, 0.2 * HELD_SHARE), (0.8, 0.8 * HELD_SHARE), (20.0, HELD_S)])
def test_a_share_of_the_time_that_it_took_but_no_longer_than_the_limit(took_s: float, held_s: float) -> None:
    finished, one = Finished(), job(took_s)
    finished.add([one], NOW_S)
    assert finished.due(NOW_S + 0.99 * held_s) == []
    assert finished.due(NOW_S + 1.01 * held_s) == [one]
    assert finished.due(NOW_S + 9) == []


def test_whoever_cannot_wait_takes_the_others_along() -> None:
    finished, patient, other, urgent = Finished(), job(10), job(9), job(8, urgent=True)
    finished.add([patient], NOW_S)
    finished.add([other], NOW_S)
    assert finished.due(NOW_S + HELD_S / 2) == []
    finished.add([urgent], NOW_S)
    assert finished.due(NOW_S + 1e-6) == [patient, other, urgent]
    finished.add([quick := job(0.001)], NOW_S)
    assert finished.due(NOW_S + 0.001) == [quick]


def test_who_came_before_sets_the_time_and_not_who_comes_later() -> None:
    finished, first, later = Finished(), job(1), job(1)
    finished.add([first], NOW_S)
    finished.add([later], NOW_S + 0.9 * HELD_S)
    assert finished.due(NOW_S + 1.1 * HELD_S) == [first, later]


def test_taken_they_are_held_no_more() -> None:
    finished, one = Finished(), job(1)
    finished.add([one], NOW_S)
    assert finished.take() == [one]
    assert finished.take() == []
