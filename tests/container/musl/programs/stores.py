"""A store as the service opens one, for the programs beside this one."""

import random
from typing import Any

import numpy as np
import numpy.typing as npt

from app.store.library import chromadb


def open_store(folder: str) -> Any:
    """A client of a store in `folder`. Untyped: the programs hand it wrong things on purpose."""
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(folder, settings=settings)


def vectors(seed: int, rows: int, dimension: int) -> npt.NDArray[np.float32]:
    """Random numbers from -1 to 1, (rows, dimension) float32; without numpy.random, which the image does not hold."""
    data = random.Random(seed).randbytes(rows * dimension * 2)
    return (np.frombuffer(data, np.int16).reshape(rows, dimension) / np.float32(2**15)).astype(np.float32)
