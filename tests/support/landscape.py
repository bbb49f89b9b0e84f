"""A made-up landscape: networks, trainings and plans with accuracy, curves and latency, known in an instant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space

EPOCHS = 9

DEFINITION: dict[str, Any] = {
    "name": "landscape",
    "sampler": "frontier",
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "fixed": {"training.epochs": EPOCHS},
    "dimensions": {
        "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
        "arch.width": {"choices": [0.35, 0.5, 0.75, 1.0]},
        "arch.decoder_width": {"low": 0.5, "high": 2.0, "step": 0.25},
        "arch.upsampling": {"choices": ["nearest", "bilinear"]},
        "training.codec": {"choices": ["linear", "mulaw", "log", "pq"]},
        "training.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
        "training.lambda_l2": {"low": 0.0, "high": 1.0, "step": 0.25},
        "training.lambda_cosine": {"low": 0.01, "high": 1.0, "log": True},
        "plan.backbone": {"choices": ["static_wi8_ai8", "dynamic_wi8_afp32", "float16", "float32"]},
        "plan.head": {
            "choices": ["dynamic_wi8_afp32", "float16", "float32"],
            "when": {"plan.backbone": ["static_wi8_ai8", "dynamic_wi8_afp32"]},
        },
    },
    "expansion": {"dimensions": ["plan.backbone", "plan.head"]},
}

_ATTENTION = {"none": (0.0, 1.0), "sa": (0.35, 1.12), "csa": (0.8, 1.35), "ca": (0.6, 1.15)}
_CODEC = {"linear": -2.0, "mulaw": -0.4, "log": 0.0, "pq": -0.2}
_SPEED = {"static_wi8_ai8": 0.45, "dynamic_wi8_afp32": 0.7, "float16": 0.98, "float32": 1.0}
_LOSS = {"static_wi8_ai8": 0.9, "dynamic_wi8_afp32": 0.25, "float16": 0.02, "float32": 0.0}


def space(**changes: Any) -> Space:
    """Its space; `changes` are tables of the definition."""
    return parse_space({**DEFINITION, **changes}, source="landscape.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a point comes to."""

    psnr_tm: float
    psnr_tm_float: float
    latency_ms: float
    curve: tuple[float, ...]


def outcome(point: Params, seed: int = 0) -> Outcome:
    """What a point comes to; `seed` is that of the training's noise."""
    held = str(sorted((key, value) for key, value in point.items() if not key.startswith("plan.")))
    noise = np.random.default_rng([seed, *held.encode()])
    bonus, slower = _ATTENTION[str(point["arch.attention"])]
    width, decoder = float(point["arch.width"]), float(point["arch.decoder_width"])
    rate = math.log10(float(point["training.learning_rate"]))
    best_rate = -3.2 - 0.5 * math.log2(width)
    cosine = math.log10(float(point["training.lambda_cosine"]))
    accuracy = 21.0 + 1.6 * math.log2(1 + 2 * width) + 0.8 * math.log2(1 + decoder) + bonus * (0.5 + width)
    accuracy += _CODEC[str(point["training.codec"])] + 0.15 * (point["arch.upsampling"] == "bilinear")
    accuracy -= 0.9 * (rate - best_rate) ** 2 + 0.3 * abs(float(point["training.lambda_l2"]) - 0.25)
    accuracy -= 0.25 * (cosine + 1.0) ** 2
    accuracy = max(accuracy, 12.0) + float(noise.normal(0.0, 0.12))
    speed = 0.5 + 0.3 * max(0.0, rate + 4.0)
    epochs = np.arange(1, EPOCHS + 1)
    left = (accuracy - 11.0) * np.exp(-speed * epochs)
    curve = accuracy - 0.3 - left + noise.normal(0.0, 0.15, EPOCHS)
    backbone = str(point["plan.backbone"])
    head = str(point.get("plan.head", "dynamic_wi8_afp32"))
    lost = _LOSS[backbone] * (1.3 - 0.6 * width) * (1.3 if point["training.codec"] == "linear" else 1.0)
    lost += (0.1 + 0.05 * decoder) * (head == "dynamic_wi8_afp32" and backbone.startswith(("static", "dyn")))
    latency = 18.0 * slower * (0.15 + width**1.7) * _SPEED[backbone]
    latency += 6.0 * decoder**1.5 * (1.15 if point["arch.upsampling"] == "bilinear" else 1.0) * _SPEED[head]
    return Outcome(
        psnr_tm=accuracy - lost + float(noise.normal(0.0, 0.03)),
        psnr_tm_float=accuracy,
        latency_ms=latency,
        curve=tuple(float(value) for value in curve),
    )
