"""Small models that devices are tried and compared with, made by code: the same bytes wherever they are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

Scheme = Literal["float32", "int8"]
Layer = Literal["spatial", "pointwise", "depthwise"]

_SCALE = 0.05
_WEIGHT_SCALE = 0.001  # Neither saturates behind a few layers nor fades.


def chain(size: int, channels: int, layers: tuple[Layer, ...], scheme: Scheme = "float32") -> bytes:
    """A TFLite model of convolutions, one behind the other, on (1, size, size, channels).

    Args:
        size: side of the square picture.
        channels: of input, output and everything between.
        layers: what the convolutions are: 3 x 3, 1 x 1, or 3 x 3 a channel.
        scheme: float32 throughout, or int8 throughout.

    Returns:
        The file's bytes. Weights are seeded.
    """
    writer = _Writer(scheme)
    generator = np.random.default_rng(0)
    shape = (1, size, size, channels)
    first = current = writer.tensor("input", shape)
    for index, layer in enumerate(layers):
        side = 1 if layer == "pointwise" else 3
        form = (1, side, side, channels) if layer == "depthwise" else (channels, side, side, channels)
        output = writer.tensor(f"output{index}", shape)
        weights, bias = writer.weights(f"weights{index}", form, generator), writer.bias(f"bias{index}", channels)
        writer.convolution(layer, [current, weights, bias], output)
        current = output
    return writer.finish(first, current)


REFERENCE_MODELS: dict[str, Callable[[], bytes]] = {
    "float32": lambda: chain(64, 16, ("spatial",) * 4),
    "int8": lambda: chain(64, 32, ("spatial",) * 4, "int8"),
    "separable": lambda: chain(64, 64, ("depthwise", "pointwise") * 3),
}
"""What `mqn devices bench` repeats: one a kind of arithmetic, and one that waits for memory rather than for that."""


def write_reference_models(folder: Path) -> dict[str, Path]:
    """Write the reference models.

    Args:
        folder: where; has to exist.

    Returns:
        Their files by name.
    """
    files = {name: folder / f"{name}.tflite" for name in REFERENCE_MODELS}
    for name, path in files.items():
        path.write_bytes(REFERENCE_MODELS[name]())
    return files


def write_trial_model(path: Path) -> Path:
    """Write the smallest model that shows whether a device measures at all, and return its path."""
    path.write_bytes(chain(16, 4, ("spatial",)))
    return path


class _Writer:
    """Puts a model together through the schema that the runtime ships."""

    def __init__(self, scheme: Scheme) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema: Any = schema
        self._quantized = scheme == "int8"
        self._model = schema.ModelT()
        self._graph = schema.SubGraphT()
        self._model.version, self._model.subgraphs = 3, [self._graph]
        self._model.operatorCodes, self._model.buffers = [], [schema.BufferT()]
        self._graph.tensors, self._graph.operators = [], []

    def tensor(self, name: str, shape: tuple[int, ...]) -> int:
        return self._add(name, shape, "INT8" if self._quantized else "FLOAT32", _SCALE)

    def weights(self, name: str, shape: tuple[int, ...], generator: np.random.Generator) -> int:
        if self._quantized:
            values = generator.integers(-127, 128, shape).astype(np.int8)
            return self._add(name, shape, "INT8", _WEIGHT_SCALE, values)
        return self._add(name, shape, "FLOAT32", None, self._normal(shape, generator))

    @staticmethod
    def _normal(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        # What comes out of a layer is as large as what went in.
        summed = np.prod(shape[1:]) if shape[0] > 1 else np.prod(shape[1:3])
        return generator.normal(0, summed**-0.5, shape).astype(np.float32)

    def bias(self, name: str, channels: int) -> int:
        if self._quantized:
            return self._add(name, (channels,), "INT32", _SCALE * _WEIGHT_SCALE, np.zeros(channels, np.int32))
        return self._add(name, (channels,), "FLOAT32", None, np.zeros(channels, np.float32))

    def convolution(self, layer: Layer, inputs: list[int], output: int) -> None:
        schema = self._schema
        name = "DepthwiseConv2D" if layer == "depthwise" else "Conv2D"
        options = getattr(schema, f"{name}OptionsT")()
        options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
        if layer == "depthwise":
            options.depthMultiplier = 1
        code = schema.OperatorCodeT()
        code.builtinCode = (
            schema.BuiltinOperator.DEPTHWISE_CONV_2D if layer == "depthwise" else schema.BuiltinOperator.CONV_2D
        )
        code.deprecatedBuiltinCode, code.version = code.builtinCode, 3 if self._quantized else 1
        self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{name}Options")
        operator.builtinOptions = options
        self._graph.operators.append(operator)

    def finish(self, first: int, last: int) -> bytes:
        import flatbuffers

        self._graph.inputs, self._graph.outputs = [first], [last]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(
        self, name: str, shape: tuple[int, ...], dtype: str, scale: float | None, data: np.ndarray | None = None
    ) -> int:
        schema = self._schema
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), 0
        tensor.type = getattr(schema.TensorType, dtype)
        if scale is not None and self._quantized:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([scale], np.float32)
            tensor.quantization.zeroPoint = np.array([0], np.int64)
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
