"""Sessions and batches for the programs beside this one: texts to token ids, and a session's answers as a hash."""

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from tokenizers import Tokenizer

from app.embedding.kernels import LIBRARY, register

Batch = dict[str, npt.NDArray[np.int64]]


def token_ids(model: Path, texts: Path, count: int) -> list[list[int]]:
    """The ids of `count` texts, spread over the file so that every kind is among them; the shortest first."""
    lines = [json.loads(line)["text"] for line in texts.read_text().splitlines()]
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    chosen = (lines[index * len(lines) // count] for index in range(count))
    return sorted((tokenizer.encode(text).ids for text in chosen), key=len)


def batches(ids: list[list[int]], size: int) -> list[Batch]:
    """Batches of up to `size` texts, (texts, longest) int64 each, padded with 0."""
    made = []
    for start in range(0, len(ids), size):
        rows = ids[start : start + size]
        shape = len(rows), max(map(len, rows))
        made.append({"input_ids": np.zeros(shape, np.int64), "attention_mask": np.zeros(shape, np.int64)})
        for row, line in enumerate(rows):
            made[-1]["input_ids"][row, : len(line)] = line
            made[-1]["attention_mask"][row, : len(line)] = 1
    return made


def session(model: Path, threads: int, library: Path = LIBRARY) -> ort.InferenceSession:
    """library  of operators; where it is not a file, ONNX Runtime computes what they mean"""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    register(options, library)
    return ort.InferenceSession(str(model / "model.onnx"), options, providers=["CPUExecutionProvider"])


def run(network: ort.InferenceSession, batch: Batch) -> bytes:
    """The bytes of everything that the network puts out."""
    return b"".join(np.ascontiguousarray(out).tobytes() for out in network.run(None, batch))


def short_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
