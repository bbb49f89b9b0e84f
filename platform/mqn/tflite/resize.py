"""The same network for another picture size: identical weights and scales, other shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.errors import ExportError
from mqn.tflite.cutting import INPUT
from mqn.tflite.facts import FIXED_SIZE, read_facts
from mqn.tflite.flatbuffer import Network

Shape = tuple[int, ...]


def retarget(source: Path, target: Path, height: int, width: int) -> Path:
    """Write a file's network for pictures of another size.

    Args:
        source: a file of ours, float or quantized, whole or a part.
        target: where the other one goes.
        height: of the input, a multiple of the network's stride.
        width: likewise.

    Returns:
        `target`. Its picture has the new height and width; features that it takes beside it keep their share of it,
        or their size where that is the same for every picture.

    Raises:
        ExportError: the network does not take the size, or the file has an operator that this does not know.
        ModelFileError: the file is missing or damaged.
    """
    network = Network.read(source)
    stride = read_facts(network).stride
    if min(height, width) < stride or height % stride or width % stride:
        raise ExportError(f"{height} x {width} is no size that the network takes; give multiples of {stride} pixels")
    resize_network(network, height, width)
    return network.write(target)


def resize_network(network: Network, height: int, width: int) -> None:
    """Change a network's shapes in place; see `retarget`."""
    shapes: dict[int, Shape] = {}
    inputs = network.inputs()
    # A head's features may be smaller than the picture that it also takes.
    picture = inputs.get(INPUT, network.graph.inputs[0])
    _, tall, wide, _ = network.tensors[picture].shape
    fixed = read_facts(network).fixed_interface
    for index in network.graph.inputs:
        if fixed and index != picture:
            continue
        batch, rows, columns, channels = network.tensors[index].shape
        shapes[index] = (batch, rows * height // tall, columns * width // wide, channels)
    for operator in network.operators:
        kind = network.kind(operator)
        if kind not in RULES:
            known = ", ".join(sorted(RULES))
            raise ExportError(f"{network.tensors[operator.outputs[0]].name}: cannot resize {kind}; known: {known}")
        given = [shapes.get(i, _shape(network, i)) for i in operator.inputs if i >= 0]
        shapes |= dict.fromkeys(operator.outputs, RULES[kind](network, operator, given))
    for index, shape in shapes.items():
        network.tensors[index].shape = list(shape)
        network.tensors[index].shapeSignature = None


def _shape(network: Network, index: int) -> Shape:
    shape = network.tensors[index].shape
    return () if shape is None else tuple(shape)


def _broadcast(_network: Network, _operator: Any, given: list[Shape]) -> Shape:
    return tuple(int(side) for side in np.broadcast_shapes(*given))


def _convolve(network: Network, operator: Any, given: list[Shape]) -> Shape:
    options = operator.builtinOptions
    sides, kernel = given[0][1:3], given[1]
    channels = kernel[3] if network.kind(operator) == "DEPTHWISE_CONV_2D" else kernel[0]
    before = _shape(network, operator.inputs[0])[1]
    if options.dilationHFactor * kernel[1] == before != kernel[1]:
        # The taps of such a kernel lie in pictures that stand one below the other (`mqn.export.lower.phases`).
        options.dilationHFactor = options.dilationHFactor * sides[0] // before
    reach = (options.dilationHFactor * (kernel[1] - 1) + 1, options.dilationWFactor * (kernel[2] - 1) + 1)
    return (given[0][0], *_windows(sides, reach, options), channels)


def _convolve_transposed(network: Network, operator: Any, given: list[Shape]) -> Shape:
    """The size of what comes out is a constant of the file: it keeps what the kernel gives beyond `stride` times."""
    options, (batch, height, width, _) = operator.builtinOptions, given[2]
    _, tall, wide, channels = _shape(network, operator.outputs[0])
    before = _shape(network, operator.inputs[2])
    shape = (
        batch,
        tall + options.strideH * (height - before[1]),
        wide + options.strideW * (width - before[2]),
        channels,
    )
    network.set_constant(operator.inputs[0], np.array(shape, dtype=np.int32))
    return shape


def _pool(_network: Network, operator: Any, given: list[Shape]) -> Shape:
    options, (batch, *sides, channels) = operator.builtinOptions, given[0]
    return (batch, *_windows(sides, (options.filterHeight, options.filterWidth), options), channels)


def _windows(sides: Sequence[int], reach: tuple[int, int], options: Any) -> list[int]:
    """How many windows of a size there are along height and width."""
    strides = (options.strideH, options.strideW)
    if options.padding == schema.Padding.SAME:
        return [math.ceil(side / stride) for side, stride in zip(sides, strides, strict=True)]
    return [(side - size) // stride + 1 for side, size, stride in zip(sides, reach, strides, strict=True)]


def _pad(network: Network, operator: Any, given: list[Shape]) -> Shape:
    amounts = network.constant(operator.inputs[1])
    assert amounts is not None
    return tuple(side + int(sum(amount)) for side, amount in zip(given[0], amounts, strict=True))


def _reduce(network: Network, operator: Any, given: list[Shape]) -> Shape:
    axes = network.constant(operator.inputs[1])
    assert axes is not None
    gone = {int(axis) % len(given[0]) for axis in axes.ravel()}
    if not operator.builtinOptions.keepDims:
        return tuple(side for axis, side in enumerate(given[0]) if axis not in gone)
    return tuple(1 if axis in gone else side for axis, side in enumerate(given[0]))


def _concatenate(_network: Network, operator: Any, given: list[Shape]) -> Shape:
    axis = operator.builtinOptions.axis % len(given[0])
    return (*given[0][:axis], sum(shape[axis] for shape in given), *given[0][axis + 1 :])


def _scale(network: Network, operator: Any, given: list[Shape]) -> Shape:
    """A resize keeps its factor, if its size is not a fixed one; the size is a constant of the file."""
    if network.tensors[operator.inputs[1]].name.startswith(FIXED_SIZE):
        return _shape(network, operator.outputs[0])
    before, after = _shape(network, operator.inputs[0]), _shape(network, operator.outputs[0])
    batch, height, width, channels = given[0]
    size = (height * after[1] // before[1], width * after[2] // before[2])
    network.set_constant(operator.inputs[1], np.array(size, dtype=np.int32))
    return (batch, *size, channels)


def _depth_to_space(_network: Network, operator: Any, given: list[Shape]) -> Shape:
    batch, height, width, channels = given[0]
    block = operator.builtinOptions.blockSize
    return (batch, block * height, block * width, channels // block**2)


def _split(network: Network, operator: Any, given: list[Shape]) -> Shape:
    """Into equal parts along one axis."""
    axis = network.constant(operator.inputs[0])
    assert axis is not None
    parts, along = operator.builtinOptions.numSplits, int(axis.item()) % len(given[1])
    return tuple(side // parts if place == along else side for place, side in enumerate(given[1]))


def _transpose(network: Network, operator: Any, given: list[Shape]) -> Shape:
    order = network.constant(operator.inputs[1])
    assert order is not None
    return tuple(given[0][axis] for axis in order)


def _slice(network: Network, operator: Any, given: list[Shape]) -> Shape:
    """Places count from the start or, where negative, from the end; those that a mask names are the ends."""
    begin, end, step = (network.constant(index) for index in operator.inputs[1:])
    assert begin is not None
    assert end is not None
    assert step is not None
    options = operator.builtinOptions
    assert not options.ellipsisMask | options.newAxisMask | options.shrinkAxisMask
    return tuple(
        len(range(side)[_place(begin, axis, options.beginMask) : _place(end, axis, options.endMask) : int(step[axis])])
        for axis, side in enumerate(given[0])
    )


def _place(places: np.ndarray, axis: int, mask: int) -> int | None:
    return None if mask >> axis & 1 else int(places[axis])


def _view(network: Network, operator: Any, given: list[Shape]) -> Shape:
    """Rows stay rows; what grows with the width is -1 in the stored shape."""
    stored = network.constant(operator.inputs[1])
    assert stored is not None
    before = _shape(network, operator.inputs[0])
    rows = given[0][1] * int(stored[1]) // before[1]
    shape = np.array([stored[0], rows, *stored[2:]], dtype=np.int32)
    network.set_constant(operator.inputs[1], shape)
    if operator.builtinOptions is not None:  # Some converters give the shape once, others twice.
        operator.builtinOptions.newShape = shape.tolist()
    rest = math.prod(given[0]) // -math.prod(shape.tolist())
    return tuple(rest if side == -1 else side for side in shape.tolist())


def _gather(_network: Network, operator: Any, given: list[Shape]) -> Shape:
    """Along an axis of the first tensor, by places in the second."""
    options, (source, places) = operator.builtinOptions, given
    return (*source[: options.axis], *places[options.batchDims :], *source[options.axis + 1 :])


Rule = Callable[[Network, Any, list[Shape]], Shape]
_ELEMENTWISE = (
    "ADD", "SUB", "MUL", "SQUARE", "SQUARED_DIFFERENCE", "RSQRT", "LOGISTIC", "TANH", "RELU", "RELU6", "QUANTIZE",
    "DEQUANTIZE", "DIV", "ELU", "LEAKY_RELU", "MAXIMUM", "MINIMUM", "RELU_0_TO_1", "EXP", "LOG", "ABS", "SQRT", "FLOOR",
    "CAST",
)  # fmt: skip
RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, _broadcast),
    "CONV_2D": _convolve,
    "DEPTHWISE_CONV_2D": _convolve,
    "TRANSPOSE_CONV": _convolve_transposed,
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _pool),
    "PAD": _pad,
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX"), _reduce),
    "CONCATENATION": _concatenate,
    "RESIZE_NEAREST_NEIGHBOR": _scale,
    "RESIZE_BILINEAR": _scale,
    "DEPTH_TO_SPACE": _depth_to_space,
    "SPLIT": _split,
    "TRANSPOSE": _transpose,
    "STRIDED_SLICE": _slice,
    "RESHAPE": _view,
    "GATHER": _gather,
}
