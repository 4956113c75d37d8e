"""Vectors made by hand for the tests of projections."""

import numpy as np

from app.projection.nearest import F32, I64, nearest, unit_rows


def blobs(count: int, each: int, *, dimension: int = 32, spread: float = 0.15, seed: int = 0) -> tuple[F32, I64]:
    """`count` heaps of `each` vectors of length 1 around directions at right angles, and the heap of each vector."""
    chance = np.random.default_rng(seed)
    heap = np.repeat(np.arange(count), each)
    around = np.eye(dimension, dtype=np.float32)[heap]
    noise = chance.standard_normal((count * each, dimension)) * spread
    return unit_rows((around + noise).astype(np.float32)), heap


def apart(places: F32, heap: I64) -> float:
    """How much further from the other heaps' middles than from its own a point is, at the least; below 1: mixed."""
    middles = np.stack([places[heap == each].mean(axis=0) for each in range(heap.max() + 1)])
    away = np.linalg.norm(places[:, None] - middles, axis=2)
    own = away[np.arange(len(places)), heap]
    away[np.arange(len(places)), heap] = np.inf
    return float((away.min(axis=1) / own).min())


def kept(vectors: F32, places: F32, count: int = 10) -> float:
    """Which share of the nearest vectors are nearest in the plane as well."""
    away = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(away, np.inf)
    drawn = np.argsort(away, axis=1)[:, :count]
    pairs = zip(nearest(vectors, count).tolist(), drawn.tolist(), strict=True)
    return float(np.mean([len(set(one) & set(other)) / count for one, other in pairs]))
