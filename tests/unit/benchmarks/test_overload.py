"""What the overload benchmark makes of its outcomes."""

import math

import pytest

from benchmarks.arrivals import NOT_SENT, Outcome, due
from benchmarks.overload import (
    Run,
    Times,
    back_after_s,
    figures,
    longest_wait_s,
    overtaken,
    sixths,
    told_by_taken,
)


def answered(sent_s: float, taken_s: float) -> Outcome:
    return Outcome(sent_s, taken_s, 200, 0, 1)


def test_requests_are_due_evenly_within_a_phase() -> None:
    assert list(due([(2, 1), (4, 0.5)])) == [0, 0.5, 1, 1.25]
    assert list(due([(0, 5), (1, 2)])) == [5, 6]


def test_the_shorter_of_both_limits_is_the_longest_wait() -> None:
    assert longest_wait_s(100) == 20
    assert longest_wait_s(4096) == 1


def test_latency_is_back_in_the_first_second_whose_median_is() -> None:
    slow = [answered(10 + i / 2, 3.0) for i in range(4)]
    fast = [answered(12 + i / 2, 0.1) for i in range(4)]
    assert back_after_s([*slow, *fast], 10, 0.1) == 2
    assert back_after_s(slow, 10, 0.1) == math.inf


def test_what_was_told_is_held_against_those_let_in_at_the_time() -> None:
    outcomes = [answered(1, 4.0), answered(1.2, 4.0), Outcome(1.3, 0.1, 429, 5, 1), Outcome(9, 0.1, 429, 5, 1)]
    assert told_by_taken(outcomes, (0, 10)) == pytest.approx([1.25])


def test_what_is_answered_meanwhile_is_counted_in_texts_of_its_own_too() -> None:
    outcomes = [answered(0, 2), answered(1, 2), answered(1.5, 2.5), answered(0.5, 3), Outcome(0.1, 0.1, 429, 5, 1)]
    assert overtaken(outcomes, 16, (0, 1.2)) == [16, 2 * 16, 3 * 16]
    assert overtaken(outcomes, 16, (3, 9)) == []


def test_where_nobody_is_refused_nothing_is_held_against_refusals() -> None:
    """With a text a request, 3000 connections are fewer than texts may wait."""
    outcomes = [answered(at / 10, 0.05) for at in range(100)] + [Outcome(3, 0, NOT_SENT, 0, 1)]
    run = Run(
        1, (8, 12), (9, 7), Times(1, 1, 5, 4), outcomes, [(3, 0.1)], [0.1 * at for at in range(12)], 100, 120, 110
    )
    found = {each.name: each for each in figures(run)}
    assert found["failures other than 429"].value == 0
    unsent = found["not sent, all connections waiting"]
    assert unsent.value == pytest.approx(1 / 51)
    assert unsent.met is None
    more = {each.name: each for each in figures(run._replace(in_request=16))}
    assert more["not sent, all connections waiting"].met is False
    assert found["answered during overload / capacity"].value == pytest.approx(1)
    assert found["capacity beside a server that does nothing but refuse / capacity"].value == pytest.approx(0.8)
    assert found["answered during overload / that"].value == pytest.approx(1.25)
    assert found["the client, of one core"].value == pytest.approx(0.1)
    assert found["came back as told, after: accepted"].met is None
    assert math.isnan(found["a refusal, p50 [ms]"].value)


def queue(*, wait_s: float = 4.0, told: float = 1.0, gap_s: float = 0.0, always: float | None = None) -> list[Outcome]:
    """What ten times the capacity of 10 requests a second meets at a queue of so many seconds; calm before and after.

    told, always  what Retry-After says: by the time that the queue takes, or in seconds
    gap_s         nothing is answered for so long, in the middle
    """
    calm = [answered(at / 10, 0.05) for at in (*range(100), *range(800, 1000))]
    accepted = []
    for number in range(600):
        end_s = 10 + number / 10 + (gap_s if number > 300 else 0)
        sent_s = max(10 + number / 100, end_s - wait_s)
        accepted.append(answered(sent_s, end_s - sent_s))
    says_s = wait_s * told if always is None else always
    refused = [Outcome(15 + number / 90, 0.01, 429, says_s, 1) for number in range(54 * 90)]
    return sorted([*calm, *accepted, *refused, Outcome(75, 0.05, 200, 0, 2)])


BACK = "latency is back at 1.5 × after [s]"


def missed(outcomes: list[Outcome]) -> set[str]:
    times = Times(1, 10, 60, 30)
    run = Run(16, (160, 160), (150, 150), times, outcomes, [(30, 0.1)], [0.1 * at for at in range(120)], 100, 120, 110)
    return {each.name for each in figures(run) if each.met is False}


def test_a_queue_that_works_meets_every_bar() -> None:
    assert missed(queue()) == set()


@pytest.mark.parametrize(
    ("outcomes", "bars"),
    [
        (queue(told=3), {"the same, p95"}),
        (queue(always=1), {"the same, p5"}),
        (queue(gap_s=8), {"its least sixth / its mean"}),
        (queue(wait_s=21), {"accepted, p99 [s]"}),
        ([*queue(), Outcome(69, 0.1, 500, 0, 1)], {"failures other than 429"}),
        ([*queue(), Outcome(69, 0, NOT_SENT, 0, 1)], {"not sent, all connections waiting"}),
        ([each._replace(taken_s=3.0) if each.sent_s >= 80 else each for each in queue()], {BACK}),
        ([*queue(), Outcome(20, 0.1, 429, 5, 1), Outcome(75, 0.1, 429, 5, 2)], {"came back as told, after: accepted"}),
    ],
)
def test_what_a_bar_is_there_for_misses_it(outcomes: list[Outcome], bars: set[str]) -> None:
    assert bars <= missed(outcomes)


def test_what_each_sixth_has_by_the_mean_of_all() -> None:
    assert sixths([at / 10 for at in range(600)], (0, 60)) == pytest.approx([1] * 6)
    with_a_gap = [at / 10 for at in range(600) if not 20 <= at / 10 < 25]
    assert sixths(with_a_gap, (0, 60)) == pytest.approx([12 / 11, 12 / 11, 6 / 11, 12 / 11, 12 / 11, 12 / 11])
    assert sixths([], (0, 60)) == [0] * 6
