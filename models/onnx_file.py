"""ONNX files, written with protobuf alone: the `onnx` package has no wheel for musl.

Only the messages and fields that an encoder needs, under their numbers in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; tests compare the result with the real package.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

IR_VERSION = 11
OPSETS = {"": 24, "com.microsoft": 1}  # 23 brought Attention, 24 its lengths in place of a mask
OUR_DOMAIN, OUR_OPSET = "vectorspace", 1
MODEL, DATA = "model.onnx", "model.onnx_data"  # the second as exporters usually call it
# Of a constant that lies outside of the graph's file: from this size on, and at a multiple of this.
OUTSIDE_BYTES, ALIGNED_BYTES = 1024, 64

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "int": _Field.TYPE_INT64,
    "enum": _Field.TYPE_INT32,  # the same bytes as an enum
    "float": _Field.TYPE_FLOAT,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
# message: field: (number, kind); a kind in brackets repeats, one with a capital is a message
_SCHEMA: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {
        "ir_version": (1, "int"),
        "producer_name": (2, "string"),
        "graph": (7, "Graph"),
        "opset_import": (8, "[OpsetId]"),
        "functions": (25, "[Function]"),
    },
    "OpsetId": {"domain": (1, "string"), "version": (2, "int")},
    "Graph": {
        "node": (1, "[Node]"),
        "name": (2, "string"),
        "initializer": (5, "[Tensor]"),
        "input": (11, "[ValueInfo]"),
        "output": (12, "[ValueInfo]"),
    },
    "Node": {
        "input": (1, "[string]"),
        "output": (2, "[string]"),
        "name": (3, "string"),
        "op_type": (4, "string"),
        "attribute": (5, "[Attribute]"),
        "domain": (7, "string"),
    },
    "Function": {
        "name": (1, "string"),
        "input": (4, "[string]"),
        "output": (5, "[string]"),
        "attribute": (6, "[string]"),
        "node": (7, "[Node]"),
        "opset_import": (9, "[OpsetId]"),
        "domain": (10, "string"),
    },
    "Attribute": {
        "name": (1, "string"),
        "f": (2, "float"),
        "i": (3, "int"),
        "floats": (7, "[float]"),
        "ints": (8, "[int]"),
        "type": (20, "enum"),
        "ref_attr_name": (21, "string"),
    },
    "Tensor": {
        "dims": (1, "[int]"),
        "data_type": (2, "enum"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
        "external_data": (13, "[Entry]"),
        "data_location": (14, "enum"),
    },
    "Entry": {"key": (1, "string"), "value": (2, "string")},
    "ValueInfo": {"name": (1, "string"), "type": (2, "Type")},
    "Type": {"tensor_type": (1, "TensorType")},
    "TensorType": {"elem_type": (1, "enum"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "[Dimension]")},
    "Dimension": {"dim_value": (1, "int"), "dim_param": (2, "string")},
}
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_FLOATS, _ATTRIBUTE_INTS = 1, 2, 6, 7
_EXTERNAL = 1  # data_location

ELEMENT_TYPES = {
    np.dtype(np.float32): 1,
    np.dtype(np.uint8): 2,
    np.dtype(np.int8): 3,
    np.dtype(np.int32): 6,
    np.dtype(np.int64): 7,
    np.dtype(np.bool_): 9,
}


@dataclass(frozen=True)
class Given:
    """Inside a function: an attribute that has the value of the function's own attribute `name`, of type `kind`."""

    name: str
    kind: type[int] | type[float]


AttributeValue = int | float | Given | list[int] | list[float]


def _messages() -> dict[str, Any]:
    """A protobuf class for each message, in a pool of its own: the `onnx` package may be loaded beside it."""
    file = descriptor_pb2.FileDescriptorProto(name="onnx_subset.proto", package="vectorspace.onnx", syntax="proto2")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            declared = message.field.add(name=field, number=number)
            declared.label = _Field.LABEL_REPEATED if kind.startswith("[") else _Field.LABEL_OPTIONAL
            kind = kind.strip("[]")
            if kind in _KINDS:
                declared.type = _KINDS[kind]
            else:
                declared.type, declared.type_name = _Field.TYPE_MESSAGE, f".vectorspace.onnx.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"vectorspace.onnx.{name}"))
        for name in _SCHEMA
    }


