"""Vectors as pgvector sends them, and which of its types, operators and indexes a collection takes.

source  https://github.com/pgvector/pgvector: its README, and vector_send and vector_recv in src/vector.c
"""

import struct

import numpy as np

from app.store.store import F32, Distance

SENT = np.dtype(">f4")
HEAD = struct.Struct(">HH")  # how many numbers, and two bytes that mean nothing yet

MOST_NUMBERS = 16_000
# The most numbers that an HNSW index takes: of float32, and of float16.
MOST_INDEXED = 2000
MOST_INDEXED_HALF = 4000
# The greatest float16.
GREATEST_HALF = 65504.0
# A shorter vector of so many numbers loses its direction in float16, which has steps of 6e-8 at least.
LEAST_HALF_LENGTH = 1e-3

OPERATORS: dict[Distance, str] = {"cosine": "<=>", "dot": "<#>", "euclidean": "<->"}
CLASSES: dict[Distance, str] = {"cosine": "cosine_ops", "dot": "ip_ops", "euclidean": "l2_ops"}


def encoded(vector: F32) -> bytes:
    """vector: (dimension,). By hand, since the driver takes an array of vectors for one array of two dimensions."""
    return HEAD.pack(len(vector), 0) + np.asarray(vector, SENT).tobytes()


def decoded(sent: bytes) -> F32:
    """(dimension,) float32"""
    return np.frombuffer(sent, SENT, offset=HEAD.size).astype(np.float32)


def halved(dimension: int) -> bool:
    """Whether the index of a collection holds float16."""
    return MOST_INDEXED < dimension <= MOST_INDEXED_HALF


def indexed(dimension: int) -> bool:
    """Whether a collection has an index at all."""
    return dimension <= MOST_INDEXED_HALF


def why_not_halved(vector: F32, distance: Distance) -> str:
    """Why an index of float16 cannot hold a document's vector: the end of a sentence; empty where it can."""
    if np.abs(vector).max() > GREATEST_HALF:
        return f"holds a number above {GREATEST_HALF:g}, too great for an index of this dimension"
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if distance == "cosine" and 0 < length < LEAST_HALF_LENGTH:
        least = f"{LEAST_HALF_LENGTH:g} is the least that an index of this dimension compares by cosine"
        return f"has the length {length:g}, and {least}"
    return ""


def asked_of_index(query: F32, distance: Distance, dimension: int) -> F32 | None:
    """The query as the index is to have it, which orders by it as by `query`; None where it cannot.

    In float16 it has length 1 where its length means nothing for the order: then it neither overflows nor vanishes.
    """
    if not halved(dimension):
        return query
    if distance == "euclidean":
        return query if np.abs(query).max() <= GREATEST_HALF else None
    unit: F32 = (query / np.linalg.norm(query.astype(np.float64))).astype(np.float32)
    return unit


def index_of(distance: Distance, dimension: int) -> str:
    """What the index is on: the column or what is made of it, and the operator class."""
    if halved(dimension):
        return f"(vector::halfvec({dimension})) halfvec_{CLASSES[distance]}"
    return f"vector vector_{CLASSES[distance]}"


def distance_to(mark: str, distance: Distance, dimension: int) -> str:
    """The distance that the index orders by, from the vector that the parameter `mark` holds; near is small."""
    if halved(dimension):
        half = f"::halfvec({dimension})"
        return f"p.vector{half} {OPERATORS[distance]} {mark}::vector{half}"
    return f"p.vector {OPERATORS[distance]} {mark}::vector"


def score_of(mark: str, distance: Distance) -> str:
    """A passage's score, of its whole vector; no index orders by it, so that it is exact. See `store.Rank`."""
    away = f"(p.vector {OPERATORS[distance]} {mark}::vector)"
    if distance == "cosine":
        # Where either has no length, it has no direction: pgvector says NaN.
        return f"coalesce(1 - nullif({away}, 'NaN'), 0)"
    return f"-{away}"
