"""Token ids to unit vectors, through ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from app.embedding.kernels import LIBRARY, register

F32 = npt.NDArray[np.float32]


class Encoder(Protocol):
    """What the batcher needs of a model."""

    dimension: int

    def encode(self, batch: Sequence[Sequence[int]]) -> F32:
        """One vector of length 1 for each sequence of token ids: (len(batch), dimension) float32. Thread-safe."""


class OnnxEncoder:
    """One ONNX Runtime session, shared by all threads; each call runs on its caller's thread alone.

    One thread a call, several callers: on two cores that gave 597 texts/s against 507 for one caller with two threads
    (docs/decisions/0006-threads.md).
    """

    def __init__(self, session: ort.InferenceSession, *, dimension: int, pad_token_id: int, kernels: str = "") -> None:
        """kernels  the instruction set that our own operators are computed with, "" for ONNX Runtime's means"""
        self._session = session
        self._pad_token_id = pad_token_id
        self.dimension = dimension
        self.kernels = kernels

    @classmethod
    def from_file(
        cls, path: Path, *, dimension: int, pad_token_id: int, library: Path | None = LIBRARY
    ) -> "OnnxEncoder":
        """library  of operators, where there is one; None: as if there were none"""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Where our library does not bring a pool of its own. Without either, every batch takes its memory from the
        # system anew, half as much CPU time again in the image (docs/decisions/0013-engine.md).
        options.enable_cpu_mem_arena = True
        options.log_severity_level = 3  # errors only: they are raised as exceptions as well
        variant = "" if library is None else register(options, library)
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return cls(session, dimension=dimension, pad_token_id=pad_token_id, kernels=variant)

    def encode(self, batch: Sequence[Sequence[int]]) -> F32:
        longest = max(map(len, batch))
        ids = np.full((len(batch), longest), self._pad_token_id, np.int64)
        mask = np.zeros((len(batch), longest), np.int64)
        for row, sequence in enumerate(batch):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        (vectors,) = self._session.run(["sentence_embedding"], {"input_ids": ids, "attention_mask": mask})
        assert isinstance(vectors, np.ndarray)
        return vectors
