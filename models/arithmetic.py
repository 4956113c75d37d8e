"""How an encoder's tables and products are computed: in float32, or in eight bits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import operators
from models.calibration import Calibration, Site
from models.graph import Graph
from models.quantisation import BLOCK, activation_scale, quantise_blocks, quantise_columns, quantise_rows
from models.weights import Layer, Linear, Norm, joined

F32 = npt.NDArray[np.float32]
FLOAT = 1  # ONNX's number for float32, as `Cast` wants it


@dataclass(frozen=True)
class Activation:
    """A tensor that goes into linear layers: plain float32, or uint8 with the names of its scale and zero point."""

    tensor: str
    scale: str = ""
    zero: str = ""


@dataclass(frozen=True)
class Batch:
    """Names of what all steps of one graph share.

    deep, flat, rows  the shapes (texts, tokens, width), (texts * tokens, width) and (texts * tokens, 1, width)
    lengths           tokens of each text, int64 (texts,): all look at these, none at the padding behind them
    one, nothing      float32 (1,), 1 and 0
    """

    deep: str
    flat: str
    rows: str
    lengths: str
    one: str
    nothing: str


@dataclass(frozen=True)
class Heads:
    """How attention is divided: `count` heads, and what a score is multiplied by."""

    count: int
    factor: float


@dataclass(frozen=True)
class Channels:
    """Between a layer's two linear layers: how many there are, of which the last ones are outliers."""

    count: int
    outliers: int

    @property
    def first_outlier(self) -> int:
        return self.count - self.outliers


class Arithmetic(ABC):
    """What the encoder's graph asks for. The steps between the products are in ONNX's operators here.

    Tensors are (texts * tokens, width) float32 where nothing else is said. `site` is "layer.INDEX.FIELD", a field of
    LayerCalibration; `name` is the layer's where a site goes with it.
    """

    @abstractmethod
    def look_up(self, graph: Graph, name: str, table: F32, ids: str) -> str:
        """Rows of `table` by `ids`."""

    @abstractmethod
    def multiply(self, graph: Graph, name: str, activation: Activation, linear: Linear) -> str:
        """activation @ matrix + bias."""

    @abstractmethod
    def activate(self, graph: Graph, site: str, tensor: str) -> Activation:
        """Prepare a tensor once for all linear layers that read it."""

    def attend(self, graph: Graph, name: str, read: Activation, layer: Layer, batch: Batch, heads: Heads) -> Activation:
        """Attention, with the linear layers of query, key and value before it."""
        linears = {"query": layer.query, "key": layer.key, "value": layer.value}
        query, key, value = (self.multiply(graph, f"{name}.{part}", read, linear) for part, linear in linears.items())
        shapes = (batch.deep, batch.flat, batch.lengths)
        context = operators.attention(
            graph, f"{name}.attention", (query, key, value), *shapes, heads.count, heads.factor
        )
        return self.activate(graph, f"{name}.context", context)

    def gelu(self, graph: Graph, name: str, states: str, channels: Channels) -> tuple[Activation, str]:
        """GELU, and of it the outliers in float32, (tokens, outliers), or "" where there are none."""
        hidden = graph.add("Gelu", states, name=f"{name}.hidden")
        read = self.activate(graph, f"{name}.narrow", hidden)
        if not channels.outliers:
            return read, ""
        bounds = (graph.integers(channels.first_outlier), graph.integers(channels.count), graph.integers(1))
        return read, graph.add("Slice", hidden, *bounds, name=f"{name}.outliers")

    def normalise(
        self,
        graph: Graph,
        name: str,
        site: str | None,
        states: str,
        residual: str | None,
        norm: Norm,
        batch: Batch,
        epsilon: float,
    ) -> tuple[Activation, str]:
        """Layer normalisation of states + residual: as linear layers read it, and as the residual stream has it.

        The two differ by the smoothing. Where no linear layer reads it, `site` is None.
        """
        if residual is not None:
            states = graph.add("Add", states, residual, name=f"{name}.total")
        states = operators.normalise(graph, name, states, batch.one, batch.nothing, batch.rows, batch.flat, epsilon)
        states = graph.add("Mul", states, graph.constant(f"{name}.gain", norm.gain), name=f"{name}.scaled")
        if norm.bias is not None:
            states = graph.add("Add", states, graph.constant(f"{name}.bias", norm.bias), name=name)
        activation = Activation(states) if site is None else self.activate(graph, site, states)
        if norm.restore is None:
            return activation, states
        restore = graph.constant(f"{name}.smoothing", norm.restore)
        return activation, graph.add("Mul", states, restore, name=f"{name}.restored")


class Float32(Arithmetic):
    """Everything as trained."""

    def look_up(self, graph: Graph, name: str, table: F32, ids: str) -> str:
        return graph.add("Gather", graph.constant(f"{name}.table", table), ids, name=name)

    def activate(self, graph: Graph, site: str, tensor: str) -> Activation:
        return Activation(tensor)

    def multiply(self, graph: Graph, name: str, activation: Activation, linear: Linear) -> str:
        inputs = [activation.tensor, graph.constant(f"{name}.matrix", linear.matrix)]
        if linear.bias is not None:
            inputs.append(graph.constant(f"{name}.bias", linear.bias))
        return graph.add("Gemm", *inputs, name=name)


