"""Vectors that come with a request: whether they can be kept, and compared with any other. Pure."""

import numpy as np

from app.store.store import F32, Distance

# Lengths whose squares and products float32 holds with room to spare: it ends at 3.4e38, and loses digits below 1e-38.
SHORTEST, LONGEST = 1e-15, 1e15


def fault(vector: F32, distance: Distance) -> str:
    """Why no score could be made of a vector, (dimension,) float32; empty where one can."""
    if not np.isfinite(vector).all():
        return "holds a number that float32 cannot hold, or none at all"
    if not vector.any():
        return "is zero, which has no direction to compare by cosine" if distance == "cosine" else ""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not SHORTEST <= length <= LONGEST:
        return f"has a length of {length:.3g}, and {SHORTEST:g} to {LONGEST:g} can be compared"
    return ""
