"""Cross-layer equalisation: channels of features that share one range are brought to reach about equally far.

A tensor of 8-bit features has one scale. Where one channel reaches to 50 and its neighbour to 1, the neighbour has five
values left. What stands in front of a convolution may be divided channel by channel, if its kernel is multiplied
likewise: in float the same network, behind a ReLU too. After section 4.1 of Nagel et al., "Data-Free Quantization
Through Weight Equalization and Bias Correction" (2019), with what channels reach over calibration pictures in place of
the producer's weights: behind a batch norm, weights tell nothing of how far outliers go.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.quantize.correction import CHANNEL_AXIS
from mqn.export.quantize.statistics import TensorStatistics, measure_statistics
from mqn.tflite.flatbuffer import Network

_HOMOGENEOUS = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
_ENLARGEMENTS = ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR")
_METADATA = "mqn_channel_factors"
_MOST = 32.0
"""The most that a channel is divided or multiplied by: those that hardly ever speak would swell their weights."""
# What is brought about for one link is disturbed by the next, whose factors change the same kernel: less every time.
_MOST_SWEEPS, _SETTLED = 30, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Channels on their way from one convolution to the next, which nothing else reads.

    Attributes:
        producer: the convolution's place among the network's operators.
        consumer: likewise.
        passed: the tensors on the way and the channels' first place in each, from the producer's output to what the
            consumer reads.
        channels: how many.
    """

    producer: int
    consumer: int
    passed: tuple[tuple[int, int], ...]
    channels: int

    def place(self) -> slice:
        """The channels in what the consumer reads."""
        start = self.passed[-1][1]
        return slice(start, start + self.channels)


def equalize(network: Network, pictures: np.ndarray) -> Network:
    """Equalise all links of a network. The last network and pictures are remembered.

    Args:
        network: a float one; stays as it is.
        pictures: (N, S, S, 3) float32 LDR inputs in [0, 1], N at least 1.

    Returns:
        The same function, up to rounding; `channel_factors` tells what became of its features. Equalising twice is
        equalising once.
    """
    digest = hashlib.sha256(network.to_bytes())
    digest.update(np.ascontiguousarray(pictures).data)
    if _last.get("key") != digest.digest():
        _last.update(key=digest.digest(), network=_equalized(network, pictures))
    return _last["network"].copy()


_last: dict[str, Any] = {}


def _equalized(network: Network, pictures: np.ndarray) -> Network:
    links = find_links(network)
    equalized = network.copy()
    if links:
        statistics = measure_statistics(network, pictures, {link.passed[-1][0] for link in links})
        reaches = {name: _reach(tensor) for name, tensor in statistics.items()}
        divided: dict[str, np.ndarray] = {}
        for _ in range(_MOST_SWEEPS):
            furthest = max(_sweep(equalized, link, reaches, divided) for link in links)
            if furthest < _SETTLED:
                break
        _write_factors(equalized, divided)
    return equalized


def channel_factors(network: Network, tensor: str) -> np.ndarray:
    """What each channel of a tensor has to be multiplied by to be as it was before equalisation.

    Quantizing, cutting and lowering leave it in the file, so that features can be compared with the trained network's.
    Returns (C,) float32; (1,) of ones for a tensor that was left as it was.
    """
    return np.asarray(_read_factors(network).get(tensor, [1.0]), np.float32)


def _read_factors(network: Network) -> dict[str, list[float]]:
    content = network.metadata(_METADATA)
    told: dict[str, list[float]] = json.loads(content) if content else {}
    return told


def _write_factors(network: Network, divided: Mapping[str, np.ndarray]) -> None:
    told = {name: np.asarray(factors) for name, factors in _read_factors(network).items()}
    for name, factors in divided.items():
        told[name] = told.get(name, 1) * factors
    content = json.dumps({name: [float(f"{factor:.6g}") for factor in told[name]] for name in sorted(told)})
    network.set_metadata(_METADATA, content.encode())


def _sweep(network: Network, link: Link, reaches: dict[str, np.ndarray], divided: dict[str, np.ndarray]) -> float:
    """Equalise one link in place; gives how far the factors are from 1, which neighbouring links may bring back."""
    read = network.tensors[link.passed[-1][0]]
    before = divided.setdefault(read.name, np.ones(read.shape[-1], np.float32))[link.place()].copy()
    consumer = network.operators[link.consumer]
    wanted = _factors(reaches[read.name], network.value(consumer.inputs[1]), link.place())
    factors = np.clip(before * wanted, 1 / _MOST, _MOST) / before
    _divide_outputs(network, network.operators[link.producer], factors)
    _multiply_inputs(network, consumer, link.place(), factors)
    reaches[read.name][link.place()] /= factors
    for index, start in link.passed:
        tensor = network.tensors[index]
        whole = divided.setdefault(tensor.name, np.ones(tensor.shape[-1], np.float32))
        whole[start : start + link.channels] = before * factors
    return float(np.abs(np.log(factors)).max())


