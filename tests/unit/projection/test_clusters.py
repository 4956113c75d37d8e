"""Groups of vectors: those that were made are found, the same ones each time, largest first."""

import numpy as np
import pytest

from app.projection.clusters import MOST_CLUSTERS, cluster_count, clusters
from app.projection.nearest import unit_rows
from tests.unit.projection.conftest import blobs


def test_heaps_are_found() -> None:
    vectors, heap = blobs(6, 40)
    group = clusters(vectors, 6)
    assert sorted(np.unique(np.stack([heap, group]), axis=1)[1]) == list(range(6))
    np.testing.assert_array_equal(group, clusters(vectors.copy(), 6))


def test_the_largest_is_the_first() -> None:
    vectors, heap = blobs(3, 30)
    kept = np.concatenate([np.flatnonzero(heap == 2), np.flatnonzero(heap == 0)[:20], np.flatnonzero(heap == 1)[:10]])
    assert np.bincount(clusters(vectors[kept], 3)).tolist() == [30, 20, 10]


def test_a_lone_vector_apart_does_not_hide_the_heaps() -> None:
    vectors, _ = blobs(2, 50, spread=0.03)
    outlier = unit_rows(-vectors.mean(axis=0, keepdims=True))
    group = clusters(np.concatenate([vectors, outlier]), 3)
    assert np.bincount(group).tolist() == [50, 50, 1]


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_there_are_never_more_groups_than_vectors_that_differ(count: int) -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32)[:2], [5, 3], axis=0)
    group = clusters(vectors, count)
    assert group.tolist() == ([0] * 8 if count == 1 else [0] * 5 + [1] * 3)


def test_one_vector_and_vectors_without_length_have_a_group() -> None:
    assert clusters(np.ones((1, 3), np.float32), 12).tolist() == [0]
    assert clusters(np.zeros((4, 3), np.float32), 2).tolist() == [0, 0, 0, 0]


def test_how_many_are_asked_for_grows_with_the_collection_up_to_what_can_be_told_apart() -> None:
    counts = [cluster_count(rows) for rows in range(3000)]
    assert counts == sorted(counts)
    assert all(count <= rows for rows, count in enumerate(counts))
    assert [counts[rows] for rows in (0, 1, 10, 100, 2000)] == [0, 1, 3, 6, MOST_CLUSTERS]
