"""Vectors as Chroma keeps and compares them, so that they come back as they went in. Pure.

In a space of its own for cosine Chroma keeps directions and lengths apart, and puts them together with an error. So a
collection by cosine is one by inner product there, of vectors of length 1; what has another length is kept beside.
"""

import base64

import numpy as np

from app.store.store import F32, Distance

# Chroma's own names of the ways to compare.
SPACES: dict[Distance, str] = {"cosine": "ip", "dot": "ip", "euclidean": "l2"}
SENT = np.dtype("<f4")
# What a normalised vector's length may differ from 1 in float32: scores differ by no more.
ROUNDING = 1e-6


def compared(vector: F32, distance: Distance) -> F32:
    """What Chroma compares in its place: (dimension,) float32, by cosine of length 1, or 0 where it has none."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if distance != "cosine" or length == 0 or abs(length - 1) < ROUNDING:
        return vector
    unit: F32 = (vector.astype(np.float64) / length).astype(np.float32)
    return unit


def score_of(away: float, distance: Distance) -> float:
    """Chroma's distance as our score. It says 1 - inner product, or the square of the distance.

    source  https://docs.trychroma.com/docs/collections/configure
    """
    return 0.0 - float(np.sqrt(max(0.0, away))) if distance == "euclidean" else 1.0 - away


def written(vector: F32) -> str:
    """base64 of little-endian float32"""
    return base64.b64encode(vector.astype(SENT).tobytes()).decode()


def read(text: str) -> F32:
    """What `written` was given."""
    return np.frombuffer(base64.b64decode(text), SENT).astype(np.float32)
