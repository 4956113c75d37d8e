"""The encoder: which session computes what, and what it refuses to answer."""

import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime as ort
import pytest

from app.embedding.encoder import OnnxEncoder
from app.embedding.mapped import Mapped
from app.errors import ModelChanged
from models.graph import Graph


class Session:
    """Stands in for a session of two numbers a text: its own, and how many tokens the longest has."""

    def __init__(self, number: float) -> None:
        self.number = number

    def run(self, outputs: list[str], given: dict[str, Any]) -> list[Any]:
        rows, longest = given["input_ids"].shape
        return [np.tile(np.array([self.number, longest], np.float32), (rows, 1))]


def session(number: float) -> ort.InferenceSession:
    return cast(ort.InferenceSession, Session(number))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """The mean of a text's ids, twice, as a network that can be opened."""
    graph = Graph()
    ids = graph.input("input_ids", np.int64, "texts", "tokens")
    graph.input("attention_mask", np.int64, "texts", "tokens")
    numbers = graph.add("Cast", ids, name="numbers", to=1)
    mean = graph.add("ReduceMean", numbers, graph.integers(1), name="mean", keepdims=1)
    graph.add("Concat", mean, mean, name="sentence_embedding", axis=1)
    graph.output("sentence_embedding", np.float32, "texts", 2)
    path = tmp_path / "model.onnx"
    path.write_bytes(graph.to_bytes("mean"))
    return path


def test_what_is_alone_is_computed_by_the_session_for_it() -> None:
    encoder = OnnxEncoder(session(1), session(2), dimension=2, pad_token_id=0)
    assert encoder.encode([[7, 8], [7]]).tolist() == [[1, 2], [1, 2]]
    assert encoder.encode([[7, 8, 9]], alone=True).tolist() == [[2, 3]]


def test_without_one_the_other_does_that_as_well() -> None:
    encoder = OnnxEncoder(session(1), dimension=2, pad_token_id=0)
    assert encoder.encode([[7]], alone=True).tolist() == [[1, 1]]


@pytest.mark.parametrize(("processors", "threads"), [(1, 0), (2, 1), (8, 1)])
def test_there_is_one_thread_more_where_there_is_a_processor_for_it(
    network: Path, processors: int, threads: int
) -> None:
    before = set(os.listdir("/proc/self/task"))
    encoder = OnnxEncoder.from_file(network, dimension=2, pad_token_id=0, processors=processors)
    assert len(set(os.listdir("/proc/self/task")) - before) == threads
    assert encoder.encode([[1, 2, 6]], alone=True).tolist() == [[3, 3]]


def test_vectors_of_a_file_that_was_written_to_are_not_given_out(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"as checked")
    encoder = OnnxEncoder(session(1), dimension=2, pad_token_id=0, mapped=Mapped(tmp_path / "data"))
    assert len(encoder.encode([[7]])) == 1
    (tmp_path / "data").write_bytes(b"otherwise")
    for _ in range(2):
        with pytest.raises(ModelChanged):
            encoder.encode([[7]])
