"""Figures of networks that nobody trained: smooth functions of the candidate, so that a sampler has something to learn.

Larger networks are more accurate and slower, with diminishing returns; coarser number types are faster and less
accurate; settings of the training have one best value each. Which fields weigh how much is drawn once from their names:
no family's fields are known here. None of this says anything about real networks.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from mqn.quantities import measure_of, quantity

_SPEED = {"float32": 1.0, "float16": 0.9, "dynamic": 0.55, "static": 0.4}
_LOSS = {"float32": 0.0, "float16": 0.0, "dynamic": 0.01, "static": 0.03}


def capacity(arch: Mapping[str, Any]) -> float:
    """How large a network is, by its fields; about 0 to 1."""
    return _mean([_height(f"arch.{name}", value) for name, value in arch.items()])


def parameters(arch: Mapping[str, Any]) -> float:
    """How many parameters it has."""
    return float(round(50_000 * 10 ** (2 * capacity(arch))))


def macs(arch: Mapping[str, Any]) -> float:
    """Multiply-accumulates of one picture."""
    return parameters(arch) * 800.0


def quality(arch: Mapping[str, Any], training: Mapping[str, Any], noise: float) -> float:
    """How good a float network is, 0 to 1.

    `noise` is a standard normal draw: one training differs from the next by 1 % of the range.
    """
    misses = [
        (_height(f"training.{name}", value) - _share(f"best.{name}")) ** 2
        for name, value in training.items()
        if name != "seed"
    ]
    found = 0.35 + 0.5 * (1 - math.exp(-3 * capacity(arch))) - 0.3 * _mean(misses) + 0.01 * noise
    return min(1.0, max(0.0, found))


def quantized_loss(schemes: Mapping[str, str]) -> float:
    """How much of the quality a plan costs. `schemes` are its `backbone` and `head`."""
    return sum(_LOSS[_kind(scheme)] for scheme in schemes.values())


def latency_ms(arch: Mapping[str, Any], schemes: Mapping[str, str], noise: float) -> float:
    """Median latency of a quantized network in ms. `noise` is a standard normal draw, worth 1 %."""
    speed = 0.8 * _SPEED[_kind(schemes["backbone"])] + 0.2 * _SPEED[_kind(schemes["head"])]
    return (1.0 + macs(arch) / 2e7) * speed * math.exp(0.01 * noise)


def figure(metric: str, good: float) -> float:
    """What an accuracy measure says of a quality of 0 to 1: dB for decibels, shares for the others."""
    known = quantity(measure_of(metric) or metric)
    if known.unit == "dB":
        return 10.0 + 25.0 * good
    return good if known.direction == "maximize" else 1.0 - good


def _height(key: str, value: Any) -> float:
    """Where a value stands among those of its field, 0 to 1: numbers by size, everything else by its name."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _share(f"{key}={value}")
    return 1 - 1 / (1 + abs(float(value)))


def _kind(scheme: str) -> str:
    return scheme.partition("_")[0]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.5


def _share(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
