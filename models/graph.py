"""A graph under construction: operations in order, each constant once."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models import onnx_file


class Graph:
    """Collects operations and constants; tensors are handed around by name."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._names: set[str] = set()

    def input(self, name: str, dtype: npt.DTypeLike, *shape: int | str) -> str:
        self._inputs.append(onnx_file.value(name, dtype, shape))
        return self._new(name)

    def output(self, name: str, dtype: npt.DTypeLike, *shape: int | str) -> None:
        """Declare a tensor that an operation has already made as an output of the whole graph."""
        assert name in self._names, f"no tensor {name}"
        self._outputs.append(onnx_file.value(name, dtype, shape))

    def constant(self, name: str, array: npt.NDArray[Any] | np.generic) -> str:
        self._constants[name] = onnx_file.tensor(name, np.asarray(array))
        return self._new(name)

    def integers(self, *values: int) -> str:
        """An int64 constant of one dimension, shared by all that ask for the same values."""
        name = "integers" + "".join(f"_{value}" for value in values)
        return name if name in self._constants else self.constant(name, np.array(values, np.int64))

    def add(self, operator: str, *inputs: str, name: str, domain: str = "", **attributes: int | float) -> str:
        """Append an operation of one output, which bears the operation's name.

        inputs  tensors made before; "" leaves an optional one out
        """
        for each in inputs:
            assert not each or each in self._names, f"{name} reads {each}, which nothing has made"
        self._nodes.append(onnx_file.node(operator, inputs, [name], name=name, domain=domain, attributes=attributes))
        return self._new(name)

    def to_bytes(self, name: str) -> bytes:
        """The whole graph as the bytes of an ONNX file."""
        return onnx_file.model(
            name,
            nodes=self._nodes,
            constants=list(self._constants.values()),
            inputs=self._inputs,
            outputs=self._outputs,
        )

    def _new(self, name: str) -> str:
        assert name not in self._names, f"two tensors called {name}"
        self._names.add(name)
        return name
