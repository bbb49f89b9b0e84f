"""What rewrites of a file's operators have in common: new operators in place of old ones, constants made anew."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.tflite.flatbuffer import Network

CHANNELS = 3
"""The axis of the channels: tensors are (N, H, W, C)."""


class Insertion:
    """New operators in the order they run, which are to stand where old ones stood.

    Attributes:
        operators: those added so far; the network does not have them before `replace_operators`.
    """

    def __init__(self, network: Network, name: str) -> None:
        """Begin with none.

        Args:
            network: gets the new tensors at once.
            name: what the new tensors' names begin with.
        """
        self.operators: list[Any] = []
        self._network, self._name = network, name

    def tensor(self, label: str, shape: tuple[int, ...], like: int) -> int:
        """A new tensor with the type and the quantization of another."""
        return self._network.add_tensor(f"{self._name}/{label}", shape, like=like)

    def add(self, operator: Any) -> None:
        """An operator that was made elsewhere."""
        self.operators.append(operator)

    def view(self, index: int, shape: tuple[int, ...], result: int | None = None) -> int:
        """The same numbers in another shape: the delegate copies nothing where nobody else reads them.

        Args:
            index: what to look at, (N, H, W, C).
            shape: with as many numbers, -1 for the side that grows with the width: -1 pixels in a row, or (N, H, 1, -1)
                where a row is one long pixel. The file keeps the -1, by which `mqn.tflite.resize` knows.
            result: the tensor that it is to be; None makes one.
        """
        network = self._network
        if result is None:
            rest = math.prod(network.tensors[index].shape) // -math.prod(shape)
            whole = tuple(rest if side == -1 else side for side in shape)
            result = self.tensor(f"view_{len(self.operators)}", whole, like=index)
        constant = network.add_constant(f"{self._name}/shape_{len(self.operators)}", np.array(shape))
        self.add(new_operator(network, "RESHAPE", [index, constant], result, "ReshapeOptions", newShape=list(shape)))
        return result

    def join(self, indices: list[int], axis: int, result: int | None = None) -> int:
        """A concatenation of tensors with the same scale; into the tensor `result`, or a new one."""
        if result is None:
            shapes = [tuple(self._network.tensors[index].shape) for index in indices]
            along = sum(shape[axis] for shape in shapes)
            shape = (*shapes[0][:axis], along, *shapes[0][axis + 1 :])
            result = self.tensor(f"joined_{len(self.operators)}", shape, like=indices[0])
        self._network.operator_code("CONCATENATION", 2)  # Of 8-bit integers from version 2 on.
        self.add(new_operator(self._network, "CONCATENATION", list(indices), result, "ConcatenationOptions", axis=axis))
        return result

    def constant(self, index: int, value: np.ndarray, times: int) -> int:
        """A constant instead of another one, which others may share (every bias that is all zeros, say) and so stays.

        Args:
            index: the old constant, or what a dequantization of 16-bit floats makes of it; `stored` finds it.
            value: the new one.
            times: how often its channels repeat the old one's; scales per channel repeat likewise.

        Returns:
            The index to read instead.
        """
        network, holder = self._network, stored(self._network, index)
        assert holder is not None
        name = f"{self._name}/{network.tensors[holder].name}"
        new = network.add_tensor(name, value.shape, like=holder)
        network.set_constant(new, value)
        _repeat_scales(network.tensors[new], times)
        if holder == index:
            return new
        result = network.add_tensor(f"{name}/float", value.shape, like=index)
        self.add(new_operator(network, "DEQUANTIZE", [new], result, "DequantizeOptions"))
        return result

    def copying_kernel(self, kernel: np.ndarray, source: int) -> list[int]:
        """Kernel and bias of a convolution that copies numbers, those of 8-bit integers too: its scale is 1.

        Args:
            kernel: (out, height, width, in) float32 of ones and zeros, at most one 1 for an output channel.
            source: what it reads: float32 or int8.
        """
        network, read = self._network, self._network.tensors[source]
        indices, out = [], len(kernel)
        for label, value in (("kernel", kernel), ("bias", np.zeros(out, np.float32))):
            index = network.add_tensor(f"{self._name}/{label}_{len(self.operators)}", value.shape, like=source)
            if read.type == schema.TensorType.INT8:
                ones = label == "kernel"
                scale = [1.0] * out if ones else [read.quantization.scale[0]] * out
                scheme = schema.QuantizationParametersT(scale=scale, zeroPoint=[0] * out, quantizedDimension=0)
                network.tensors[index].type = schema.TensorType.INT8 if ones else schema.TensorType.INT32
                network.tensors[index].quantization = scheme
                value = value.astype(np.int8 if ones else np.int32)
            network.set_constant(index, value)
            indices.append(index)
        return indices


def replace_operators(network: Network, gone: list[Any], insertion: Insertion) -> None:
    """Put new operators where the last of some old ones stood, and take the old ones out."""
    leaving = {id(operator) for operator in gone}
    last = max(position for position, operator in enumerate(network.operators) if id(operator) in leaving)
    before = [operator for operator in network.operators[:last] if id(operator) not in leaving]
    network.graph.operators = [*before, *insertion.operators, *network.operators[last + 1 :]]


def new_operator(network: Network, kind: str, inputs: list[int], output: int, options: str, **values: Any) -> Any:
    """An operator that is not in the network yet, with its options by the schema's names."""
    return schema.OperatorT(
        opcodeIndex=network.operator_code(kind),
        inputs=inputs,
        outputs=[output],
        builtinOptionsType=getattr(schema.BuiltinOptions, options),
        builtinOptions=getattr(schema, f"{options}T")(**values),
    )


def copy_operator(operator: Any, inputs: list[int], output: int) -> Any:
    """An operator like another one between other tensors, with options of its own."""
    options = operator.builtinOptions
    return schema.OperatorT(
        opcodeIndex=operator.opcodeIndex,
        inputs=inputs,
        outputs=[output],
        builtinOptionsType=operator.builtinOptionsType,
        builtinOptions=None if options is None else type(options)(**vars(options)),
    )


def uses(network: Network, index: int) -> int:
    """How many operators and outputs of the network read a tensor; one that reads it twice counts once."""
    return sum(index in operator.inputs for operator in network.operators) + (index in network.graph.outputs)


def stored(network: Network, index: int) -> int | None:
    """The tensor that holds a constant: itself, or what is read to dequantize 16-bit floats; None: there is none."""
    if network.constant(index) is not None:
        return index
    producer = network.producer(index)
    if producer is not None and network.kind(producer) == "DEQUANTIZE":
        return int(producer.inputs[0]) if network.constant(producer.inputs[0]) is not None else None
    return None


def value_of(network: Network, index: int) -> np.ndarray:
    """What `stored` finds, as an array; for a constant that is known to be one."""
    holder = stored(network, index)
    assert holder is not None
    return network.value(holder)


def _repeat_scales(tensor: Any, times: int) -> None:
    """Give a tensor the same scales for every copy of its channels; one scale for all stays one."""
    scheme = tensor.quantization
    if scheme is None or scheme.scale is None or len(scheme.scale) <= 1:
        return
    tensor.quantization = schema.QuantizationParametersT(
        scale=list(scheme.scale) * times,
        zeroPoint=list(scheme.zeroPoint) * times,
        quantizedDimension=scheme.quantizedDimension,
    )
