"""A BERT sentence encoder as an ONNX graph: token ids in, one vector of length 1 a text out.

Shaped for ONNX Runtime on CPUs: states are (batch * tokens, width), so that each linear layer is one product with its
bias; ONNX's own Attention and a separate Add were faster there than the fused operators of com.microsoft.

Inputs   input_ids, attention_mask (batch, tokens) int64; a mask holds 1 for a token, 0 for padding
Output   sentence_embedding (batch, width) float32
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arithmetic import FLOAT, Activation, Arithmetic, Batch, Channels, Heads
from models.graph import Graph
from models.recipe import Network
from models.weights import Bert, Layer, Linear, Norm

F32 = npt.NDArray[np.float32]
SMALLEST_LENGTH = np.float32(1e-12)  # as torch.nn.functional.normalize


def build(bert: Bert, network: Network, arithmetic: Arithmetic) -> Graph:
    """The graph of `bert`, whose biases are folded by now, and which is smoothed where `arithmetic` is Int8."""
    graph = Graph()
    ids = graph.input("input_ids", np.int64, "batch", "tokens")
    mask = graph.input("attention_mask", np.int64, "batch", "tokens")
    encoder = _Encoder(graph, network, arithmetic, bert.words.shape[1], ids, mask)
    states = encoder.embed(bert)
    for index, layer in enumerate(bert.layers):
        states = encoder.layer(index, layer, states, last=index == len(bert.layers) - 1)
    encoder.pool(states.residual)
    graph.output("sentence_embedding", np.float32, "batch", bert.words.shape[1])
    return graph


@dataclass(frozen=True)
class _States:
    """Normalised states: as linear layers read them, and as the residual stream has them."""

    read: Activation
    residual: str


class _Encoder:
    """The graph's parts, in the order in which they are added. States are (texts * tokens, width) float32."""

    def __init__(self, graph: Graph, network: Network, arithmetic: Arithmetic, width: int, ids: str, mask: str) -> None:
        self._graph = graph
        self._arithmetic = arithmetic
        self._epsilon = network.layer_norm_epsilon
        self._heads = Heads(network.heads, 1 / math.sqrt(width // network.heads))
        self._ids = ids
        self._mask_input = mask
        texts = graph.add("Shape", ids, name="batch", start=0, end=1)
        self._tokens = graph.add("Shape", ids, name="tokens", start=1, end=2)
        self._batch = Batch(
            deep=graph.add("Concat", texts, self._tokens, graph.integers(width), name="deep", axis=0),
            flat=graph.integers(-1, width),
            rows=graph.integers(-1, 1, width),
            lengths=graph.add("ReduceSum", mask, graph.integers(1), name="lengths", keepdims=0),
            one=graph.constant("one", np.ones(1, np.float32)),
            nothing=graph.constant("zero", np.zeros(1, np.float32)),
        )

    def embed(self, bert: Bert) -> _States:
        graph = self._graph
        words = self._arithmetic.look_up(graph, "words", bert.words, self._ids)
        table, zero = graph.constant("positions.table", bert.positions), graph.integers(0)
        positions = graph.add("Slice", table, zero, self._tokens, zero, name="positions")
        states = graph.add("Add", words, positions, name="embeddings.deep")
        states = graph.add("Reshape", states, self._batch.flat, name="embeddings")
        return self._normalise("embeddings.norm", _attention_site(0), states, None, bert.embedding_norm)

    def layer(self, index: int, layer: Layer, states: _States, *, last: bool) -> _States:
        states = self._attend(f"layer.{index}", layer, states)
        return self._feed_forward(f"layer.{index}", layer, states, None if last else _attention_site(index + 1))

    def pool(self, states: str) -> None:
        """The sum of a text's states over its length: the mean's 1 / tokens falls out of that."""
        graph = self._graph
        one = graph.integers(1)
        states = graph.add("Reshape", states, self._batch.deep, name="pooling.states")
        real = graph.add("Cast", self._mask_input, name="pooling.mask", to=FLOAT)
        real = graph.add("Unsqueeze", real, one, name="pooling.real")
        total = graph.add("MatMul", real, states, name="pooling.total.deep")
        total = graph.add("Squeeze", total, one, name="pooling.total")
        length = graph.add("ReduceL2", total, one, name="pooling.length", keepdims=1)
        smallest = graph.constant("pooling.smallest", SMALLEST_LENGTH)
        graph.add("Div", total, graph.add("Max", length, smallest, name="pooling.divisor"), name="sentence_embedding")

    def _attend(self, name: str, layer: Layer, states: _States) -> _States:
        context = self._arithmetic.attend(self._graph, name, states.read, layer, self._batch, self._heads)
        output = self._linear(f"{name}.attention_output", context, layer.attention_output)
        return self._normalise(f"{name}.attention_norm", f"{name}.widen", output, states.residual, layer.attention_norm)

    def _feed_forward(self, name: str, layer: Layer, states: _States, site: str | None) -> _States:
        """site  of what reads the layer's states, where anything linear does"""
        graph, residual = self._graph, states.residual
        widened = self._linear(f"{name}.widened", states.read, layer.widen)
        channels = Channels(layer.narrow.matrix.shape[0], layer.outliers)
        hidden, outliers = self._arithmetic.gelu(graph, name, widened, channels)
        kept, split = _split(layer)
        narrowed = self._linear(f"{name}.narrowed", hidden, kept)
        if split is not None:
            matrix = graph.constant(f"{name}.outliers.matrix", split)
            # in one go with the residual: a Gemm adds to what it is given
            residual = graph.add("Gemm", outliers, matrix, residual, name=f"{name}.outliers.narrowed")
        return self._normalise(f"{name}.output_norm", site, narrowed, residual, layer.output_norm)

    def _linear(self, name: str, activation: Activation, linear: Linear) -> str:
        return self._arithmetic.multiply(self._graph, name, activation, linear)

    def _normalise(self, name: str, site: str | None, states: str, residual: str | None, norm: Norm) -> _States:
        return _States(
            *self._arithmetic.normalise(self._graph, name, site, states, residual, norm, self._batch, self._epsilon)
        )


def _attention_site(layer: int) -> str:
    return f"layer.{layer}.attention"


def _split(layer: Layer) -> tuple[Linear, F32 | None]:
    """`narrow` without its outlier inputs, and their rows alone. The first keeps its shape, with zeros for them."""
    if not layer.outliers:
        return layer.narrow, None
    matrix = layer.narrow.matrix.copy()
    matrix[-layer.outliers :] = 0
    return Linear(matrix, layer.narrow.bias), layer.narrow.matrix[-layer.outliers :]
