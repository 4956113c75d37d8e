"""Groups of vectors that point the same way: spherical k-means, with a start that leaves nothing to chance."""

import numpy as np

from app.projection.nearest import F32, I64, products

# As many as a page can show in colours that can be told apart.
MOST_CLUSTERS = 12
CANDIDATES = 8
MOST_STEPS = 50


def cluster_count(rows: int) -> int:
    """How many groups so many vectors are asked for: 3 for 10, 6 for 100, 12 from 500 on."""
    return min(MOST_CLUSTERS, max(1, round(rows**0.4))) if rows else 0


def clusters(vectors: F32, count: int) -> I64:
    """The group of each vector, the same for the same vectors.

    vectors  (rows, dimension) float32, of length 1, at least one row
    count    groups that are wanted; there are fewer where fewer vectors differ
    returns  (rows,) int64, from 0, the largest group first
    source   Dhillon and Modha 2001
    """
    centres, group = _start(vectors, count), np.full(len(vectors), -1, np.int64)
    for _ in range(MOST_STEPS):
        nearer = products(vectors, centres).argmax(axis=1)
        if (nearer == group).all():
            break
        group = nearer
        for each in range(len(centres)):
            middle = vectors[group == each].sum(axis=0, dtype=np.float64)
            if length := float(np.sqrt(middle @ middle)):  # a group that has lost all its members stays where it was
                centres[each] = middle / length
    names, first, sizes = np.unique(group, return_index=True, return_counts=True)
    by_size = np.lexsort((first, -sizes))
    renamed = np.empty(len(centres), np.int64)
    renamed[names[by_size]] = np.arange(len(names))
    return renamed[group]


def _start(vectors: F32, count: int) -> F32:
    """Vectors to begin with, (up to count, dimension) float32: greedy k-means++ with candidates at even steps.

    Where k-means++ draws the next one by chance, in proportion to its distance from those that are there, this takes
    CANDIDATES at even steps of the sum of these distances, and of them the one that leaves the least sum.
    source  Arthur and Vassilvitskii 2007, section 2.2 and its conclusion
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    chosen = [int(products(vectors, mean[None])[:, 0].argmax())]
    far = 1 - products(vectors, vectors[chosen])[:, 0]
    while len(chosen) < count:
        sums = np.maximum(far, 0).cumsum(dtype=np.float64)
        if sums[-1] < 1e-4 * len(vectors):  # what is left differs by rounding
            break
        steps = (np.arange(CANDIDATES) + 0.5) / CANDIDATES * sums[-1]
        candidates = np.searchsorted(sums, steps)
        left = np.minimum(far[:, None], 1 - products(vectors, vectors[candidates]))
        best = int(np.maximum(left, 0).sum(axis=0, dtype=np.float64).argmin())
        chosen.append(int(candidates[best]))
        far = left[:, best]
    return vectors[chosen]
