"""Vectors in fewer numbers or smaller ones, for those who store them. Pure numpy: no model, no HTTP."""

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.embedding.encoder import F32

I8 = npt.NDArray[np.int8]
EmbeddingDtype = Literal["float", "int8", "binary"]

# What 127 stands for, in root mean squares of a component, which is 1/√dimension in a vector of length 1. At 5 one
# vector in a thousand has a component beyond it (docs/decisions/0012-embedding-dtype.md).
INT8_RANGE_RMS = 5.0


def shorten(vectors: F32, dimension: int) -> F32:
    """The first `dimension` components of each vector, brought back to length 1: for models trained to be cut.

    vectors  (texts, whole dimension) float32, each of length 1
    returns  (texts, dimension) float32, each of length 1; a vector whose part is zero stays zero
    source   Kusupati et al. 2022, "Matryoshka Representation Learning", section 3
    """
    if dimension == vectors.shape[1]:
        return vectors
    part = vectors[:, :dimension]
    lengths = np.linalg.norm(part, axis=1, keepdims=True)
    return np.asarray(part / np.where(lengths > 0, lengths, 1), np.float32)


def to_int8(vectors: F32) -> I8:
    """Each component in one byte, all vectors by one scale, so that dot products rank as they did, and cosines as well.

    A component is multiplied by 127·√dimension / INT8_RANGE_RMS, rounded to the nearest integer, held to ±127.

    vectors  (texts, dimension) float32, each of length 1
    returns  (texts, dimension) int8
    """
    scale = np.float32(127 * math.sqrt(vectors.shape[1]) / INT8_RANGE_RMS)
    nearest: F32 = np.rint(vectors * scale)
    return nearest.clip(-127, 127).astype(np.int8)


def to_binary(vectors: F32) -> I8:
    """Each component's sign in one bit, 1 for above zero, the first component in the highest bit of the first byte.

    Bytes are less 128, so that they are signed. Adding 128 gives those of numpy.packbits; Hamming distances are the
    same with it and without. Bits that are left over in the last byte are zero before that.

    vectors  (texts, dimension) float32
    returns  (texts, ceil(dimension / 8)) int8
    source   sentence-transformers, `quantize_embeddings`, precision "binary"; Voyage AI's "binary" is the same
    """
    bits: npt.NDArray[np.uint8] = np.packbits(vectors > 0, axis=1)
    return (bits ^ np.uint8(0x80)).view(np.int8)


def represent(vectors: F32, dtype: EmbeddingDtype) -> npt.NDArray[Any]:
    """Vectors (texts, dimension) float32 as `dtype` has them: float32 themselves, or int8."""
    if dtype == "int8":
        return to_int8(vectors)
    return to_binary(vectors) if dtype == "binary" else vectors
