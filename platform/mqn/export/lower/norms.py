"""Instance norm with fewer passes over the picture, and each of them over long rows.

TensorFlow writes an instance norm as a mean, squared differences from it, their mean, a product, a sum and a ReLU.
XNNPACK goes through such operators row by row, a row being as long as the smaller operand: the head has 12 and 6
channels, and most of the time goes into beginning rows. Three rewrites:

- the variance is the mean of the squares less the square of the mean. The delegate computes a mean of squares in one
  pass, where squared differences are written to memory and read again;
- a mean over height and width is one over the height, in rows of width x channels numbers, then one of a single row;
- a scale or a shift, one number a channel, becomes a row of width x channels numbers before it meets the picture.

The variance loses digits where a channel's mean is far larger than its spread: the relative error grows with the square
of their ratio, from 1e-7. It is never negative, and the norm's epsilon stands beside it. All else is the same numbers
up to the order of sums. Where they are quantized again (8-bit convolutions between the norms), a number that lies
between two steps may go to the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.rewriting import new_operator
from mqn.tflite.flatbuffer import Network

_HEIGHT, _WIDTH = 1, 2
_BINARY = ("ADD", "MUL", "SUB")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The operators that measure what an instance norm divides by."""

    mean: Any
    difference: Any
    variance: Any

    def __contains__(self, operator: Any) -> bool:
        return any(operator is own for own in (self.mean, self.difference, self.variance))


def lengthen_norms(network: Network) -> int:
    """Rewrite every instance norm of a network, whose norms are in float, in place. Returns how many there were."""
    places = [place for operator in network.operators if (place := _match(network, operator)) is not None]
    for place in places:
        _rewrite(network, place)
    if places:
        network.drop_unused()
    return len(places)


def _match(network: Network, difference: Any) -> _Place | None:
    if network.kind(difference) != "SQUARED_DIFFERENCE":
        return None
    source, centre = difference.inputs
    mean = network.producer(centre)
    readers = [operator for operator in network.operators if difference.outputs[0] in operator.inputs]
    if mean is None or len(readers) != 1 or difference.outputs[0] in network.graph.outputs:
        return None
    if mean.inputs[0] != source or network.tensors[source].type != schema.TensorType.FLOAT32:
        return None
    if not all(_averages_plane(network, operator) for operator in (mean, readers[0])):
        return None
    return _Place(mean=mean, difference=difference, variance=readers[0])


def _averages_plane(network: Network, operator: Any) -> bool:
    if network.kind(operator) != "MEAN" or not operator.builtinOptions.keepDims:
        return False
    axes = network.constant(operator.inputs[1])
    return axes is not None and {int(axis) % 4 for axis in axes.ravel()} == {_HEIGHT, _WIDTH}


def _rewrite(network: Network, place: _Place) -> None:
    source = place.mean.inputs[0]
    batch, height, width, channels = network.tensors[source].shape
    folder = network.tensors[place.variance.outputs[0]].name
    whole, row, single = (batch, height, width, channels), (batch, 1, width, channels), (batch, 1, 1, channels)

    def tensor(name: str, shape: tuple[int, ...]) -> int:
        return network.add_tensor(f"{folder}/{name}", shape, like=source)

    rows, zeros = tensor("rows", row), tensor("zeros", row)
    statistics = _measure(network, place, tensor, (whole, row, single), rows)
    # Their values are nothing; their shape is a row's, at any size that the network is given later.
    statistics.append(new_operator(network, "SUB", [rows, rows], zeros, "SubOptions"))

    operators: list[Any] = []
    pictures = {source}
    for operator in network.operators:
        if operator is place.mean:
            operators += statistics
        if operator in place:
            continue
        if network.kind(operator) in _BINARY and pictures & set(operator.inputs):
            for position, index in enumerate(operator.inputs):
                if tuple(network.tensors[index].shape) == single and network.constant(index) is None:
                    operator.inputs[position] = tensor(f"row_of_{len(operators)}", row)
                    spread = [zeros, index], operator.inputs[position]
                    operators.append(new_operator(network, "ADD", *spread, "AddOptions"))
                    pictures.add(operator.outputs[0])
        operators.append(operator)
    network.graph.operators = operators


def _measure(network: Network, place: _Place, tensor: Any, shapes: tuple[tuple[int, ...], ...], rows: int) -> list[Any]:
    """Mean and variance in the tensors that held them before; `rows` is the mean over the height."""
    whole, row, single = shapes
    source, centre, variance = place.mean.inputs[0], place.mean.outputs[0], place.variance.outputs[0]
    folder = network.tensors[variance].name
    axes = {axis: network.add_constant(f"{folder}/axis_{axis}", np.array([axis])) for axis in (_HEIGHT, _WIDTH)}

    def mean(index: int, axis: int, result: int) -> Any:
        return new_operator(network, "MEAN", [index, axes[axis]], result, "ReducerOptions", keepDims=True)

    squares, squared_rows = tensor("squares", whole), tensor("squared_rows", row)
    of_squares, of_centre = tensor("mean_of_squares", single), tensor("square_of_mean", single)
    not_negative = schema.ActivationFunctionType.RELU
    return [
        mean(source, _HEIGHT, rows),
        mean(rows, _WIDTH, centre),
        new_operator(network, "SQUARE", [source], squares, "SquareOptions"),
        mean(squares, _HEIGHT, squared_rows),
        mean(squared_rows, _WIDTH, of_squares),
        new_operator(network, "SQUARE", [centre], of_centre, "SquareOptions"),
        new_operator(
            network, "SUB", [of_squares, of_centre], variance, "SubOptions", fusedActivationFunction=not_negative
        ),
    ]
