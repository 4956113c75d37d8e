"""Smaller vectors, whatever the numbers: how far they may be from the ones they stand for."""

import math

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.embedding.encoder import F32
from app.embedding.representation import INT8_RANGE_RMS, shorten, to_binary, to_int8

numbers = arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=st.floats(-1, 1, width=32))


def units(rows: F32) -> F32:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    assume(bool((lengths > 1e-3).all()))
    return np.asarray(rows / lengths, np.float32)


@given(numbers, st.data())
def test_what_is_cut_keeps_its_direction_and_length_1(rows: F32, data: st.DataObject) -> None:
    vectors = units(rows)
    dimension = data.draw(st.integers(1, vectors.shape[1]))
    found = shorten(vectors, dimension)
    assert found.shape == (len(vectors), dimension)
    for part, vector in zip(found, vectors[:, :dimension], strict=True):
        length = np.linalg.norm(vector)
        np.testing.assert_allclose(part * length, vector, atol=1e-6)
        assert length < 1e-3 or abs(np.linalg.norm(part) - 1) < 1e-5


@given(numbers)
def test_int8_is_off_by_half_a_step_where_it_is_not_held(rows: F32) -> None:
    vectors = units(rows)
    step = INT8_RANGE_RMS / (127 * math.sqrt(vectors.shape[1]))
    inside = np.abs(vectors) <= 127 * step
    off = np.abs(to_int8(vectors) * step - vectors)
    assert (off[inside] <= step * 0.501).all()
    assert (np.abs(to_int8(vectors))[~inside] == 127).all()


@given(numbers)
def test_binary_gives_every_sign_back(rows: F32) -> None:
    found = to_binary(rows)
    assert found.shape == (len(rows), math.ceil(rows.shape[1] / 8))
    bits = np.unpackbits((found.astype(np.int16) + 128).astype(np.uint8), axis=1, count=rows.shape[1])
    np.testing.assert_array_equal(bits, rows > 0)
