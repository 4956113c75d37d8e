"""bare.py FOLDER LIBRARY CPUS: ONNX Runtime and nothing else on our int8 model, the limit of what a service reaches.

With our library of operators, as in the service, unless LIBRARY is empty or was not made.

Tokenised before the clock starts; sorted by length; batches of up to BUDGET tokens, padding counted, of texts of one
length, and no fewer of them than lanes; as many lanes as CPUs, one thread each, the longest batch first, so that the
lanes end together. A lone text is run on one thread and on all, and the faster of the two counts.
"""

import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from answering import answer
from tokenizers import Tokenizer

MAX_TOKENS, BUDGET = 256, 1024


def session(folder: Path, library: Path, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if library.is_file():
        options.register_custom_ops_library(str(library))
    return ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])


def batches(sequences: Sequence[Sequence[int]], lanes: int) -> list[list[int]]:
    """Places of the sequences in batches, the longest ones first: for each of the lanes one at the least."""
    budget = min(BUDGET, math.ceil(sum(map(len, sequences)) / lanes))
    made: list[list[int]] = []
    for place in sorted(range(len(sequences)), key=lambda place: -len(sequences[place])):
        # The first of a batch is its longest.
        if not made or (len(made[-1]) + 1) * len(sequences[made[-1][0]]) > budget:
            made.append([])
        made[-1].append(place)
    return made


class Bare:
    """prepare: texts to the network's inputs, batch by batch; many and lone: their vectors."""

    def __init__(self, folder: Path, library: Path, cpus: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._lane, self._wide = session(folder, library, 1), session(folder, library, cpus)
        self._cpus, self._lanes = cpus, ThreadPoolExecutor(cpus)
        self._best: dict[int, Any] = {}

    def prepare(self, texts: Sequence[str]) -> list[tuple[list[int], dict[str, Any]]]:
        ids = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        prepared = [(places, self._inputs([ids[place] for place in places])) for places in batches(ids, self._cpus)]
        if len(texts) == 1:
            self._faster(prepared[0][1])
        return prepared

    def _inputs(self, rows: list[list[int]]) -> dict[str, Any]:
        shape = len(rows), max(map(len, rows))
        given = {each.name: np.zeros(shape, np.int64) for each in self._lane.get_inputs()}
        for number, row in enumerate(rows):
            given["input_ids"][number, : len(row)] = row
            given["attention_mask"][number, : len(row)] = 1
        return given

    def many(self, prepared: list[tuple[list[int], dict[str, Any]]]) -> Any:
        found = list(self._lanes.map(lambda one: self._lane.run(None, one[1])[0], prepared))
        vectors = np.empty((sum(len(places) for places, _ in prepared), found[0].shape[1]), np.float32)
        for (places, _), rows in zip(prepared, found, strict=True):
            vectors[places] = rows
        return vectors

    def lone(self, prepared: list[tuple[list[int], dict[str, Any]]]) -> Any:
        ((_, given),) = prepared
        return self._faster(given).run(None, given)[0]

    def _faster(self, given: dict[str, Any]) -> Any:
        """The session that is faster for an input of this length: tried once for each length, and remembered."""
        tokens = given["input_ids"].shape[1]
        if tokens not in self._best:
            self._best[tokens] = min((self._lane, self._wide), key=lambda each: _taken_s(each, given))
        return self._best[tokens]


def _taken_s(network: Any, given: dict[str, Any]) -> float:
    taken = []
    for _ in range(5):
        started_s = time.perf_counter()
        network.run(None, given)
        taken.append(time.perf_counter() - started_s)
    return min(taken)


def main() -> None:
    bare = Bare(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    answer(bare.many, bare.prepare, bare.lone)


if __name__ == "__main__":
    main()
