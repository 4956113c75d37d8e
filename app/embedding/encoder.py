"""Token ids to unit vectors, through ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from app.embedding.kernels import LIBRARY, register
from app.embedding.mapped import Mapped
from app.errors import ModelAltered

F32 = npt.NDArray[np.float32]

# For a batch that is computed alone. More were not measured, and a short text has not much to share out.
THREADS_ALONE = 2


class Encoder(Protocol):
    """What the batcher needs of a model."""

    dimension: int

    def encode(self, batch: Sequence[Sequence[int]], *, alone: bool = False) -> F32:
        """One vector of length 1 for each sequence of token ids: (len(batch), dimension) float32. Thread-safe.

        alone   nothing else is being encoded: this may take more than one processor
        raises  ModelChanged, from then on
        """


class OnnxEncoder:
    """An ONNX Runtime session that all threads share, each call on its caller's thread, and one for what is alone.

    One thread a call, several callers: on two cores that gave 597 texts/s against 507 for one caller with two threads
    (docs/decisions/0006-threads.md). A text that is alone leaves a core idle that way, so it has a session of two
    threads; both give the same bits (docs/decisions/0013-engine.md).
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        alone: ort.InferenceSession | None = None,
        *,
        dimension: int,
        pad_token_id: int,
        mapped: Mapped | None = None,
        kernels: str = "",
    ) -> None:
        """alone    of the same network, for what is computed alone; None: the other one does that as well
        mapped   the file that the sessions read their constants from
        kernels  the instruction set that our own operators are computed with, "" for ONNX Runtime's means
        """
        self._session = session
        self._alone = session if alone is None else alone
        self._mapped = mapped
        self._pad_token_id = pad_token_id
        self.dimension = dimension
        self.kernels = kernels

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        dimension: int,
        pad_token_id: int,
        processors: int = 1,
        mapped: Mapped | None = None,
        library: Path | None = LIBRARY,
    ) -> "OnnxEncoder":
        """processors  that there are: with one, what is alone has no session of its own
        mapped      see there
        library     of operators, where there is one; None: as if there were none
        raises      ModelAltered, where the network's vectors are of another length
        """
        session, variant = _open(path, 1, library)
        if (length := session.get_outputs()[0].shape[-1]) != dimension:
            raise ModelAltered(path, f"vectors of {dimension} numbers", f"{length}")
        alone = _open(path, THREADS_ALONE, library)[0] if processors >= THREADS_ALONE else None
        return cls(session, alone, dimension=dimension, pad_token_id=pad_token_id, mapped=mapped, kernels=variant)

    def encode(self, batch: Sequence[Sequence[int]], *, alone: bool = False) -> F32:
        longest = max(map(len, batch))
        ids = np.full((len(batch), longest), self._pad_token_id, np.int64)
        mask = np.zeros((len(batch), longest), np.int64)
        for row, sequence in enumerate(batch):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        session = self._alone if alone else self._session
        (vectors,) = session.run(["sentence_embedding"], {"input_ids": ids, "attention_mask": mask})
        assert isinstance(vectors, np.ndarray)
        if self._mapped is not None:
            self._mapped.check()  # afterwards: so these vectors are of what was checked
        return vectors


def _open(path: Path, threads: int, library: Path | None) -> tuple[ort.InferenceSession, str]:
    """A session that takes so many threads a call, the caller's among them, and the instruction set of `register`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # To wake a thread takes longer than most of what it is to do: it waits for it awake, as long as the call lasts.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Where our library does not bring a pool of its own. Without either, every batch takes its memory from the system
    # anew, half as much CPU time again in the image (docs/decisions/0013-engine.md).
    options.enable_cpu_mem_arena = True
    options.log_severity_level = 3  # errors only: they are raised as exceptions as well
    variant = "" if library is None else register(options, library)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), variant
