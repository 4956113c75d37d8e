"""Rank what a scan of the ledger brings, exactly. Pure."""

from collections.abc import Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt

from app.store.embedded.ledger.columns import FLOAT32
from app.store.fusion import Found
from app.store.similarity import scores
from app.store.store import F32, Distance

# Rows that are in memory at once: 3 MB of 384 float32.
CHUNK_ROWS = 2048

ScanRow = tuple[int, int, bytes]


def best(
    rows: Iterable[ScanRow], query: F32, distance: Distance, passages: int | None = None, documents: int = 0
) -> list[Found]:
    """Rank what a scan brings, best first, equal ones by key.

    rows       (passage's key, its document's key, vector as the ledger keeps it)
    passages   how many are enough, where they have `documents` different documents; None for all.
               Those as good as the last one come along
    """
    keys, owners, found = _score_all(rows, query, distance)
    order = np.lexsort((keys, -found))
    if passages is not None and len(order):
        _, first = np.unique(owners[order], return_index=True)
        first.sort()
        enough = len(order)
        if len(first) >= documents:
            enough = min(enough, max(passages, int(first[documents - 1]) + 1 if documents else 0))
        descending = found[order]
        while 0 < enough < len(order) and descending[enough] == descending[enough - 1]:
            enough += 1
        order = order[:enough]
    return list(map(Found, keys[order].tolist(), owners[order].tolist(), found[order].tolist()))


def _score_all(
    rows: Iterable[ScanRow], query: F32, distance: Distance
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], F32]:
    """Keys, documents and scores, (rows,) each; no more than CHUNK_ROWS vectors are held at once."""
    keys: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
    documents: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
    found: list[F32] = [np.empty(0, np.float32)]
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK_ROWS)):
        vectors = np.frombuffer(b"".join(vector for _, _, vector in chunk), FLOAT32).reshape(len(chunk), -1)
        keys.append(np.fromiter((key for key, _, _ in chunk), np.int64, len(chunk)))
        documents.append(np.fromiter((document for _, document, _ in chunk), np.int64, len(chunk)))
        found.append(scores(vectors, query, distance))
    return np.concatenate(keys), np.concatenate(documents), np.concatenate(found)
