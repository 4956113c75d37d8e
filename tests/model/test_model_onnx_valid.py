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
    """Six a layer; in int8 four, three being one, and one small float32 product for the outliers."""
    found = Counter(node.op_type for node in network.graph.node)
    precision = model.folder.card.precision
    layers = found[{"fp32": "Attention", "int8": "AttentionQuantize"}[precision]]
    assert layers == 6
    wanted = {"fp32": (6 * layers, 0), "int8": (layers, 4 * layers)}[precision]
    assert (found["Gemm"], found["MatMulIntegerToFloat"]) == wanted


def test_what_our_operators_mean_is_in_the_file(network: onnx.ModelProto, model: Model) -> None:
    """So that any ONNX runtime computes the model; fp32 needs none of them."""
    ours = {node.op_type for node in network.graph.node if node.domain == "vectorspace"}
    meant = {function.name for function in network.functions}
    names = {"GeluQuantize", "AddNormalizeQuantize", "AttentionQuantize"}
    assert ours == meant == {"fp32": set(), "int8": names}[model.folder.card.precision]
    assert {node.domain for function in network.functions for node in function.node} <= {""}


def test_int8_weights_are_signed(int8: Model) -> None:
    """Unsigned ones lose the fast kernels."""
    network = onnx.load(int8.folder.network)
    types = {tensor.name: tensor.data_type for tensor in network.graph.initializer}
    products = [node for node in network.graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert {types[node.input[1]] for node in products} == {onnx.TensorProto.INT8}
