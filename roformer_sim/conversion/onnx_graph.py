"""Writing an ONNX graph: operations by name, weights in a file that several graphs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from roformer_sim.checkpoints.mapped import release

OPSET, IR = 20, 9
"""What ONNX Runtime 1.17 and OpenVINO 2024 read; the first with an operation for GELU."""

_ALIGNED = 4096  # Runtimes map weights that begin at a page instead of copying them.
_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}

Shape = Sequence[int | str]
"""Sizes; a name where they are only known at a call."""


@dataclass(frozen=True)
class SharedWeights:
    """A file of float32 arrays, little-endian, that graphs of the same folder refer to.

    Attributes:
        file: Its name.
        shapes: Of each array.
        offsets: Where each begins, in bytes.
    """

    file: str
    shapes: Mapping[str, tuple[int, ...]]
    offsets: Mapping[str, int]

    @classmethod
    def write(cls, path: Path, weights: Mapping[str, np.ndarray]) -> SharedWeights:
        """Write ``weights``, one after another, so that no more than one is held besides them."""
        shapes, offsets = {}, {}
        with path.open("wb") as file:
            for name in sorted(weights):
                array = np.ascontiguousarray(weights[name], "<f4")
                file.write(bytes(-file.tell() % _ALIGNED))
                shapes[name], offsets[name] = array.shape, file.tell()
                file.write(array.data)
        release(weights)
        return cls(path.name, shapes, offsets)

    def tensor(self, name: str) -> TensorProto:
        """What stands for an array in a graph."""
        shape = self.shapes[name]
        place = {"location": self.file, "offset": self.offsets[name], "length": 4 * int(np.prod(shape))}
        tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.extend(
            onnx.StringStringEntryProto(key=key, value=str(value)) for key, value in place.items()
        )
        return tensor


@dataclass
class GraphBuilder:
    """A graph being written. Operations take and give names of tensors.

    Example:
        >>> graph = GraphBuilder("double", weights)
        >>> x = graph.input("x", "float32", ["batch", 8])
        >>> graph.output("twice", graph.op("Mul", x, graph.floats(2.0)), "float32", ["batch", 8])
        >>> graph.save(folder / "double.onnx")
    """

    name: str
    weights: SharedWeights
    inputs: dict[str, tuple[str, Shape]] = field(default_factory=dict)
    outputs: dict[str, tuple[str, Shape]] = field(default_factory=dict)
    _nodes: list[Any] = field(default_factory=list)
    _called: dict[str, str] = field(default_factory=dict)
    _tensors: dict[str, Any] = field(default_factory=dict)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operation with one result."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """An operation with several results."""
        names = [f"{kind}_{len(self._nodes)}_{number}" for number in range(results)]
        self._nodes.append(
            helper.make_node(kind, inputs, names, name=f"{kind}_{len(self._nodes)}", **attributes)
        )
        return names

    def cast(self, value: str, dtype: str) -> str:
        """``value`` as ``"float32"`` or ``"int64"``."""
        return self.op("Cast", value, to=_TYPES[dtype])

    def weight(self, name: str) -> str:
        """One of the network's weights."""
        if name not in self._tensors:
            self._tensors[name] = self.weights.tensor(name)
        return name

    def floats(self, values: Any) -> str:
        """A float32 constant."""
        return self._constant(np.asarray(values, np.float32))

    def integers(self, *values: int) -> str:
        """A vector of int64: axes, sizes, rows."""
        return self._constant(np.array(values, np.int64))

    def integer(self, value: int) -> str:
        """One int64."""
        return self._constant(np.array(value, np.int64))

    def _constant(self, array: np.ndarray) -> str:
        name = f"constant_{array.dtype}_{list(array.shape)}_{array.tobytes().hex()}"
        if len(name) > 80:
            name = f"constant_{len(self._tensors)}"
        if name not in self._tensors:
            self._tensors[name] = numpy_helper.from_array(array, name)
        return name

    def input(self, name: str, dtype: str, shape: Shape) -> str:
        """What a call gives."""
        self.inputs[name] = dtype, shape
        return name

    def output(self, name: str, value: str, dtype: str, shape: Shape) -> None:
        """What a call gets: an operation's result, under this name once."""
        self.outputs[name] = dtype, shape
        self._called[value] = name

    def signature(self) -> dict[str, Any]:
        """Types and shapes of inputs and outputs, for people and programs that do not open the graph."""
        return {
            kind: {name: {"type": dtype, "shape": list(shape)} for name, (dtype, shape) in tensors.items()}
            for kind, tensors in (("inputs", self.inputs), ("outputs", self.outputs))
        }

    def save(self, path: Path) -> None:
        """Write the graph. It refers to the weights' file by its bare name: both belong in one folder."""
        # The results themselves get the names: an Identity would copy the whole cache in every step.
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [self._called.get(name, name) for name in names]
        inputs, outputs = (
            [
                helper.make_tensor_value_info(name, _TYPES[dtype], shape)
                for name, (dtype, shape) in side.items()
            ]
            for side in (self.inputs, self.outputs)
        )
        graph = helper.make_graph(self._nodes, self.name, inputs, outputs, [*self._tensors.values()])
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR,
            producer_name="roformer-sim",
            producer_version=version("roformer-sim"),
        )
        path.write_bytes(model.SerializeToString())
