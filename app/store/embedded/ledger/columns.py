"""How vectors are kept in the ledger's columns, and keys put into its statements."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from app.store.store import F32

FLOAT32 = np.dtype("<f4")
MOST_PARAMETERS = 500
T = TypeVar("T")


def packed(vector: F32) -> bytes:
    """vector: (dimension,), whose numbers are kept as float32, little-endian"""
    return np.ascontiguousarray(vector, FLOAT32).tobytes()


def unpacked(vector: bytes) -> F32:
    """(dimension,) float32, its own memory."""
    return np.frombuffer(vector, FLOAT32).astype(np.float32)


def groups(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Keys for one statement each, which may have only so many parameters."""
    return (keys[start : start + MOST_PARAMETERS] for start in range(0, len(keys), MOST_PARAMETERS))


def marks(keys: Sequence[object]) -> str:
    """The parameters of `IN (…)`."""
    return ", ".join("?" * len(keys))
