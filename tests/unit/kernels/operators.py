"""One operator at a time: models of a single call, by ONNX Runtime's means or by a library's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.graph import Function, Graph
from models.operators import ADD_NORMALIZE_QUANTIZE, ATTENTION_QUANTIZE, GELU_QUANTIZE

Arrays = Mapping[str, npt.NDArray[Any]]
QUANTISED = {GELU_QUANTIZE.name: ("quantised", "apart"), ADD_NORMALIZE_QUANTIZE.name: ("quantised", "restored")}


@dataclass(frozen=True)
class Call:
    """A call of one operator with everything that it reads."""

    function: Function
    inputs: Arrays
    attributes: Mapping[str, int | float] = field(default_factory=dict)

    def model(self) -> bytes:
        graph = Graph()
        names = [
            graph.input(name, array.dtype, *map(str, names_of(name, array))) for name, array in self.inputs.items()
        ]
        outputs = QUANTISED.get(self.function.name, ("quantised",))
        graph.call(self.function, *names, names=outputs, **self.attributes)
        for name in outputs:
            graph.output(name, np.uint8 if name == "quantised" else np.float32, "rows", f"{name}_width")
        return graph.to_bytes("call")

    def session(self, library: Path | None) -> ort.InferenceSession:
        """library  None: what the operator means in ONNX's"""
        options = ort.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions as well
        options.intra_op_num_threads = 1
        if library is not None:
            options.register_custom_ops_library(str(library))
        return ort.InferenceSession(self.model(), options, providers=["CPUExecutionProvider"])

    def run(self, library: Path | None) -> list[npt.NDArray[Any]]:
        """What a session computes of the call's own inputs."""
        return [np.asarray(each) for each in self.session(library).run(None, dict(self.inputs))]


def names_of(name: str, array: npt.NDArray[Any]) -> list[str]:
    """A name for each dimension, so that any length may come."""
    return [f"{name}_{place}" for place in range(array.ndim)]


def steps(scale: float, zero: int) -> Arrays:
    return {"scale": np.array(scale, np.float32), "zero": np.array(zero, np.uint8)}


def gelu(rows: int, width: int, first: int, seed: int = 1) -> Call:
    x = np.random.default_rng(seed).normal(0, 2.5, (rows, width)).astype(np.float32)
    return Call(GELU_QUANTIZE, {"x": x, **steps(0.021, 9), "first": np.array([first], np.int64)})


def normalise(rows: int, width: int, seed: int = 1) -> Call:
    random = np.random.default_rng(seed)
    inputs = {
        "x": random.normal(0.3, 1, (rows, width)),
        "residual": random.normal(0, 2, (rows, width)),
        "gain": random.uniform(0.2, 3, width),
        "restore": random.uniform(0.2, 3, width),
    }
    inputs = {name: array.astype(np.float32) for name, array in inputs.items()}
    return Call(ADD_NORMALIZE_QUANTIZE, {**inputs, **steps(0.033, 120)}, {"epsilon": 1e-12})


def attend(lengths: list[int], tokens: int, heads: int, head: int, seed: int = 1, spread: float = 1.5) -> Call:
    random = np.random.default_rng(seed)
    width = heads * head
    parts = random.normal(0, spread, (len(lengths) * tokens, 3 * width)).astype(np.float32)
    shape = np.array([len(lengths), tokens, width], np.int64)
    inputs: Arrays = {
        "parts": parts,
        "shape": shape,
        "lengths": np.array(lengths, np.int64),
        **steps(0.014 * spread, 128),
    }
    return Call(ATTENTION_QUANTIZE, inputs, {"heads": heads, "factor": head**-0.5})


def is_real(call: Call) -> npt.NDArray[np.bool_]:
    """Which rows of an attention's output are of a text and not of padding."""
    _, tokens, _ = call.inputs["shape"]
    return np.concatenate([np.arange(tokens) < length for length in call.inputs["lengths"]])
