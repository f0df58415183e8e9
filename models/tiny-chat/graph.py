"""Writes ONNX graphs node by node, with matrices as float32 or as int8 with a scale for each column."""

from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Precision = Literal["float32", "int8"]
Size = int | str
Value = tuple[str, int, tuple[Size, ...]]
"""Name, element type and dimensions of an input or output of the whole graph."""

FLOAT = TensorProto.FLOAT
INT64 = TensorProto.INT64


def quantised(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Each column in 255 even steps up to its largest element: values and the size of a step."""
    largest = np.abs(matrix).max(axis=0)
    scale = (np.where(largest == 0, 1, largest) / 127).astype(np.float32)
    return np.clip(np.rint(matrix / scale), -127, 127).astype(np.int8), scale


class Graph:
    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        (output,) = self.split(operator, 1, *inputs, **attributes)
        return output

    def split(self, operator: str, outputs: int, *inputs: str, **attributes: object) -> list[str]:
        names = [f"{operator}.{len(self.nodes)}" + (f".{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def rename(self, source: str, output: str) -> None:
        self.nodes.append(helper.make_node("Identity", [source], [output]))

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """A name has one value: layers and both directions of a table may ask for it again."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant("int." + ".".join(map(str, values)), np.array(values, np.int64))

    def scalar(self, value: int) -> str:
        return self.constant(f"int.scalar.{value}", np.array(value, np.int64))

    def product(self, x: str, name: str, matrix: NDArray[np.float32]) -> str:
        """x times a matrix [in, out]."""
        return self.add("MatMul", x, self.matrix(name, matrix))

    def matrix(self, name: str, matrix: NDArray[np.float32]) -> str:
        if self.precision == "float32":
            return self.constant(name, matrix)
        values, scale = quantised(matrix)
        return self.add(
            "DequantizeLinear",
            self.constant(name, values),
            self.constant(f"{name}.scale", scale),
            axis=1,
        )

    def rows(self, name: str, table: NDArray[np.float32], ids: str) -> str:
        """The rows of a table that `ids` names; in int8 every row has its own step."""
        if self.precision == "float32":
            return self.add("Gather", self.constant(name, table), ids)
        values, scale = quantised(table.T)
        row = self.add("Cast", self.add("Gather", self.constant(name, values.T), ids), to=FLOAT)
        return self.add("Mul", row, self.add("Gather", self.constant(f"{name}.scale", scale[:, None]), ids))

    def write(self, inputs: list[Value], outputs: list[Value], operators: int) -> bytes:
        def values(of: list[Value]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in of]

        graph = helper.make_graph(
            self.nodes, "decoder", values(inputs), values(outputs), list(self.constants.values())
        )
        model = helper.make_model(
            graph,
            producer_name="tiny-chat",
            opset_imports=[helper.make_opsetid("", operators)],
            ir_version=8 if operators < 21 else 10,
        )
        onnx.checker.check_model(model)
        return model.SerializeToString(deterministic=True)
