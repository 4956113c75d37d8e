"""Vectors that look like noise and are the same on both sides: the image has no numpy.random."""

import random

import numpy as np
import numpy.typing as npt


def noise(order: random.Random, rows: int, dimension: int) -> npt.NDArray[np.float32]:
    """(rows, dimension) float32, evenly spread over -0.5 … 0.5."""
    bits = np.frombuffer(order.randbytes(4 * rows * dimension), np.uint32).reshape(rows, dimension)
    return (bits / np.float32(2**32) - np.float32(0.5)).astype(np.float32)
