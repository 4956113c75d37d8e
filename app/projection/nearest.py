"""Vectors of length 1, and which of them are nearest to each other."""

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

# Rows that are compared with all others at once: 2 MB of cosines where there are 2000.
CHUNK_ROWS = 256


def products(left: F32, right: F32) -> F32:
    """The inner product of each row of `left` with each row of `right`.

    left     (rows, dimension) float32
    right    (others, dimension) float32
    returns  (rows, others) float32
    """
    # Not `@`: without a BLAS, as in the image, it is four times slower, and with one it starts threads of its own.
    found: F32 = np.einsum("ij,kj->ik", left, right)
    return found


def unit_rows(vectors: F32) -> F32:
    """Each row at length 1; one without length stays as it is.

    vectors  (rows, dimension) float32, finite
    returns  (rows, dimension) float32
    """
    exact = vectors.astype(np.float64)  # whose squares have room for every float32
    lengths = np.sqrt(np.einsum("ij,ij->i", exact, exact))[:, None]
    scaled: F32 = np.divide(exact, lengths, out=np.zeros_like(exact), where=lengths > 0).astype(np.float32)
    return scaled


def nearest(vectors: F32, count: int) -> I64:
    """For each row the `count` other rows of greatest inner product, in no order; none is its own neighbour.

    vectors  (rows, dimension) float32
    count    less than rows
    returns  (rows, count) int64, indices of rows
    """
    rows = len(vectors)
    assert count < rows
    found = np.empty((rows, count), np.int64)
    for first in range(0, rows, CHUNK_ROWS):
        some = products(vectors[first : first + CHUNK_ROWS], vectors)
        some[np.arange(len(some)), np.arange(first, first + len(some))] = -np.inf
        found[first : first + CHUNK_ROWS] = np.argpartition(some, rows - count, axis=1)[:, rows - count :]
    return found