class Int8(Arithmetic):
    """Signed weights of one scale a column, unsigned activations of one fixed scale a site.

    Signed weights select ONNX Runtime's VNNI and AMX products; unsigned ones are no faster than float32. The fixed
    scale is what keeps a text's vector free of its batch (docs/decisions/0004-model-int8.md). Steps that end in eight
    bits are operators of our own (docs/decisions/0021-kernels.md), where the widths are those that these have.
    """

    def __init__(self, calibration: Calibration, table_bits: int = 8) -> None:
        self._calibration = calibration
        self._table_bits = table_bits

    def look_up(self, graph: Graph, name: str, table: F32, ids: str) -> str:
        if self._table_bits == 4:
            return _look_up_blocks(graph, name, table, ids)
        rows = quantise_rows(table)
        values = graph.add("Gather", graph.constant(f"{name}.table", rows.values), ids, name=f"{name}.values")
        scales = graph.add("Gather", graph.constant(f"{name}.scales", rows.scale), ids, name=f"{name}.scale")
        return graph.add("Mul", graph.add("Cast", values, name=f"{name}.cast", to=FLOAT), scales, name=name)

    def activate(self, graph: Graph, site: str, tensor: str) -> Activation:
        steps = self._steps(graph, site)
        return Activation(graph.add("QuantizeLinear", tensor, *steps, name=f"{site}.quantised"), *steps)

    def multiply(self, graph: Graph, name: str, activation: Activation, linear: Linear) -> str:
        columns = quantise_columns(linear.matrix)
        inputs = [
            activation.tensor,
            graph.constant(f"{name}.matrix", columns.values),
            activation.scale,
            graph.constant(f"{name}.scales", columns.scale),
            activation.zero,
            graph.constant(f"{name}.zeros", np.zeros(columns.scale.shape, np.int8)),
        ]
        if linear.bias is not None:
            inputs.append(graph.constant(f"{name}.bias", linear.bias))
        return graph.add("MatMulIntegerToFloat", *inputs, name=name, domain="com.microsoft")

    def attend(self, graph: Graph, name: str, read: Activation, layer: Layer, batch: Batch, heads: Heads) -> Activation:
        if layer.query.matrix.shape[1] / heads.count not in operators.HEAD_WIDTHS:
            return super().attend(graph, name, read, layer, batch, heads)
        # one product with three times the columns takes an eighth less time than three
        together = joined(layer.query, layer.key, layer.value)
        parts = self.multiply(graph, f"{name}.parts", read, together)
        steps = self._steps(graph, f"{name}.context")
        (context,) = graph.call(
            *(operators.ATTENTION_QUANTIZE, parts, batch.deep, batch.lengths, *steps),
            names=(f"{name}.attention",),
            heads=heads.count,
            factor=heads.factor,
        )
        return Activation(context, *steps)

    def gelu(self, graph: Graph, name: str, states: str, channels: Channels) -> tuple[Activation, str]:
        if channels.count % operators.MULTIPLE:
            return super().gelu(graph, name, states, channels)
        steps = self._steps(graph, f"{name}.narrow")
        first, names = graph.integers(channels.first_outlier), (f"{name}.hidden", f"{name}.outliers")
        hidden, outliers = graph.call(operators.GELU_QUANTIZE, states, *steps, first, names=names)
        return Activation(hidden, *steps), outliers if channels.outliers else ""

    def normalise(
        self,
        graph: Graph,
        name: str,
        site: str | None,
        states: str,
        residual: str | None,
        norm: Norm,
        batch: Batch,
        epsilon: float,
    ) -> tuple[Activation, str]:
        fits = norm.bias is None and norm.gain.size % operators.MULTIPLE == 0
        if not fits or site is None or residual is None or norm.restore is None:
            return super().normalise(graph, name, site, states, residual, norm, batch, epsilon)
        steps = self._steps(graph, site)
        factors = graph.constant(f"{name}.gain", norm.gain), graph.constant(f"{name}.smoothing", norm.restore)
        read, restored = graph.call(
            *(operators.ADD_NORMALIZE_QUANTIZE, states, residual, *factors, *steps),
            names=(name, f"{name}.restored"),
            epsilon=epsilon,
        )
        return Activation(read, *steps), restored

    def _steps(self, graph: Graph, site: str) -> tuple[str, str]:
        """Scale and zero point of a site."""
        _, index, field = site.split(".")
        values = getattr(self._calibration.layers[int(index)], field)
        assert isinstance(values, Site)
        scale, zero = activation_scale(values.low, values.high)
        return graph.constant(f"{site}.scale", scale), graph.constant(f"{site}.zero", zero)


def _look_up_blocks(graph: Graph, name: str, table: F32, ids: str) -> str:
    """Rows of a table in four bits. Bytes without zero points stand around 8, as `quantise_blocks` has them."""
    blocks = quantise_blocks(table)
    inputs = (graph.constant(f"{name}.table", blocks.values), ids, graph.constant(f"{name}.scales", blocks.scale))
    layout = {"bits": 4, "block_size": BLOCK, "gather_axis": 0, "quantize_axis": 1}
    return graph.add("GatherBlockQuantized", *inputs, name=name, domain="com.microsoft", **layout)
