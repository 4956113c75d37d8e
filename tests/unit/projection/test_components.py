"""Principal components: known axes found, in order, with their signs, and nothing made of nothing."""

import numpy as np
import pytest

from app.projection.components import principal_components
from app.projection.nearest import F32


def spread(rows: int, *lengths: float, dimension: int = 20, seed: int = 0) -> tuple[F32, F32]:
    """Points that are spread so far along directions at right angles, and these directions."""
    chance = np.random.default_rng(seed)
    axes = np.linalg.qr(chance.standard_normal((dimension, len(lengths))))[0].T
    places = chance.standard_normal((rows, len(lengths))) * lengths
    return (places @ axes + 5).astype(np.float32), axes.astype(np.float32)


def test_known_axes_are_found_in_the_order_of_their_variance() -> None:
    vectors, axes = spread(5000, 1, 4, 2)
    found = principal_components(vectors)
    np.testing.assert_allclose(np.abs(found.axes @ axes.T), [[0, 1, 0], [0, 0, 1]], atol=0.05)
    assert found.variance == pytest.approx((16 / 21, 4 / 21), abs=0.02)


def test_they_are_the_eigenvectors_of_the_covariance() -> None:
    vectors = np.random.default_rng(1).standard_normal((300, 100)).astype(np.float32) ** 3
    found = principal_components(vectors)
    values, axes = np.linalg.eigh(np.cov(vectors.T, dtype=np.float64))
    assert found.variance == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()), rel=1e-4)
    for axis, expected in zip(found.axes, (axes[:, -1], axes[:, -2]), strict=True):
        assert abs(axis @ expected) == pytest.approx(1, abs=1e-4)
    places = found.coordinates(vectors)
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(places.var(axis=0, ddof=1), values[[-1, -2]], rtol=1e-3)


def test_the_same_vectors_give_the_same_axes_and_signs_do_not_hang_on_their_order() -> None:
    vectors, _ = spread(200, 4, 2, 1)
    found, again = principal_components(vectors), principal_components(vectors.copy())
    np.testing.assert_array_equal(found.axes, again.axes)
    turned = principal_components(vectors[::-1].copy())
    np.testing.assert_allclose(found.axes, turned.axes, atol=1e-3)
    assert (found.axes[np.arange(2), np.abs(found.axes).argmax(axis=1)] > 0).all()


def test_axes_are_at_right_angles_and_of_length_one() -> None:
    axes = principal_components(spread(50, 3, 3, 3, dimension=400)[0]).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-5)


@pytest.mark.parametrize(("rows", "dimension"), [(1, 5), (7, 5), (3, 1), (1, 1)])
def test_without_variance_there_are_no_axes(rows: int, dimension: int) -> None:
    vectors = np.full((rows, dimension), 0.1, np.float32)
    found = principal_components(vectors)
    assert max(found.variance) == 0
    np.testing.assert_array_equal(found.coordinates(vectors), np.zeros((rows, 2)))


@pytest.mark.parametrize("dimension", [1, 30])
def test_points_on_a_line_have_one_axis(dimension: int) -> None:
    vectors = np.outer(np.arange(9), np.ones(dimension)).astype(np.float32)
    found = principal_components(vectors)
    assert found.variance == pytest.approx((1, 0))
    np.testing.assert_allclose(found.coordinates(vectors)[:, 0], np.arange(-4, 5) * np.sqrt(dimension), atol=1e-4)
    np.testing.assert_array_equal(found.coordinates(vectors)[:, 1], 0)
