"""A layout that keeps neighbours together: t-SNE, whose repulsion is felt from some points at a time.

Each point is drawn to its nearest ones and pushed off by all. Of 2000 points all would be four million forces a step
and seven seconds; a window of REPELLING others that moves on from step to step gives as good a picture in less than one
(docs/decisions/0016-map.md).
"""

import numpy as np

from app.projection.nearest import F32, I64, nearest

NEIGHBOURS = 10
REPELLING = 128
# Rows that are pushed at once: their forces stay in the processor's cache.
CHUNK_ROWS = 512
# Steps, first with the attraction EXAGGERATION times as strong, so that those who belong together find each other.
EARLY_STEPS, STEPS = 75, 300
EXAGGERATION = 12.0
MOMENTUM = 0.8
# How far apart the points begin: close together, they pass through each other.
START_SPREAD = 0.01


def neighbour_layout(vectors: F32, start: F32) -> F32:
    """Places in the plane such that near vectors are near each other, the same for the same vectors.

    vectors  (rows, dimension) float32, of length 1
    start    (rows, 2) float32, where they begin: principal components, so that the whole keeps its shape
    returns  (rows, 2) float32; `start` itself where there are too few rows or they are all the same
    source   van der Maaten and Hinton 2008; the same weight for each neighbour: Böhm, Berens and Kobak 2022;
             the learning rate, rows / EXAGGERATION: Belkina et al. 2019
    """
    rows, spread = len(start), float(start[:, 0].std())
    if rows < 4 or spread == 0:
        return start
    # In an order that has nothing to do with what the texts say, since a window takes points that follow each other.
    order = np.argsort(np.arange(rows, dtype=np.int64) * 2_654_435_761 % 2**32, kind="stable")
    ordered = vectors[order]
    near = nearest(ordered, min(NEIGHBOURS, rows - 1))
    places = start[order] * np.float32(START_SPREAD / spread)
    moving = np.zeros_like(places)
    window, first, normaliser = min(REPELLING, rows - 1), 0, 0.0
    work = np.empty((4, min(CHUNK_ROWS, rows), window), np.float32)
    for step in range(STEPS):
        pushed, total = _repulsion(places, first, work)
        # Over the whole of the points the sum changes slowly: past windows know it too.
        normaliser = total if not normaliser or window == rows - 1 else 0.9 * normaliser + 0.1 * total
        pulled = _attraction(places, near) * np.float32(EXAGGERATION if step < EARLY_STEPS else 1.0)
        force = 4 * (pulled / (2 * near.size) + pushed / np.float32(normaliser))
        moving = np.float32(MOMENTUM) * moving + np.float32(rows / EXAGGERATION) * force
        places = places + moving
        first = (first + window) % (rows - 1)
    laid = np.empty_like(places)
    laid[order] = places
    return laid


def _attraction(places: F32, near: I64) -> F32:
    """(rows, 2) float32: what the pairs of neighbours pull, each at both its ends."""
    x, y = (places[:, axis][near] - places[:, axis, None] for axis in (0, 1))
    nearness = 1 / (1 + x * x + y * y)
    pulled = np.empty_like(places)
    for axis, away in enumerate((x, y)):
        pulls = away * nearness
        pulled[:, axis] = np.einsum("ij->i", pulls) - np.bincount(near.ravel(), pulls.ravel(), len(places))
    return pulled


def _repulsion(places: F32, first: int, work: F32) -> tuple[F32, float]:
    """What each point feels of the ones that come `first` + 1 places after it and later, in a ring, scaled to all.

    work     (4, some rows, window) float32, written over: new memory for each step would cost as much as the steps
    returns  (rows, 2) float32 before it is normalised, and the normaliser: the sum over all pairs of 1 / (1 + d²)
    """
    rows, (some, window) = len(places), work.shape[1:]
    ring = np.concatenate([places, places, places])[first + 1 :]
    others = np.lib.stride_tricks.sliding_window_view(ring, window, axis=0)  # (more, 2, window)
    round_again = first + window >= rows  # the ring has come round to the point itself, which does not count
    scale = (rows - 1) / (window - round_again)
    pushed, total = np.empty_like(places), 0.0
    for start in range(0, rows, some):
        here = slice(start, min(start + some, rows))
        x, y, nearness, squares = work[:, : here.stop - start]
        np.subtract(places[here, :1], others[here, 0], out=x)
        np.subtract(places[here, 1:], others[here, 1], out=y)
        np.multiply(x, x, out=nearness)
        nearness += np.multiply(y, y, out=squares)
        nearness += 1
        np.reciprocal(nearness, out=nearness)
        if round_again:
            nearness[:, rows - 1 - first] = 0
        total += float(np.einsum("ij->", nearness, dtype=np.float64))
        nearness *= nearness
        for axis, away in enumerate((x, y)):
            np.einsum("ij,ij->i", nearness, away, out=pushed[here, axis])
    return pushed * np.float32(scale), total * scale
