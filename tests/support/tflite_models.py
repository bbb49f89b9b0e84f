"""Tiny TFLite models, written without TensorFlow through the schema that the runtime ships: a chain of convolutions."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def convolutions(
    size: int, channels: int, *, layers: int = 1, kernel: int = 3, dtype: str = "float32", signed: bool = False
) -> bytes:
    """A model of `layers` convolutions on (1, size, size, channels), weights seeded.

    Args:
        size: side of the square picture.
        channels: of input, output and everything between.
        layers: how many convolutions.
        kernel: side of each.
        dtype: of the input: `float32`, or `int8`, `int32`, `bool`, `complex64`, which is cast (or cannot be) first.
        signed: whether it has the signature of a network that mqn exported.

    Returns:
        The file's bytes.
    """
    writer = _Writer()
    generator = np.random.default_rng(0)
    shape = (1, size, size, channels)
    source = current = writer.tensor("input", shape, dtype)
    if dtype != "float32":
        current = writer.tensor("cast", shape)
        writer.operator("CAST", [source], [current])
    for layer in range(layers):
        weights = generator.normal(0, 0.1, (channels, kernel, kernel, channels)).astype(np.float32)
        current = writer.convolution(current, shape, weights, str(layer))
    if signed:
        writer.sign(source, current)
    return writer.finish([source], [current])


def islands(size: int, channels: int, *, layers: int = 2) -> bytes:
    """`layers` convolutions, two casts (to whole numbers and back) that XNNPACK leaves out, `layers` convolutions.

    Args:
        size: side of the square picture.
        channels: of all tensors.
        layers: convolutions of each island.

    Returns:
        The file's bytes.
    """
    writer = _Writer()
    generator = np.random.default_rng(0)
    shape = (1, size, size, channels)
    source = current = writer.tensor("input", shape)
    for island in ("first", "second"):
        if island == "second":
            whole, back = writer.tensor("whole", shape, "int32"), writer.tensor("back", shape)
            writer.operator("CAST", [current], [whole])
            writer.operator("CAST", [whole], [back])
            current = back
        for layer in range(layers):
            weights = generator.normal(0, 0.1, (channels, 3, 3, channels)).astype(np.float32)
            current = writer.convolution(current, shape, weights, f"{island}{layer}")
    return writer.finish([source], [current])


def loop(size: int, channels: int, *, times: int) -> bytes:
    """A convolution, then `times` convolutions in a loop, whose condition and body are graphs of their own.

    Args:
        size: side of the square picture.
        channels: of all tensors.
        times: how often the loop's body runs.

    Returns:
        The file's bytes.
    """
    writer = _Writer()
    shape, one = (1, size, size, channels), np.array(1, np.int32)
    weights = np.random.default_rng(0).normal(0, 0.1, (channels, 3, 3, channels)).astype(np.float32)
    source = writer.tensor("input", shape)
    first = writer.convolution(source, shape, weights, "0")
    begin = writer.tensor("begin", (), "int32", 0 * one)
    ends = [writer.tensor("count", (), "int32"), writer.tensor("output", shape)]
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    writer.operator("WHILE", [begin, first], ends, schema.BuiltinOptions.WhileOptions, options)
    writer.close([source], ends[1:])
    count, picture = writer.tensor("count", (), "int32"), writer.tensor("picture", shape)
    more = writer.tensor("more", (), "bool")
    writer.operator("LESS", [count, writer.tensor("times", (), "int32", times * one)], [more])
    writer.close([count, picture], [more])
    count, picture = writer.tensor("count", (), "int32"), writer.tensor("picture", shape)
    added = writer.tensor("added", (), "int32")
    step = writer.tensor("step", (), "int32", one)
    writer.operator("ADD", [count, step], [added], schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    return writer.finish([count, picture], [added, writer.convolution(picture, shape, weights, "1")])


class _Writer:
    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.operatorCodes, self._model.buffers = [], [schema.BufferT()]
        self._model.subgraphs = []
        self._begin()

    def _begin(self) -> None:
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "float32", data: np.ndarray | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), 0
        tensor.type = getattr(schema.TensorType, dtype.upper())
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(
        self, name: str, inputs: list[int], outputs: list[int], kind: int = 0, options: object | None = None
    ) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, outputs
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._graph.operators.append(operator)

    def convolution(self, source: int, shape: tuple[int, ...], weights: np.ndarray, name: str) -> int:
        """Weights are (outputs, height, width, inputs)."""
        inputs = [
            source,
            self.tensor(f"weights{name}", weights.shape, data=weights),
            self.tensor(f"bias{name}", (len(weights),), data=np.zeros(len(weights), np.float32)),
        ]
        output = self.tensor(f"output{name}", shape)
        options = schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
        self.operator("CONV_2D", inputs, [output], schema.BuiltinOptions.Conv2DOptions, options)
        return output

    def close(self, inputs: list[int], outputs: list[int]) -> None:
        """End a graph and begin the next."""
        self._graph.inputs, self._graph.outputs = inputs, outputs
        self._model.subgraphs.append(self._graph)
        self._begin()

    def sign(self, source: int, target: int) -> None:
        """Give the first graph the signature of a network that mqn exported."""
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        maps = []
        for name, tensor in ((b"ldr", source), (b"hdr", target)):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, tensor
            maps.append([entry])
        signature.inputs, signature.outputs = maps
        self._model.signatureDefs = [signature]

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        self.close(inputs, outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
