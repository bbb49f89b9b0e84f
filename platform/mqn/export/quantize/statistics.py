"""What the tensors of a float network hold over calibration pictures: one pass, everything that ranges are made of.

The last network and pictures that were looked at are remembered, so that a further plan for them needs no further pass.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mqn.export.quantize.correction import CHANNEL_AXIS
from mqn.infer.interpreter import open_interpreter
from mqn.tflite.cutting import INPUT
from mqn.tflite.flatbuffer import Network

_SAMPLED_VALUES = 8192
"""Of each tensor and picture: percentiles and mean squared errors do not want every pixel of every feature map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorStatistics:
    """One tensor over N pictures.

    Attributes:
        lows: (N,) smallest value in each picture.
        highs: (N,) largest.
        samples: (M,) float32, some of the values of every picture.
        channel_lows: (C,) smallest value of each channel over all pictures; None but for what a convolution reads.
        channel_highs: (C,) largest; likewise.
        channel_means: (C,) mean; likewise.
    """

    lows: np.ndarray
    highs: np.ndarray
    samples: np.ndarray
    channel_lows: np.ndarray | None = None
    channel_highs: np.ndarray | None = None
    channel_means: np.ndarray | None = None


_last: dict[str, dict[str, TensorStatistics]] = {}
"""What is known of one network on certain pictures: by their hash, then by the tensor's name."""


def measure_statistics(
    network: Network, pictures: np.ndarray, tensors: Iterable[int] | None = None
) -> dict[str, TensorStatistics]:
    """Run a float network on pictures and look at its tensors, but for those that are known from the last time.

    Args:
        network: a float one with input `ldr`.
        pictures: (N, S, S, 3) float32 in [0, 1], N at least 1.
        tensors: which, by index; None: every one that is computed, and the input. Constants are never looked at: the
            quantizer does that itself, channel by channel.
    """
    picture = network.inputs()[INPUT]
    watched = network.computed() | {picture}
    if tensors is not None:
        watched &= set(tensors)
    names = {index: network.tensors[index].name for index in sorted(watched)}
    content = network.to_bytes()
    digest = hashlib.sha256(content)
    digest.update(np.ascontiguousarray(pictures).data)
    if digest.hexdigest() not in _last:
        _last.clear()
    known = _last.setdefault(digest.hexdigest(), {})
    missing = [index for index, name in names.items() if name not in known]
    if missing:
        convolved = {operator.inputs[0] for operator in network.operators if network.kind(operator) in CHANNEL_AXIS}
        gathered = {index: _Gathered(channels=index in convolved) for index in missing}
        _run(content, picture, pictures, gathered)
        known |= {names[index]: tensor.result() for index, tensor in gathered.items()}
    return {name: known[name] for name in names.values()}


def _run(content: bytes, picture: int, pictures: np.ndarray, gathered: dict[int, _Gathered]) -> None:
    with warnings.catch_warnings():  # LiteRT warns that keeping every tensor takes memory, which is what is wanted.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = open_interpreter(content, preserve=True)
    for one in pictures:
        interpreter.set_tensor(picture, one[None])
        interpreter.invoke()
        for index, tensor in gathered.items():
            tensor.add(interpreter.get_tensor(index))


class _Gathered:
    """Gathers one tensor's statistics picture by picture."""

    def __init__(self, *, channels: bool) -> None:
        self._by_channel = channels
        self._lows: list[np.ndarray] = []
        self._highs: list[np.ndarray] = []
        self._means: list[np.ndarray] = []
        self._samples: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        channels = values.shape[-1]
        stride = max(1, values.size // _SAMPLED_VALUES)
        while math.gcd(stride, values.size) > 1:  # Every channel, column and row has its turn.
            stride += 1
        self._samples.append(values.reshape(-1)[::stride].copy())
        if self._by_channel:
            # Along whole rows first: a few channels at a time would take four times as long.
            rows = values.reshape(values.shape[1], -1)
            self._lows.append(rows.min(axis=0).reshape(-1, channels).min(axis=0))
            self._highs.append(rows.max(axis=0).reshape(-1, channels).max(axis=0))
            self._means.append(rows.mean(axis=0).reshape(-1, channels).mean(axis=0))
        else:
            self._lows.append(values.min(keepdims=True).reshape(1))
            self._highs.append(values.max(keepdims=True).reshape(1))

    def result(self) -> TensorStatistics:
        lows, highs = np.stack(self._lows), np.stack(self._highs)
        return TensorStatistics(
            lows=lows.min(axis=1),
            highs=highs.max(axis=1),
            samples=np.concatenate(self._samples),
            channel_lows=lows.min(axis=0) if self._by_channel else None,
            channel_highs=highs.max(axis=0) if self._by_channel else None,
            channel_means=np.mean(self._means, axis=0) if self._by_channel else None,
        )
