"""Percentiles, ratios within a round, and the bars that follow from them."""

import pytest

from benchmarks.peers import tables
from benchmarks.peers.figures import (
    BARE,
    LIGHT_EMBED,
    ONNX_RUNTIME,
    OURS,
    TORCH,
    Cell,
    Resources,
    Round,
    Spread,
    Taken,
    median_of,
    over,
    percentile,
    ratios,
    resource,
)

MANY, LIMIT, LONE = Cell("mixed", 32, 8, 32, 64), Cell("mixed", 32, 64, 32, 64), Cell("sentences", 1, 1, 1, 2)


def one_round(ours: float, torch: float, peer: float) -> Round:
    """A round in which ours is at 80 % of the limit, and 2 ms behind it."""
    taken = {
        (OURS, MANY): Taken(ours, 1, 2),
        (TORCH, MANY): Taken(torch, 1, 2),
        ("peer", MANY): Taken(peer, 1, 2),
        (BARE, LIMIT): Taken(100, 1, 2),
        (OURS, LONE): Taken(1, 3.0, 4),
        (BARE, LONE): Taken(1, 1.0, 4),
    }
    resources = {OURS: Resources(1, 200, 150), TORCH: Resources(5, 900, 800), "peer": Resources(0.5, 700, 600)}
    return Round(taken, resources, {(BARE, "mixed"): [0.7, 0.8, 0.95], (ONNX_RUNTIME, "mixed"): [1.1]})


ROUNDS = [one_round(600, 100, 300), one_round(500, 125, 250), one_round(450, 50, 100)]


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (51, 3), (99, 4), (100, 4)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([4, 2, 3, 1], percent) == value


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_ratios_leave_out_rounds_that_lack_a_side() -> None:
    assert ratios([(4, 2), (None, 2), (4, None), (9, 3)]) == Spread([2, 3])
    assert ratios([(None, 1)]) is None


def test_a_ratio_is_taken_within_each_round() -> None:
    spread = over(ROUNDS, OURS, [TORCH], "mixed", 32)
    assert spread is not None
    assert list(spread.values) == [6, 4, 9]
    assert spread.median == 6
    assert str(spread) == "4.00 to 9.00, 3 rounds"


def test_the_best_of_the_others_is_the_best_of_each_round() -> None:
    spread = over(ROUNDS, OURS, [TORCH, "peer"], "mixed", 32)
    assert spread is not None
    assert list(spread.values) == [2, 2, 4.5]


def test_a_peer_counts_with_the_clients_that_suit_it_best() -> None:
    taken = {(OURS, MANY): 10, (OURS, LIMIT): 30, (OURS, LONE): 90, (TORCH, MANY): 15, (TORCH, LIMIT): 5}
    each = Round({key: Taken(rate, 1, 1) for key, rate in taken.items()})
    assert over([each], OURS, [TORCH], "mixed", 32) == Spread([30 / 15])


def test_clients_that_only_one_side_was_measured_with_do_not_count() -> None:
    taken = {(OURS, MANY): 10, (OURS, LIMIT): 30, (TORCH, MANY): 5}
    each = Round({key: Taken(rate, 1, 1) for key, rate in taken.items()})
    assert over([each], OURS, [TORCH], "mixed", 32) == Spread([10 / 5])
    assert over([each], TORCH, ["nobody"], "mixed", 32) is None


def test_medians_are_over_the_rounds_that_have_the_peer() -> None:
    rounds = [*ROUNDS, Round()]
    assert median_of(rounds, OURS, MANY, "texts_per_s") == 500
    assert median_of(rounds, "nobody", MANY, "texts_per_s") is None
    assert resource(rounds, TORCH, "start_s") == 5
    assert resource(rounds, "nobody", "start_s") is None


def test_the_bars_say_what_is_met_and_what_is_missed() -> None:
    found = {figure.name: figure for figure in tables.bars([OURS, TORCH, "peer", BARE], ROUNDS)}
    assert {name: (figure.value, figure.met) for name, figure in found.items()} == {
        "mixed: ours / torch": (6, True),
        "mixed: ours / best other peer": (2, False),
        "mixed, 32 × 64: ours / bare": (0.8, False),
        "mixed, 32 × 64: ours / ONNX Runtime": (1.1, None),
        "one sentence at rest: ours less bare [ms]": (2, False),
        "memory, most: ours / least of the peers": (200 / 700, True),
        "start: ours / least of the peers that serve": (2, False),
    }


def test_the_limit_is_judged_by_all_turns_of_all_rounds() -> None:
    sentences, mixed = (BARE, "sentences"), (BARE, "mixed")
    rounds = [Round(of_limit={sentences: [0.8, 0.91, 0.92]}), Round(of_limit={sentences: [0.93], mixed: []})]
    found = {figure.name: figure for figure in tables.bars([OURS, BARE], rounds)}
    assert list(found) == ["sentences, 32 × 64: ours / bare"]
    (figure,) = found.values()
    assert figure.value == pytest.approx(0.915)
    assert (figure.spread, figure.met) == ("0.80 to 0.93, 4 turns", True)


def test_what_does_not_serve_has_a_start_that_is_said_and_no_bar() -> None:
    rounds = [Round(resources={OURS: Resources(1, 2, 3), TORCH: Resources(5, 9, 9), LIGHT_EMBED: Resources(0.5, 9, 9)})]
    found = {figure.name: figure for figure in tables.bars([OURS, TORCH, LIGHT_EMBED], rounds)}
    start = {name: (figure.value, figure.met) for name, figure in found.items() if name.startswith("start")}
    assert start == {
        "start: ours / least of the peers that serve": (0.2, True),
        "start: ours / least of the libraries": (2, None),
    }


def test_a_table_has_a_dash_where_nothing_was_measured() -> None:
    text = tables.throughput([OURS, TORCH, BARE], [MANY, LIMIT], ROUNDS)
    assert text.splitlines() == [
        "| texts/s: texts, in a request × clients | VectorSpace | torch | bare | ours / torch | ours / best other |",
        "|---|---|---|---|---|---|",
        "| mixed, 32 × 8 | 500 | 100 | – | 6.00 (4.00 to 9.00) | – |",
        "| mixed, 32 × 64 | – | – | 100 | – | – |",
    ]
