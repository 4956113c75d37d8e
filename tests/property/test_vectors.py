"""Whatever vectors are let in, every store's scores of them are numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.vectors import LONGEST, SHORTEST, fault
from app.store.chroma.vectors import compared
from app.store.similarity import scores
from app.store.store import F32, Distance

DISTANCES: list[Distance] = ["cosine", "dot", "euclidean"]
sizes = st.floats(-37, 37).map(lambda exponent: 10**exponent)
directions = st.lists(st.floats(-1, 1), min_size=4, max_size=4)


def of(direction: list[float], size: float) -> F32:
    with np.errstate(over="ignore", under="ignore"):
        return (np.array(direction) * size).astype(np.float32)


@pytest.mark.parametrize("distance", DISTANCES)
@given(directions, sizes, directions, sizes)
def test_scores_are_finite(distance: Distance, one: list[float], size: float, other: list[float], wide: float) -> None:
    vectors = np.stack([of(one, size), of(other, wide)])
    if any(fault(vector, distance) for vector in vectors):
        return
    with np.errstate(over="raise", invalid="raise"):
        found = scores(vectors, vectors[0], distance)
    assert np.isfinite(found).all()
    assert np.isfinite(compared(vectors[0], distance)).all()
    if distance == "cosine":
        assert found[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("distance", DISTANCES)
@given(directions, sizes)
def test_no_score_is_anything_but_a_number_whatever_is_kept_from_before(
    distance: Distance, direction: list[float], size: float
) -> None:
    vector = of(direction, size)
    assert np.isfinite(scores(np.stack([vector, vector / 3]), vector, distance)).all()


def test_the_limits_are_what_is_refused_beyond() -> None:
    for length, kept in ((SHORTEST, True), (SHORTEST / 1.1, False), (LONGEST, True), (LONGEST * 1.1, False)):
        vector = np.array([length * 1.0001 if length < 1 else length * 0.9999, 0], np.float32)
        assert (not fault(vector, "dot")) is kept
    assert fault(np.zeros(2, np.float32), "cosine")
    assert not fault(np.zeros(2, np.float32), "dot")
