"""The made networks by the rules of the real `onnx` package, which has no part in making them."""

from collections import Counter

import onnx
import pytest

from tests.model.conftest import Model


@pytest.fixture(scope="module")
def network(model: Model) -> onnx.ModelProto:
    return onnx.load(model.folder.network)


def test_the_file_is_valid(network: onnx.ModelProto) -> None:
    onnx.checker.check_model(network, full_check=True)


def test_every_constant_is_read(network: onnx.ModelProto) -> None:
    read = {name for node in network.graph.node for name in node.input}
    assert {tensor.name for tensor in network.graph.initializer} <= read


def test_the_interface_is_what_the_service_calls(network: onnx.ModelProto, model: Model) -> None:
    assert [each.name for each in network.graph.input] == ["input_ids", "attention_mask"]
    (output,) = network.graph.output
    assert output.name == "sentence_embedding"
    assert output.type.tensor_type.shape.dim[1].dim_value == model.folder.card.dimension


def test_the_products_are_those_of_the_precision(network: onnx.ModelProto, model: Model) -> None:
    """Six a layer; in int8 one small float32 product a layer for the outliers."""
    found = Counter(node.op_type for node in network.graph.node)
    layers = found["Attention"]
    wanted = {"fp32": (6 * layers, 0), "int8": (layers, 6 * layers)}[model.folder.card.precision]
    assert (found["Gemm"], found["MatMulIntegerToFloat"]) == wanted


def test_int8_weights_are_signed(int8: Model) -> None:
    """Unsigned ones lose the fast kernels."""
    network = onnx.load(int8.folder.network)
    types = {tensor.name: tensor.data_type for tensor in network.graph.initializer}
    products = [node for node in network.graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert {types[node.input[1]] for node in products} == {onnx.TensorProto.INT8}
