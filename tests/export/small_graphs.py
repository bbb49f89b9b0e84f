"""Graphs of a few operators of any shape, float or 8-bit, written without TensorFlow and quantizer."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.rewriting import new_operator
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.flatbuffer import Network

FLOAT, INT8 = schema.TensorType.FLOAT32, schema.TensorType.INT8
SCALE, ZERO = 0.05, 7


class Graph:
    """A network that grows operator by operator; every computed tensor of 8 bits has the same scale and zero point."""

    def __init__(self, kind: int, shape: tuple[int, ...], seed: int = 0) -> None:
        """Begin with the input `ldr` of that shape, quantized where `kind` is INT8."""
        empty = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
        self.network = Network(
            schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], subgraphs=[empty])
        )
        self._kind, self._generator = kind, np.random.default_rng(seed)
        self.picture = self._tensor("ldr", shape, FLOAT)
        self.shape = shape
        self.start = self.picture
        if kind == INT8:
            self.start = self.add("QUANTIZE", [self.picture], "picture", shape, "QuantizeOptions")

    def add(self, kind: str, inputs: list[int], name: str, shape: tuple[int, ...], options: str, **values: Any) -> int:
        """One operator; returns the index of what it computes."""
        result = self._tensor(name, shape, self._kind)
        self.network.operator_code(kind, {"CONV_2D": 5, "CONCATENATION": 2, "RESIZE_NEAREST_NEIGHBOR": 3}.get(kind, 1))
        self.network.operators.append(new_operator(self.network, kind, inputs, result, options, **values))
        return result

    def convolve(self, source: int, name: str, out: int, *, kernel: int = 1, stride: int = 1) -> int:
        """A convolution with random weights, SAME padding and a ReLU."""
        batch, height, width, channels = self.network.tensors[source].shape
        shape = (out, kernel, kernel, channels)
        weights, bias = self._generator.normal(0, 0.3, shape), self._generator.normal(0, 0.3, out)
        constants = [
            self._constant(f"{name}/kernel", weights, 0.01 + 0.01 * self._generator.random(out)),
            self._constant(f"{name}/bias", bias, None),
        ]
        if self._kind == INT8:
            of_kernel, of_bias = (self.network.tensors[index] for index in constants)
            scales = SCALE * np.array(of_kernel.quantization.scale)
            self.network.set_constant(constants[1], np.round(bias / scales).astype(np.int32))
            of_bias.type = schema.TensorType.INT32
            of_bias.quantization = _scheme(scales, np.zeros(out))
        sides = (batch, -(-height // stride), -(-width // stride), out)
        return self.add(
            "CONV_2D",
            [source, *constants],
            name,
            sides,
            "Conv2DOptions",
            padding=schema.Padding.SAME,
            strideH=stride,
            strideW=stride,
            fusedActivationFunction=schema.ActivationFunctionType.RELU,
        )

    def double(self, source: int, name: str) -> int:
        """A nearest-neighbour resize to twice the size."""
        batch, height, width, channels = self.network.tensors[source].shape
        size = self.network.add_constant(f"{name}/size", np.array((2 * height, 2 * width)))
        shape = (batch, 2 * height, 2 * width, channels)
        return self.add("RESIZE_NEAREST_NEIGHBOR", [source, size], name, shape, "ResizeNearestNeighborOptions")

    def join(self, sources: list[int], name: str) -> int:
        """A concatenation along the channels."""
        shapes = [self.network.tensors[index].shape for index in sources]
        shape = (*shapes[0][:3], sum(shape[3] for shape in shapes))
        return self.add("CONCATENATION", sources, name, shape, "ConcatenationOptions", axis=3)

    def finish(self, result: int) -> Network:
        """The network, with the output `hdr`."""
        self.network.tensors[result].name = "hdr"
        self.network.set_edges({"ldr": self.picture}, {"hdr": result})
        return self.network.copy()

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int) -> int:
        scheme = _scheme(np.array([SCALE]), np.array([ZERO])) if kind == INT8 else None
        self.network.tensors.append(
            schema.TensorT(name=name, shape=list(shape), type=kind, buffer=0, hasRank=True, quantization=scheme)
        )
        return len(self.network.tensors) - 1

    def _constant(self, name: str, value: np.ndarray, scales: np.ndarray | None) -> int:
        index = self._tensor(name, value.shape, FLOAT)
        if self._kind == INT8 and scales is not None:
            levels = np.round(value / scales.reshape(-1, 1, 1, 1))
            self.network.set_constant(index, np.clip(levels, -127, 127).astype(np.int8))
            self.network.tensors[index].type = INT8
            self.network.tensors[index].quantization = _scheme(scales, np.zeros(len(scales)))
        else:
            self.network.set_constant(index, value.astype(np.float32))
        return index


def _scheme(scales: np.ndarray, zeros: np.ndarray) -> Any:
    whole = [int(zero) for zero in zeros]
    return schema.QuantizationParametersT(scale=[float(s) for s in scales], zeroPoint=whole, quantizedDimension=0)


def outputs(network: Network, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """What it makes of a random picture, in [-2, 2]."""
    picture = np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)
    found: np.ndarray = run(open_interpreter(network.to_bytes()), {"ldr": picture})["hdr"]
    return found


def kinds(network: Network) -> list[str]:
    """Of all operators, in the order they run."""
    return [network.kind(operator) for operator in network.operators]
