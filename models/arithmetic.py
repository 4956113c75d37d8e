"""How an encoder's tables and products are computed: in float32, or in eight bits."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.calibration import Calibration, Site
from models.graph import Graph
from models.quantisation import BLOCK, activation_scale, quantise_blocks, quantise_columns, quantise_rows
from models.weights import Linear

F32 = npt.NDArray[np.float32]
FLOAT = 1  # ONNX's number for float32, as `Cast` wants it


@dataclass(frozen=True)
class Activation:
    """A tensor that goes into linear layers: plain float32, or uint8 with the names of its scale and zero point."""

    tensor: str
    scale: str = ""
    zero: str = ""


class Arithmetic(Protocol):
    """What the encoder's graph asks for. `site` is "layer.INDEX.FIELD", a field of LayerCalibration."""

    def look_up(self, graph: Graph, name: str, table: F32, ids: str) -> str:
        """Rows of `table` by `ids`: float32."""

    def activate(self, graph: Graph, site: str, tensor: str) -> Activation:
        """Prepare a float32 tensor, (tokens, width), once for all linear layers that read it."""

    def multiply(self, graph: Graph, name: str, activation: Activation, linear: Linear) -> str:
        """activation @ matrix + bias: (tokens, outputs) float32."""


class Float32:
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


class Int8:
    """Signed weights of one scale a column, unsigned activations of one fixed scale a site.

    Signed weights select ONNX Runtime's VNNI and AMX products; unsigned ones are no faster than float32. The fixed
    scale is what keeps a text's vector free of its batch (docs/decisions/0004-model-int8.md).
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
        values = self._site(site)
        scale, zero = activation_scale(values.low, values.high)
        names = (graph.constant(f"{site}.scale", scale), graph.constant(f"{site}.zero", zero))
        return Activation(graph.add("QuantizeLinear", tensor, *names, name=f"{site}.quantised"), *names)

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

    def _site(self, site: str) -> Site:
        _, index, field = site.split(".")
        values = getattr(self._calibration.layers[int(index)], field)
        assert isinstance(values, Site)
        return values


def _look_up_blocks(graph: Graph, name: str, table: F32, ids: str) -> str:
    """Rows of a table in four bits. Bytes without zero points stand around 8, as `quantise_blocks` has them."""
    blocks = quantise_blocks(table)
    inputs = (graph.constant(f"{name}.table", blocks.values), ids, graph.constant(f"{name}.scales", blocks.scale))
    layout = {"bits": 4, "block_size": BLOCK, "gather_axis": 0, "quantize_axis": 1}
    return graph.add("GatherBlockQuantized", *inputs, name=name, domain="com.microsoft", **layout)