MESSAGES = _messages()


def tensor(name: str, array: npt.NDArray[Any]) -> Any:
    """A constant of the graph, little-endian as ONNX wants it."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    raw = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return MESSAGES["Tensor"](name=name, dims=array.shape, data_type=ELEMENT_TYPES[array.dtype], raw_data=raw)


class Outside:
    """The large constants of a graph, in a file beside its own.

    A runtime maps that file into memory: what it uses as it stands, such as the table of words, is not copied, and is
    there once however many sessions there are.
    """

    def __init__(self) -> None:
        self.written = bytearray()

    def tensor(self, name: str, array: npt.NDArray[Any]) -> Any:
        """As the function of this name, with the content in here where it is large."""
        message = tensor(name, array)
        if len(message.raw_data) < OUTSIDE_BYTES:
            return message
        self.written += bytes(-len(self.written) % ALIGNED_BYTES)
        where = {"location": DATA, "offset": len(self.written), "length": len(message.raw_data)}
        self.written += message.raw_data
        message.ClearField("raw_data")
        message.data_location = _EXTERNAL
        for key, content in where.items():
            message.external_data.add(key=key, value=str(content))
        return message


def node(
    operator: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    name: str,
    domain: str,
    attributes: Mapping[str, AttributeValue],
) -> Any:
    """One operation. An empty input name leaves an optional input out."""
    message = MESSAGES["Node"](op_type=operator, input=inputs, output=outputs, name=name)
    if domain:
        message.domain = domain
    for key, value in sorted(attributes.items()):
        match value:
            case int():
                message.attribute.add(name=key, i=value, type=_ATTRIBUTE_INT)
            case float():
                message.attribute.add(name=key, f=value, type=_ATTRIBUTE_FLOAT)
            case Given(given, kind):
                message.attribute.add(
                    name=key, ref_attr_name=given, type=_ATTRIBUTE_INT if kind is int else _ATTRIBUTE_FLOAT
                )
            case [int(), *_]:
                message.attribute.add(name=key, ints=value, type=_ATTRIBUTE_INTS)
            case _:
                message.attribute.add(name=key, floats=value, type=_ATTRIBUTE_FLOATS)
    return message


def function(
    name: str, *, nodes: Sequence[Any], inputs: Sequence[str], outputs: Sequence[str], attributes: Sequence[str]
) -> Any:
    """An operator of our own domain, and what it means in ONNX's: a runtime without a kernel for it computes that."""
    message = MESSAGES["Function"](
        name=name, domain=OUR_DOMAIN, input=inputs, output=outputs, attribute=attributes, node=nodes
    )
    message.opset_import.add(domain="", version=OPSETS[""])
    return message


def value(name: str, dtype: npt.DTypeLike, shape: Sequence[int | str]) -> Any:
    """An input or output of the whole graph; a string in `shape` names a length that differs from call to call."""
    info = MESSAGES["ValueInfo"](name=name)
    info.type.tensor_type.elem_type = ELEMENT_TYPES[np.dtype(dtype)]
    for length in shape:
        dimension = info.type.tensor_type.shape.dim.add()
        if isinstance(length, int):
            dimension.dim_value = length
        else:
            dimension.dim_param = length
    return info


def model(
    name: str,
    *,
    nodes: Sequence[Any],
    constants: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    functions: Sequence[Any] = (),
) -> bytes:
    """The file's bytes: the same for the same arguments, whichever protobuf runtime writes them."""
    message = MESSAGES["Model"](ir_version=IR_VERSION, producer_name="vectorspace")
    for domain, version in OPSETS.items():
        message.opset_import.add(domain=domain, version=version)
    if functions:
        message.opset_import.add(domain=OUR_DOMAIN, version=OUR_OPSET)
        message.functions.extend(functions)
    message.graph.name = name
    message.graph.node.extend(nodes)
    message.graph.initializer.extend(constants)
    message.graph.input.extend(inputs)
    message.graph.output.extend(outputs)
    written: bytes = message.SerializeToString(deterministic=True)
    return written
