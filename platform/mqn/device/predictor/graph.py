"""The work of a TFLite file, operator by operator, read from its graph; nothing is run."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn.errors import ModelFileError

# Kinds whose cost is their multiplications; all others cost by the bytes that they move.
MULTIPLYING = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise",
    "TRANSPOSE_CONV": "transposed",
    "FULLY_CONNECTED": "matrix",
    "BATCH_MATMUL": "matrix",
}
OTHER = "other"
_MOVING = frozenset(
    (
        "CONCATENATION", "EXPAND_DIMS", "GATHER", "MIRROR_PAD", "PACK", "PAD", "PADV2", "RESHAPE", "SLICE",
        "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE",
        "UNPACK"
    )
)  # fmt: skip
_RESIZING = frozenset({"RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"})
_WIDTHS = {"FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT16": 2, "INT16": 2, "FLOAT64": 8, "INT64": 8, "COMPLEX64": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpFeatures:
    """One operator of a graph, as far as its cost depends on it.

    Attributes:
        family: `convolution`, `depthwise`, `transposed`, `matrix`, or `other`; profiles are matched by it. A
            convolution of single pixels is a `matrix`: runtimes run it as such.
        kind: what within the family costs alike: `pointwise`, `resize`, `move`, `compute`, or the family again.
        dtype: of its data and weights: `float32`, `int8`, ..., `float32 x int8` where they differ.
        macs: multiply-accumulates of a run.
        bytes: read and written in a run, weights included.
    """

    family: str
    kind: str
    dtype: str
    macs: int
    bytes: int


def read_features(path: Path) -> tuple[OpFeatures, ...]:
    """Read the operators of a TFLite file, in the order they run.

    Args:
        path: the file.

    Returns:
        One entry an operator, without those that only unpack constants. Unknown sizes count as 1.

    Raises:
        ModelFileError: the file cannot be read, or is no TFLite file.
    """
    from ai_edge_litert import schema_py_generated as schema

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from error
    if content[4:8] != b"TFL3":
        raise ModelFileError(f"{path} is no TFLite file ({len(content)} bytes)")
    try:
        return tuple(_Graph(schema.Model.GetRootAs(content, 0), schema).features())
    except (struct.error, IndexError, ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise ModelFileError(f"{path} is damaged ({len(content)} bytes); export it again") from error


class _Graph:
    """A file's first subgraph, through the accessors that the runtime ships."""

    def __init__(self, model: Any, schema: Any) -> None:
        self._model, self._schema = model, schema
        self._graph = model.Subgraphs(0)
        self._kinds = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
        self._types = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}

    def features(self) -> Iterator[OpFeatures]:
        for index in range(self._graph.OperatorsLength()):
            operator = self._graph.Operators(index)
            inputs = [operator.Inputs(i) for i in range(operator.InputsLength()) if operator.Inputs(i) >= 0]
            outputs = [operator.Outputs(i) for i in range(operator.OutputsLength())]
            if not outputs or (inputs and all(self._constant(i) for i in inputs)):
                continue
            yield self._feature(operator, inputs, outputs)

    def _feature(self, operator: Any, inputs: list[int], outputs: list[int]) -> OpFeatures:
        kind = self._kind(operator)
        family = MULTIPLYING.get(kind, OTHER)
        pointwise = family == "convolution" and self._pointwise(operator, inputs)
        data, weights = (2, 1) if kind == "TRANSPOSE_CONV" else (0, 1)
        dtype = self._type(inputs[data] if len(inputs) > data else outputs[0])
        macs = 0
        if family != OTHER and len(inputs) > max(data, weights):
            macs = self._macs(family, inputs[data], inputs[weights], outputs[0])
            if (of_weights := self._type(inputs[weights])) != dtype:
                dtype = f"{dtype} x {of_weights}"
        alike = "resize" if kind in _RESIZING else "move" if kind in _MOVING else "compute"
        return OpFeatures(
            family="matrix" if pointwise else family,
            kind="pointwise" if pointwise else alike if family == OTHER else family,
            dtype=dtype,
            macs=macs,
            bytes=sum(self._bytes(tensor) for tensor in (*inputs, *outputs)),
        )

    def _pointwise(self, operator: Any, inputs: list[int]) -> bool:
        if len(inputs) < 2 or self._shape(inputs[1])[1:3] != (1, 1):
            return False
        options, table = self._schema.Conv2DOptions(), operator.BuiltinOptions()
        if table is None:
            return False
        options.Init(table.Bytes, table.Pos)
        return bool(options.StrideW() == options.StrideH() == 1)

    def _macs(self, family: str, data: int, weights: int, output: int) -> int:
        of_weights, elements = self._shape(weights), math.prod(self._shape(output))
        if family == "depthwise":  # (1, height, width, channels)
            return elements * math.prod(of_weights[1:3])
        if family == "transposed":  # (out, height, width, in), once for every position of the input
            return math.prod(self._shape(data)) * math.prod(of_weights[:3])
        if family == "convolution":  # (out, height, width, in)
            return elements * math.prod(of_weights[1:])
        return elements * self._shape(data)[-1]

    def _kind(self, operator: Any) -> str:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        return self._kinds[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]

    def _shape(self, tensor: int) -> tuple[int, ...]:
        found = self._graph.Tensors(tensor)
        return tuple(max(1, int(found.Shape(i))) for i in range(found.ShapeLength())) or (1,)

    def _type(self, tensor: int) -> str:
        return self._types[self._graph.Tensors(tensor).Type()].lower()

    def _bytes(self, tensor: int) -> int:
        return math.prod(self._shape(tensor)) * _WIDTHS.get(self._type(tensor).upper(), 1)

    def _constant(self, tensor: int) -> bool:
        buffer = self._model.Buffers(self._graph.Tensors(tensor).Buffer())
        return buffer is not None and buffer.DataLength() > 0
