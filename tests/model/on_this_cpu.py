"""What this CPU computes with the int8 model and with products at their limit: `python -m tests.model.on_this_cpu OUT`.

A program of its own, so that an emulator can run it as well.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from app.embedding.kernels import LIBRARY
from models.arithmetic import Activation, Int8
from models.calibration import Calibration
from models.graph import Graph
from models.quantisation import quantise_columns
from models.recipe import read_recipe
from models.reference_texts import read_reference
from models.weights import Linear
from tests.model.conftest import MODELS, NAME, Model

I64 = npt.NDArray[np.int64]

LONGEST = 24  # tokens; an emulator is some hundred times slower
EVERY = 18  # texts of the reference
ROWS, INPUTS, OUTPUTS = 5, 384, 48


def texts() -> list[str]:
    """Some of the short reference texts, of all kinds."""
    every = read_reference(read_recipe(MODELS / NAME)).texts
    lengths = map(len, Model.opened("int8").ids(every))
    return [text for text, length in zip(every, lengths, strict=True) if length <= LONGEST][::EVERY]


def vectors(library: Path | None = LIBRARY) -> npt.NDArray[np.float32]:
    """(texts, dimension) float32

    library  of operators; None: ONNX Runtime alone
    """
    return Model.opened("int8", library=library).alone(texts())


def factors() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Activations that are all or nothing, (ROWS, INPUTS) uint8, and weights whose pairs reach the limit.

    Each weight pair splits 127 between neighbours of one sign, so that its products of 255 nearly fill 16 bits.
    """
    random = np.random.default_rng(3)
    activations = random.choice(np.array([0, 255], np.uint8), (ROWS, INPUTS))
    activations[0] = 255
    first = random.integers(0, 128, (INPUTS // 2, OUTPUTS))
    signs = random.choice([-1, 1], first.shape)
    matrix = np.empty((INPUTS, OUTPUTS), np.float32)
    matrix[0::2], matrix[1::2] = signs * first, signs * (127 - first)
    return activations, matrix


def products() -> I64:
    """factors() multiplied by ONNX Runtime, as the int8 model does it: (ROWS, OUTPUTS)."""
    activations, matrix = factors()
    assert (quantise_columns(matrix).values == matrix).all(), "the weights should stand as they are"
    graph = Graph()
    read = graph.input("activations", np.uint8, "rows", INPUTS)
    one, zero = graph.constant("one", np.float32(1)), graph.constant("zero", np.uint8(0))
    Int8(Calibration(())).multiply(graph, "products", Activation(read, one, zero), Linear(matrix, None))
    graph.output("products", np.float32, "rows", OUTPUTS)
    session = ort.InferenceSession(graph.to_bytes("products"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"activations": activations})
    return np.asarray(found, np.float32).astype(np.int64)


def main(out: Path) -> None:
    kernels = Model.opened("int8").encoder.kernels
    np.savez(out, vectors=vectors(), products=products(), kernels=kernels)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
