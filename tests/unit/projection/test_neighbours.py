"""The neighbours' layout: heaps stay apart where components mix them, and nothing is left to chance."""

import numpy as np
import pytest

from app.projection import neighbours as module
from app.projection.components import principal_components
from app.projection.nearest import F32
from app.projection.neighbours import neighbour_layout
from tests.unit.projection.conftest import apart, blobs, kept


def start(vectors: F32) -> F32:
    return principal_components(vectors).coordinates(vectors)


def test_eight_heaps_stay_apart_where_components_mix_them() -> None:
    vectors, heap = blobs(8, 40)
    places = start(vectors)
    assert apart(places, heap) < 1
    assert apart(neighbour_layout(vectors, places), heap) > 2


def test_two_heaps_stay_apart() -> None:
    vectors, heap = blobs(2, 25)
    assert apart(neighbour_layout(vectors, start(vectors)), heap) > 2


@pytest.mark.parametrize("rows", [100, 300])
def test_the_same_vectors_give_the_same_places(rows: int) -> None:
    """With fewer points than the window has, and with more."""
    vectors, _ = blobs(4, rows // 4)
    assert (rows > module.REPELLING) == (rows == 300)
    first, second = (neighbour_layout(vectors.copy(), start(vectors)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_window_over_all_feels_all_and_small_ones_add_up_to_it() -> None:
    rows, chance = 10, np.random.default_rng(0)
    places = chance.standard_normal((rows, 2)).astype(np.float32)
    away = places[:, None] - places
    nearness = 1 / (1 + (away**2).sum(axis=2))
    np.fill_diagonal(nearness, 0)
    expected = ((nearness**2)[:, :, None] * away).sum(axis=1)
    pushed, total = module._repulsion(places, 0, np.empty((4, rows, rows - 1), np.float32))
    np.testing.assert_allclose(pushed, expected, rtol=1e-4)
    assert total == pytest.approx(nearness.sum())
    in_chunks, _ = module._repulsion(places, 0, np.empty((4, 3, rows - 1), np.float32))
    np.testing.assert_allclose(in_chunks, pushed, rtol=1e-5)
    parts = [module._repulsion(places, first, np.empty((4, rows, 1), np.float32)) for first in range(rows - 1)]
    np.testing.assert_allclose(np.mean([push for push, _ in parts], axis=0), expected, rtol=1e-4)
    assert np.mean([each for _, each in parts]) == pytest.approx(nearness.sum())


def test_a_window_that_comes_round_leaves_the_point_itself_out() -> None:
    places = np.array([[0, 0], [3, 0], [0, 4]], np.float32)
    pushed, total = module._repulsion(places, 1, np.empty((4, 3, 2), np.float32))
    # Each sees the second after it, and itself, which does not count: 1 / (1 + d²), twice as much, since one is unseen.
    assert total == pytest.approx(2 * (1 / 17 + 1 / 10 + 1 / 26))
    np.testing.assert_allclose(pushed[0], 2 * np.array([0, -4]) / 17**2, rtol=1e-5)


def test_a_pair_of_neighbours_pulls_at_both_its_ends() -> None:
    places = np.array([[0, 0], [2, 0], [0, 1]], np.float32)
    pulled = module._attraction(places, np.array([[1], [0], [0]]))
    # 0 and 1 name each other: twice 2 / (1 + 4). 2 names 0: 1 / (1 + 1).
    np.testing.assert_allclose(pulled, [[0.8, 0.5], [-0.8, 0], [0, -0.5]], rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 11, 12])
def test_few_points_have_places(rows: int) -> None:
    vectors, _ = blobs(1, rows)
    places = neighbour_layout(vectors, start(vectors))
    assert places.shape == (rows, 2)
    assert np.isfinite(places).all()
    assert len({tuple(each) for each in places.tolist()}) == rows


def test_vectors_that_are_all_the_same_have_one_place() -> None:
    vectors = np.ones((20, 3), np.float32) / np.float32(np.sqrt(3))
    np.testing.assert_array_equal(neighbour_layout(vectors, start(vectors)), np.zeros((20, 2)))


def test_doubles_are_each_others_neighbours() -> None:
    vectors, _ = blobs(5, 20, spread=0.4)
    twice = np.repeat(vectors, 2, axis=0)
    places = neighbour_layout(twice, start(twice))
    assert np.isfinite(places).all()
    between = np.linalg.norm(places[0::2] - places[1::2], axis=1)
    assert np.median(between) < 0.1 * np.ptp(places)


def test_more_neighbours_are_kept_than_by_components() -> None:
    vectors, _ = blobs(20, 20, spread=0.12, dimension=64)
    places = start(vectors)
    assert kept(vectors, neighbour_layout(vectors, places)) > 3 * kept(vectors, places)
