"""Planes: points within -1..1 on one scale, and new ones placed among them."""

import numpy as np
import pytest

from app.projection.nearest import F32, unit_rows
from app.projection.plane import Layout, plane
from tests.unit.projection.conftest import blobs

LAYOUTS: tuple[Layout, ...] = ("components", "neighbours")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_fill_the_plane_on_one_scale(layout: Layout) -> None:
    points = plane(blobs(3, 30)[0], layout).points
    least, most = points.min(axis=0), points.max(axis=0)
    np.testing.assert_allclose(least, -most, atol=1e-6)
    assert most.max() == pytest.approx(1)


def test_components_keep_the_shape() -> None:
    """Twice as wide as high stays so."""
    vectors = np.array([[4, 0, 1], [-4, 0, 1], [0, 2, 1], [0, -2, 1]], np.float32)
    points = plane(vectors, "components").points
    np.testing.assert_allclose(np.abs(points), np.array([[1, 0], [1, 0], [0, 0.5], [0, 0.5]]), atol=1e-6)


def test_by_components_a_vector_falls_on_its_own_point() -> None:
    vectors, _ = blobs(3, 20)
    made = plane(vectors, "components")
    for row in (0, 25, 59):
        assert made.place(vectors[row]) == pytest.approx(tuple(made.points[row]), abs=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_new_vector_falls_among_those_that_it_is_like(layout: Layout) -> None:
    vectors, heap = blobs(3, 40)
    made = plane(vectors, layout)
    middles = np.stack([made.points[heap == each].mean(axis=0) for each in range(3)])
    new, heap_of_new = blobs(3, 5, seed=1)
    for vector, each in zip(new, heap_of_new, strict=True):
        assert np.linalg.norm(middles - made.place(vector), axis=1).argmin() == each


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [1, 2, 3, 6])
def test_few_points(layout: Layout, rows: int) -> None:
    made = plane(blobs(1, rows)[0], layout)
    assert made.points.shape == (rows, 2)
    assert np.abs(made.points).max() <= 1
    assert np.isfinite(made.place(blobs(1, 1, seed=3)[0][0])).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("vectors", [np.ones((5, 4), np.float32) / 2, np.zeros((5, 4), np.float32)])
def test_without_variance_all_fall_in_the_middle(layout: Layout, vectors: F32) -> None:
    made = plane(vectors, layout)
    np.testing.assert_array_equal(made.points, np.zeros((5, 2)))
    assert made.place(unit_rows(np.ones((1, 4), np.float32))[0]) == (0, 0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_knows_what_it_weighs(layout: Layout) -> None:
    vectors, _ = blobs(2, 50, dimension=64)
    weight = plane(vectors, layout).bytes
    assert weight > 100 * 2 * 4
    assert (weight > vectors.nbytes) == (layout == "neighbours")
