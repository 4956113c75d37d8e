"""Principal components: the two directions in which vectors differ most."""

from dataclasses import dataclass

import numpy as np

from app.projection.nearest import F32, products

# Directions that are followed at once: what lies between the second and the sixteenth variance is soon gone.
BLOCK = 16
STEPS = 30


@dataclass(frozen=True)
class Components:
    """mean      (dimension,) float32
    axes      (2, dimension) float32, each of length 1, or 0 where the vectors have fewer directions
    variance  share of the whole variance that lies along each axis; 0 where there is none
    """

    mean: F32
    axes: F32
    variance: tuple[float, float]

    def coordinates(self, vectors: F32) -> F32:
        """(rows, dimension) float32 to (rows, 2) float32"""
        return products(vectors - self.mean, self.axes)


def principal_components(vectors: F32) -> Components:
    """The same for the same vectors, signs included: of each axis the number furthest from 0 is positive.

    Subspace iteration instead of the covariance's eigenvectors, since those of 1536 numbers take seconds without a
    LAPACK of one's own; it never makes the covariance either.

    vectors  (rows, dimension) float32, at least one row
    source   Halko, Martinsson and Tropp 2011, algorithm 4.4, with a fixed test matrix in place of a random one
    """
    rows, dimension = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    width = min(BLOCK, rows, dimension)
    test = np.cos(np.outer(np.arange(1, rows + 1), np.arange(1, width + 1))).astype(np.float32)
    basis = _orthonormal(np.einsum("ij,ik->kj", centred, test))
    for _ in range(STEPS):
        basis = _orthonormal(np.einsum("ij,ik->kj", centred, products(centred, basis)))
    inside = products(centred, basis).astype(np.float64)
    variances, turns = np.linalg.eigh(np.einsum("ij,ik->jk", inside, inside))
    total = float(np.einsum("ij,ij->", centred, centred, dtype=np.float64))
    axes, shares = np.zeros((2, dimension), np.float32), [0.0, 0.0]
    for axis in range(min(2, width)):
        share = float(variances[-1 - axis]) / total if total else 0.0
        if share > 1e-9:  # less is what rounding leaves of nothing
            direction = np.einsum("i,ij->j", turns[:, -1 - axis], basis)
            axes[axis] = direction * np.sign(direction[np.abs(direction).argmax()])
            shares[axis] = share
    return Components(mean, axes, (shares[0], shares[1]))


def _orthonormal(rows: F32) -> F32:
    """Rows that span the same, at right angles and of length 1; where they span less, anything completes them."""
    return np.ascontiguousarray(np.linalg.qr(rows.astype(np.float64).T)[0].T, np.float32)
