"""The grids that a plan's integers stand for, layer by layer of the twin: what fine-tuning has to live with.

A grid is taken from calibration, as any plan's is, and stays as it is while weights move on it. So a fine-tuned file
has the scales, the shared ranges and therefore the operators and the latency of the file that was only calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mqn.errors import ExportError, PlanError
from mqn.export.quantize.calibration import CalibrationReport, calibrate
from mqn.export.quantize.correction import CHANNEL_AXIS
from mqn.export.quantize.equalization import equalize
from mqn.export.quantize.schemes import activation_levels, weight_levels
from mqn.export.quantize.statistics import measure_statistics
from mqn.records import Plan
from mqn.tflite.flatbuffer import Network

Ranges = Mapping[str, Mapping[str, np.ndarray]]

# TFLite's kernels, (out, h, w, in) and depthwise (1, h, w, channels), have that axis first which Keras has last.
KERAS_FROM_TFLITE = (1, 2, 3, 0)
TFLITE_FROM_KERAS = (3, 0, 1, 2)

_FIXED_LOW = {"LOGISTIC": 0.0, "TANH": -1.0}
"""Operators whose integers stand for the same values whatever was calibrated, to the least of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGrid:
    """The grid of one layer.

    Attributes:
        bounds: largest weight of each channel; None where the kernel stays in float.
        weight_levels: the integer that stands for it: 127 or 7.
        means: of each channel that the layer reads, by which its bias takes back what rounding the kernel shifts; None
            where the scheme is not static: no bias is corrected.
        low: smallest value of the output that has an integer.
        high: largest; equal to `low` where the output stays in float.
        bits: of the output's integers.
    """

    bounds: tuple[float, ...] | None = None
    weight_levels: int = 127
    means: tuple[float, ...] | None = None
    low: float = 0.0
    high: float = 0.0
    bits: int = 8

    @property
    def has_output(self) -> bool:
        """Whether the output becomes integers."""
        return self.high > self.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Grids:
    """All grids of a plan.

    Attributes:
        network: the float network with equalised channels, biases not yet corrected: where fine-tuning starts.
        layers: by the name of the twin's layer; layers that stay in float are left out.
        ranges: the same in the form that ai-edge-quantizer takes, by the names of the float file's tensors.
        report: how they were found.
    """

    network: Network
    layers: dict[str, LayerGrid]
    ranges: Ranges
    report: CalibrationReport | None


def find_grids(
    network: Network, schemes: Sequence[str], plan: Plan, pictures: np.ndarray, operators: Mapping[str, Any]
) -> Grids:
    """Calibrate a plan and say what it means for the twin.

    Args:
        network: the float network, whole; stays as it is.
        schemes: of its operators, as `mqn.export.quantize.rules.assign` gives them.
        plan: says how to calibrate.
        pictures: (N, S, S, 3) float32 in [0, 1].
        operators: the convolution of every layer, as `convolutions` gives them.
    """
    _, ranges, report = calibrate(network, schemes, plan, pictures)
    equalized = equalize(network, pictures)
    scheme_of = {operator.outputs[0]: scheme for operator, scheme in zip(network.operators, schemes, strict=True)}
    outputs = _integer_outputs(network, schemes)
    layers = {
        name: _output_grid(*outputs[name], found["min"][0], found["max"][0])
        for name, found in ranges.items()
        if name in outputs
    }
    means = _means(equalized, schemes, pictures)
    for layer, operator in operators.items():
        found = ranges.get(network.tensors[operator.inputs[1]].name)
        scheme = scheme_of[operator.outputs[0]]
        if found is None or not scheme.startswith(("static", "dynamic")):
            continue
        output = layers.get(layer, LayerGrid())
        layers[layer] = LayerGrid(
            bounds=tuple(float(bound) for bound in found["max"].ravel()),
            weight_levels=weight_levels(scheme),
            means=means[operator.inputs[0]] if scheme.startswith("static") else None,
            low=output.low,
            high=output.high,
            bits=output.bits,
        )
    return Grids(network=equalized, layers=layers, ranges=ranges, report=report)


def _means(network: Network, schemes: Sequence[str], pictures: np.ndarray) -> dict[int, tuple[float, ...]]:
    """Mean of every channel that a static convolution reads, by the tensor's index."""
    read = {
        operator.inputs[0]
        for operator, scheme in zip(network.operators, schemes, strict=True)
        if network.kind(operator) in CHANNEL_AXIS and scheme.startswith("static")
    }
    statistics = measure_statistics(network, pictures, read)
    found = {index: statistics[network.tensors[index].name].channel_means for index in read}
    return {index: tuple(map(float, means)) for index, means in found.items() if means is not None}


def _integer_outputs(network: Network, schemes: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Name of every tensor that a static operator computes, to the operator's kind and the bits of the integers.

    The network's input is left out: its values are k / 255, which lie on the grid as they are.
    """
    return {
        network.tensors[index].name: (network.kind(operator), (activation_levels(scheme) + 1).bit_length() - 1)
        for operator, scheme in zip(network.operators, schemes, strict=True)
        if scheme.startswith("static")
        for index in operator.outputs
    }


def _output_grid(kind: str, bits: int, low: float, high: float) -> LayerGrid:
    if kind in _FIXED_LOW:
        # The runtime's own: 0 to 255/256 and -1 to 127/128 in 8 bits, 32768 steps up to 1 in 16.
        step = (1 - _FIXED_LOW[kind]) / 2**bits if bits == 8 else 1 / 2 ** (bits - 1)
        low, high = _FIXED_LOW[kind], 1 - step
    return LayerGrid(low=float(low), high=float(high), bits=bits)


def convolutions(network: Network, followers: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Find the file's operator for every convolution of the twin.

    An activation is fused into the operator, whose output then has the name of the layer that reads the convolution:
    `followers` has these names (`mqn.export.tune.qat_weights.followers_of`).

    Raises:
        ExportError: a convolution is not in the file.
        PlanError: one has groups.
    """
    computed = {
        network.tensors[operator.outputs[0]].name: operator
        for operator in network.operators
        if network.kind(operator) in CHANNEL_AXIS
    }
    found = {}
    for layer, readers in followers.items():
        names = [name for name in (layer, *readers) if name in computed]
        if not names:
            raise ExportError(f"the float file has no convolution {layer!r}; convert its checkpoint again")
        found[layer] = computed[names[0]]
        picture, kernel, _ = (network.tensors[index] for index in found[layer].inputs)
        if network.kind(found[layer]) == "CONV_2D" and kernel.shape[3] != picture.shape[3]:
            raise PlanError(f"method qat knows no convolutions of groups, and {layer} is one; take method ptq")
    return found


def write_weights(network: Network, layer: str, operator: Any, kernel: np.ndarray, bias: np.ndarray) -> None:
    """Give a convolution a kernel and a bias of its own, in place: the converter lets operators share equal constants.

    The kernel is in Keras's layout. The new constants are named for the twin's layer; the old ones are left for
    `drop_unused`.
    """
    picture, old_kernel, old_bias = operator.inputs
    stored = kernel.transpose(TFLITE_FROM_KERAS)
    new_kernel = network.add_tensor(f"tuned/{layer}/kernel", stored.shape, like=old_kernel)
    new_bias = network.add_tensor(f"tuned/{layer}/bias", bias.shape, like=old_bias)
    network.set_constant(new_kernel, stored.astype(np.float32))
    network.set_constant(new_bias, bias.astype(np.float32))
    operator.inputs = [picture, new_kernel, new_bias]
