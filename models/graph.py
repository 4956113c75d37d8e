"""A graph under construction: operations in order, each constant once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from models import onnx_file
from models.onnx_file import OUR_DOMAIN, AttributeValue, Given


class Operations:
    """Collects operations; tensors are handed around by name."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._names: set[str] = set()

    def add(self, operator: str, *inputs: str, name: str, domain: str = "", **attributes: AttributeValue) -> str:
        """Append an operation of one output, which bears the operation's name.

        inputs  tensors made before; "" leaves an optional one out
        """
        return self.add_several(operator, *inputs, names=(name,), domain=domain, **attributes)[0]

    def add_several(
        self, operator: str, *inputs: str, names: tuple[str, ...], domain: str = "", **attributes: AttributeValue
    ) -> tuple[str, ...]:
        """Append an operation whose outputs are called `names`, and itself like the first."""
        for each in inputs:
            assert not each or each in self._names, f"{names[0]} reads {each}, which nothing has made"
        self._nodes.append(onnx_file.node(operator, inputs, names, name=names[0], domain=domain, attributes=attributes))
        return tuple(self._new(name) for name in names)

    def _new(self, name: str) -> str:
        assert name not in self._names, f"two tensors called {name}"
        self._names.add(name)
        return name


class Graph(Operations):
    """The graph of a whole model, with its constants."""

    def __init__(self) -> None:
        super().__init__()
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._functions: dict[str, Function] = {}

    def input(self, name: str, dtype: npt.DTypeLike, *shape: int | str) -> str:
        self._inputs.append(onnx_file.value(name, dtype, shape))
        return self._new(name)

    def output(self, name: str, dtype: npt.DTypeLike, *shape: int | str) -> None:
        """Declare a tensor that an operation has already made as an output of the whole graph."""
        assert name in self._names, f"no tensor {name}"
        self._outputs.append(onnx_file.value(name, dtype, shape))

    def constant(self, name: str, array: npt.NDArray[Any] | np.generic) -> str:
        self._constants[name] = np.asarray(array)
        return self._new(name)

    def integers(self, *values: int) -> str:
        """An int64 constant of one dimension, shared by all that ask for the same values."""
        name = "integers" + "".join(f"_{value}" for value in values)
        return name if name in self._constants else self.constant(name, np.array(values, np.int64))

    def call(
        self, function: "Function", *inputs: str, names: tuple[str, ...], **attributes: AttributeValue
    ) -> tuple[str, ...]:
        """Append a call of `function`, which becomes a part of the model."""
        assert (len(inputs), len(names)) == function.arity
        assert attributes.keys() == set(function.attributes)
        self._functions[function.name] = function
        return self.add_several(function.name, *inputs, names=names, domain=OUR_DOMAIN, **attributes)

    def to_bytes(self, name: str) -> bytes:
        """The whole graph as the bytes of one ONNX file."""
        return self._model(name, onnx_file.tensor)

    def to_files(self, name: str) -> dict[str, bytes]:
        """The whole graph as an ONNX file without its large constants, and the file that holds these: their names."""
        outside = onnx_file.Outside()
        model = self._model(name, outside.tensor)
        return {onnx_file.MODEL: model, onnx_file.DATA: bytes(outside.written)}

    def _model(self, name: str, tensor: Callable[[str, npt.NDArray[Any]], Any]) -> bytes:
        return onnx_file.model(
            name,
            nodes=self._nodes,
            constants=[tensor(*constant) for constant in self._constants.items()],
            inputs=self._inputs,
            outputs=self._outputs,
            functions=[function.to_message() for function in self._functions.values()],
        )


class Function(Operations):
    """An operator of our own, written in ONNX's: what it means wherever no kernel computes it at once."""

    def __init__(self, name: str, *inputs: str, **attributes: type[int] | type[float]) -> None:
        super().__init__()
        self.name = name
        self.attributes = tuple(attributes)
        self._given = {attribute: Given(attribute, kind) for attribute, kind in attributes.items()}
        self._inputs = tuple(self._new(each) for each in inputs)
        self._outputs: tuple[str, ...] = ()

    @property
    def arity(self) -> tuple[int, int]:
        """How many tensors go in and come out."""
        return len(self._inputs), len(self._outputs)

    def given(self, attribute: str) -> Given:
        """The value that a call gives the attribute."""
        return self._given[attribute]

    def integers(self, name: str, *values: int) -> str:
        """An int64 constant of one dimension."""
        return self.add("Constant", name=name, value_ints=list(values))

    def floats(self, name: str, *values: float) -> str:
        """A float32 constant of one dimension."""
        return self.add("Constant", name=name, value_floats=list(values))

    def returns(self, *outputs: str) -> "Function":
        assert set(outputs) <= self._names
        self._outputs = outputs
        return self

    def to_message(self) -> Any:
        return onnx_file.function(
            self.name, nodes=self._nodes, inputs=self._inputs, outputs=self._outputs, attributes=self.attributes
        )
