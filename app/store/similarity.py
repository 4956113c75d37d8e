"""How near vectors are to a query, exactly: what every store's semantic scores are. Pure."""

import numpy as np

from app.store.store import F32, Distance


def scores(vectors: F32, query: F32, distance: Distance) -> F32:
    """How near each vector is to the query, the greater the nearer.

    vectors  (rows, dimension) float32
    query    (dimension,) float32
    returns  (rows,) float32, finite: what float32 cannot hold is the largest number that it can, or 0; cosine: the
             cosine, 0 where either has no length; dot: the inner product; euclidean: minus the distance
    """
    with np.errstate(over="ignore", invalid="ignore"):
        finite: F32 = np.nan_to_num(_scores(vectors, query, distance))
    return finite


def _scores(vectors: F32, query: F32, distance: Distance) -> F32:
    if distance == "euclidean":
        away = vectors - query
        nearness: F32 = np.float32(0) - np.sqrt(np.einsum("ij,ij->i", away, away))
        return nearness
    # Not `@`: a thread pool of its own for each product would fight with the encoder's threads for the same cores.
    products: F32 = np.einsum("ij,j->i", vectors, query)
    if distance == "dot":
        return products
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) * np.linalg.norm(query)
    cosines: F32 = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return cosines