def find_links(network: Network) -> list[Link]:
    """Every link from a convolution with no activation or a ReLU, through enlargements and concatenations, to one."""
    readers = Counter(index for operator in network.operators for index in operator.inputs)
    readers.update(network.outputs().values())
    producers = {operator.outputs[0]: place for place, operator in enumerate(network.operators)}

    def walk(consumer: int, index: int, place: int, passed: tuple[tuple[int, int], ...]) -> Iterator[Link]:
        """Go back from a tensor whose channels stand at `place` in what was passed before."""
        if readers[index] != 1 or index not in producers:
            return
        operator, kind = network.operators[producers[index]], network.kind(network.operators[producers[index]])
        # Channels that start at 0 here start further back in what they are put into.
        moved = ((index, 0), *((other, start + place) for other, start in passed))
        if kind in CHANNEL_AXIS and operator.builtinOptions.fusedActivationFunction in _HOMOGENEOUS:
            if all(readers[constant] == 1 for constant in operator.inputs[1:]):
                channels = network.tensors[index].shape[-1]
                yield Link(producer=producers[index], consumer=consumer, passed=moved, channels=channels)
        elif kind in _ENLARGEMENTS:
            yield from walk(consumer, operator.inputs[0], 0, moved)
        elif kind == "CONCATENATION" and operator.builtinOptions.axis in (3, -1):
            start = 0
            for part in operator.inputs:
                yield from walk(consumer, part, start, moved)
                start += network.tensors[part].shape[-1]

    return [
        link
        for place, operator in enumerate(network.operators)
        if network.kind(operator) == "CONV_2D" and readers[operator.inputs[1]] == 1
        # A kernel of groups has no column for every channel.
        if network.tensors[operator.inputs[1]].shape[3] == network.tensors[operator.inputs[0]].shape[3]
        for link in walk(place, operator.inputs[0], 0, ())
    ]


def _reach(tensor: TensorStatistics) -> np.ndarray:
    """How far each channel reaches from zero, (C,)."""
    assert tensor.channel_lows is not None
    assert tensor.channel_highs is not None
    return np.maximum(np.abs(tensor.channel_lows), np.abs(tensor.channel_highs)).astype(np.float64)


def _factors(reach: np.ndarray, kernel: np.ndarray, place: slice) -> np.ndarray:
    """What to divide channels by: the root of how far they reach over how large the weights are that read them.

    Then a channel and its weights have the same share of their tensors' ranges, which is best for the product. All
    relative to the channels beside them that stay, for example those of the picture.

    Args:
        reach: (C,) of all channels that are read.
        kernel: (out, height, width, C) that reads them.
        place: those that may be divided.
    """
    weights = np.abs(kernel).max(axis=(0, 1, 2)).astype(np.float64)
    speaking = (reach > 0) & (weights > 0)
    roots = np.sqrt(np.divide(reach, weights, out=np.ones_like(reach), where=speaking))
    beside = speaking.copy()
    beside[place] = False
    yardstick = beside if beside.any() else speaking
    if not yardstick.any():
        return np.ones_like(reach[place])
    factors = roots / np.exp(np.log(roots[yardstick]).mean())
    factors[~speaking] = 1
    return np.asarray(factors[place])


def _divide_outputs(network: Network, operator: Any, factors: np.ndarray) -> None:
    _, kernel_index, bias_index = operator.inputs
    kernel, bias = network.value(kernel_index), network.value(bias_index)
    shape = np.ones(kernel.ndim, int)
    shape[CHANNEL_AXIS[network.kind(operator)]] = -1
    network.set_constant(kernel_index, (kernel / factors.reshape(shape)).astype(np.float32))
    network.set_constant(bias_index, (bias / factors).astype(np.float32))


def _multiply_inputs(network: Network, operator: Any, place: slice, factors: np.ndarray) -> None:
    stretched = network.value(operator.inputs[1]).copy()
    stretched[..., place] *= factors.astype(np.float32)
    network.set_constant(operator.inputs[1], stretched)
