"""Exact scores and rankings, against arithmetic in double precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app.store.embedded.search.exact import CHUNK_ROWS, best
from app.store.similarity import scores
from app.store.store import F32, Distance

numbers = st.floats(-100, 100, width=32)
rows_of_three = arrays.arrays(np.float32, st.tuples(st.integers(1, 20), st.just(3)), elements=numbers)


def by_hand(vectors: F32, query: F32, distance: Distance) -> list[float]:
    found = []
    for vector in vectors.astype(np.float64):
        match distance:
            case "dot":
                found.append(vector @ query)
            case "euclidean":
                found.append(-np.linalg.norm(vector - query))
            case "cosine":
                lengths = np.linalg.norm(vector) * np.linalg.norm(query.astype(np.float64))
                found.append(vector @ query / lengths if lengths else 0.0)
    return found


@pytest.mark.parametrize("distance", ["cosine", "dot", "euclidean"])
@given(
    vectors=rows_of_three, query=arrays.arrays(np.float32, 3, elements=numbers.filter(lambda x: not 0 < abs(x) < 1e-9))
)
def test_scores_are_what_they_are_called(distance: Distance, vectors: F32, query: F32) -> None:
    vectors[np.abs(vectors) < 1e-9] = 0
    found = scores(vectors, query, distance)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, by_hand(vectors, query, distance), rtol=1e-4, atol=1e-2 if distance == "dot" else 1e-4
    )


def test_a_vector_without_length_is_like_nothing() -> None:
    vectors = np.array([[0, 0], [1, 0]], np.float32)
    np.testing.assert_array_equal(scores(vectors, np.array([1, 0], np.float32), "cosine"), [0, 1])
    np.testing.assert_array_equal(scores(vectors, np.zeros(2, np.float32), "cosine"), [0, 0])


def scanned(count: int, owners: int) -> list[tuple[int, int, bytes]]:
    """Passages 0, 1, …, the nearest to (1,) first, of so many documents in turn."""
    return [(i, i % owners, np.array([1 - i / count], "<f4").tobytes()) for i in range(count)]


def test_the_ranking_crosses_chunks() -> None:
    count = CHUNK_ROWS + 3
    ranking = best(reversed(scanned(count, count)), np.ones(1, np.float32), "dot")
    assert [found.key for found in ranking] == list(range(count))


@pytest.mark.parametrize(
    ("passages", "documents", "length"), [(3, 0, 3), (3, 2, 3), (1, 4, 4), (20, 0, 10), (2, 9, 10)]
)
def test_the_head_has_what_is_wanted(passages: int, documents: int, length: int) -> None:
    ranking = best(scanned(10, 5), np.ones(1, np.float32), "dot", passages, documents)
    assert [found.key for found in ranking] == list(range(length))


def test_as_good_as_the_last_comes_along() -> None:
    rows = [(key, key, np.array([value], "<f4").tobytes()) for key, value in enumerate([3, 2, 2, 2, 1])]
    assert len(best(rows, np.ones(1, np.float32), "dot", 2, 2)) == 4


def test_nothing_scanned_is_an_empty_ranking() -> None:
    assert best([], np.ones(1, np.float32), "cosine", 5, 5) == []
