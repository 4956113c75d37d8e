"""Rows at length 1, and their nearest ones."""

import numpy as np
import pytest

from app.projection import nearest as module
from app.projection.nearest import nearest, products, unit_rows


def test_rows_have_length_one_and_nothing_stays_nothing() -> None:
    rows = unit_rows(np.array([[3, 4], [0, 0], [3e38, 0], [0, -1e-40]], np.float32))
    np.testing.assert_allclose(rows, np.array([[0.6, 0.8], [0, 0], [1, 0], [0, -1]]), rtol=1e-6)
    assert rows.dtype == np.float32


def test_products_are_those_of_every_pair() -> None:
    left, right = np.array([[1, 2], [3, 4]], np.float32), np.array([[5, 6], [7, 8], [9, 0]], np.float32)
    np.testing.assert_array_equal(products(left, right), [[17, 23, 9], [39, 53, 27]])


@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_the_nearest_are_those_of_a_full_sort(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk)
    vectors = unit_rows(np.random.default_rng(0).standard_normal((60, 12)).astype(np.float32))
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    expected = np.argsort(-cosines, axis=1)[:, :5]
    assert [set(row) for row in nearest(vectors, 5).tolist()] == [set(row) for row in expected.tolist()]


def test_a_double_is_a_neighbour_and_a_row_is_never_its_own() -> None:
    near = nearest(np.ones((4, 3), np.float32), 3)
    assert [sorted(row) for row in near.tolist()] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
