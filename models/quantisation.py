"""Numbers to small integers and back. Pure numpy, elementwise: the same bits on every machine."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I8 = npt.NDArray[np.int8]
U8 = npt.NDArray[np.uint8]

LARGEST = np.float32(127)
SMALLEST_SCALE = np.float32(1e-12)
BLOCK = 32  # neighbours in a row that share a scale at four bits


@dataclass(frozen=True)
class Quantised:
    """values: int8, the shape of what was quantised; scale: float32, broadcasts against values; value * scale ≈ it."""

    values: I8
    scale: F32


@dataclass(frozen=True)
class Blocks:
    """A table in four bits: half a byte is 8 + weight / scale.

    values  (rows, width / 2) uint8, of two neighbours the first in the low half
    scale   (rows, width / BLOCK) float32
    """

    values: U8
    scale: F32


def quantise_columns(matrix: F32) -> Quantised:
    """Symmetric, one scale for each output, and safe on every CPU: (inputs, outputs) float32, scale (outputs,).

    Without VNNI, a CPU (its instruction is vpmaddubsw) multiplies two neighbouring unsigned activations by their signed
    weights and adds the two in 16 bits, where the sum saturates. It never does here: of two neighbouring inputs, first
    and second, third and fourth, the weights of one sign add up to 128 at most after rounding, and 255 * 128 < 2**15.
    Halving all weights to seven bits would be safe as well; this keeps nearly all of the eighth (104 steps of 127 on
    average, against 63).
    """
    first, second = matrix[0::2], matrix[1::2]
    if len(matrix) % 2:
        second = np.concatenate([second, np.zeros_like(first[:1])])
    above = (np.maximum(first, 0) + np.maximum(second, 0)).max(axis=0)
    below = (np.maximum(-first, 0) + np.maximum(-second, 0)).max(axis=0)
    return _quantise(matrix, np.maximum(above, below)[None, :], axis=0)


def quantise_rows(table: F32) -> Quantised:
    """Symmetric, one scale for each row of a table that is looked up: (rows, width) float32, scale (rows, 1)."""
    rows = _quantise(table, np.abs(table).max(axis=1, keepdims=True), axis=1)
    return Quantised(rows.values, rows.scale[:, None])


def quantise_blocks(table: F32) -> Blocks:
    """Four bits, one scale for BLOCK neighbours in a row of a table: (rows, width) float32, width a multiple of BLOCK.

    The number farthest from 0 becomes 0, that is -8 steps, whatever its sign: a scale may be negative. A table that
    was quantised so before comes back without loss.

    source  Q4_0 of https://github.com/ggml-org/ggml
    """
    blocks = table.reshape(len(table), -1, BLOCK)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2, keepdims=True), axis=2)
    scale = np.where(farthest == 0, np.float32(1), farthest / np.float32(-8))
    values = np.clip(np.rint(blocks / scale) + 8, 0, 15).astype(np.uint8).reshape(table.shape)
    return Blocks(values[:, 0::2] | values[:, 1::2] << 4, scale.squeeze(2))


def _quantise(matrix: F32, largest: F32, axis: int) -> Quantised:
    """largest  what becomes 127, broadcasts against the matrix"""
    scale = np.maximum(largest / LARGEST, SMALLEST_SCALE)
    values = np.clip(np.rint(matrix / scale), -LARGEST, LARGEST)
    return Quantised(values.astype(np.int8), scale.squeeze(axis))


def activation_scale(low: float, high: float) -> tuple[np.float32, np.uint8]:
    """Scale and zero point that map [low, high], widened to hold 0, onto 0 … 255: value ≈ (q - zero) * scale."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.maximum(np.float32((high - low) / 255), SMALLEST_SCALE)
    return scale, np.uint8(min(max(round(-low / float(scale)), 0), 255))
