"""What is written without the onnx package is what the onnx package reads."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper

from models import onnx_file
from models.graph import Graph


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
        np.array([[1, -2], [-128, 127]], np.int8),
        np.array([0, 255], np.uint8),
        np.array([-1, 384, 2**40], np.int64),
        np.array(3.5, np.float32),
        np.zeros((0, 4), np.float32),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
    ],
    ids=["float32", "int8", "uint8", "int64", "scalar", "empty", "transposed"],
)
def test_a_tensor_comes_back(array: npt.NDArray[Any]) -> None:
    read = onnx.TensorProto.FromString(onnx_file.tensor("some", array).SerializeToString())
    back = numpy_helper.to_array(read)
    assert read.name == "some"
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_the_element_types_are_those_of_onnx() -> None:
    assert {dtype: helper.np_dtype_to_tensor_dtype(dtype) for dtype in onnx_file.ELEMENT_TYPES} == (
        onnx_file.ELEMENT_TYPES
    )


def test_every_field_has_the_number_and_type_of_onnx() -> None:
    messages: dict[str, Any] = {
        "Entry": onnx.StringStringEntryProto,
        "OpsetId": onnx.OperatorSetIdProto,
        "Type": onnx.TypeProto,
        "TensorType": onnx.TypeProto.Tensor,
        "Shape": onnx.TensorShapeProto,
        "Dimension": onnx.TensorShapeProto.Dimension,
    }
    for name, ours in onnx_file.MESSAGES.items():
        theirs = messages.get(name) or getattr(onnx, f"{name}Proto")
        for field in ours.DESCRIPTOR.fields:
            fellow = theirs.DESCRIPTOR.fields_by_name[field.name]
            assert (field.number, field.is_repeated) == (fellow.number, fellow.is_repeated), f"{name}.{field.name}"
            same = field.type == fellow.type or (field.type, fellow.type) == (field.TYPE_INT32, field.TYPE_ENUM)
            assert same, f"{name}.{field.name}"


def test_a_graph_is_the_one_that_onnx_would_make() -> None:
    graph = Graph()
    x = graph.input("x", np.float32, "rows", 2)
    weights = graph.constant("w", np.eye(2, dtype=np.float32))
    graph.add("Gemm", x, weights, name="y", alpha=0.5, transB=1)
    graph.output("y", np.float32, "rows", 2)
    read = onnx.load_from_string(graph.to_bytes("small"))
    onnx.checker.check_model(read, full_check=True)
    expected = helper.make_node("Gemm", ["x", "w"], ["y"], name="y", alpha=0.5, transB=1)
    assert list(read.graph.node) == [expected]
    assert list(read.graph.input) == [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", 2])]
    assert list(read.graph.output) == [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["rows", 2])]
    assert {each.domain: each.version for each in read.opset_import} == onnx_file.OPSETS


def test_large_constants_lie_in_a_file_beside_the_graph(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("x", np.float32, "rows", 1)
    given = {"small": np.ones(255, np.float32), "large": np.arange(257, dtype=np.float32)}
    given["larger"] = -np.arange(257, dtype=np.float32)
    for name, array in given.items():
        graph.add("Add", x, graph.constant(name, array), name=f"{name}er still")
        graph.output(f"{name}er still", np.float32, "rows", len(array))
    files = graph.to_files("large")
    assert set(files) == {"model.onnx", "model.onnx_data"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    inside = onnx.load_from_string(files["model.onnx"]).graph.initializer
    assert [each.name for each in inside if each.raw_data] == ["small"]
    places = [{entry.key: entry.value for entry in each.external_data} for each in inside if not each.raw_data]
    assert places == [{"location": "model.onnx_data", "offset": offset, "length": "1028"} for offset in ("0", "1088")]
    read = onnx.load(tmp_path / "model.onnx")
    for each in read.graph.initializer:
        np.testing.assert_array_equal(numpy_helper.to_array(each), given[each.name])
        each.ClearField("data_location")
    assert onnx.load_from_string(graph.to_bytes("large")) == read


def test_a_graph_refuses_what_only_a_mistake_could_ask() -> None:
    graph = Graph()
    graph.constant("one", np.float32(1))
    with pytest.raises(AssertionError, match="two tensors called one"):
        graph.constant("one", np.float32(2))
    with pytest.raises(AssertionError, match="sum reads two, which nothing has made"):
        graph.add("Add", "one", "two", name="sum")
    with pytest.raises(AssertionError, match="no tensor sum"):
        graph.output("sum", np.float32)
