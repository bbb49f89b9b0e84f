"""What samplers know of a trial beside its values: system attributes of Optuna's trial, as JSON and small.

They are written while the trial still runs, so that a sampler learns from it before it ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial

from mqn.quantities import measure_of
from mqn.records import TrialRecord

GATE, CURVE, FLOAT, SECONDS = "mqn:gate", "mqn:curve", "mqn:float", "mqn:seconds"
"""Names of the attributes: figures measured before the training; validation after each epoch; accuracy of the float
network by measure; seconds that the training took."""

_FLOAT = "_float"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known of one trial so far.

    Attributes:
        gate: figures that were measured before the training, by full name: `latency_ms`, `latency_ms/board`,
            `size_bytes`, `macs`, ...
        curve: validation PSNR-TM in dB after epoch 1, epoch 2, ... of its training.
        float_accuracy: accuracy of the float network by measure, once it was scored.
        seconds: what its training took; None: not known, or another trial's training served.
    """

    gate: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    float_accuracy: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None


def read_knowledge(trial: FrozenTrial) -> Knowledge:
    """What a trial's attributes say. A trial of an older study has none of them."""
    kept = trial.system_attrs
    return Knowledge(
        gate=kept.get(GATE, {}),
        curve=tuple(kept.get(CURVE, ())),
        float_accuracy=kept.get(FLOAT, {}),
        seconds=kept.get(SECONDS),
    )


def gate_attribute(figures: Mapping[str, float]) -> dict[str, Any]:
    """The attribute that keeps what the gate measured, by full names of figures."""
    return {GATE: _finite(figures)}


def curve_attribute(values: Sequence[float]) -> dict[str, Any]:
    """The attribute that keeps a training's validation PSNR-TM in dB, from the first epoch on.

    The curve ends before the first value that is no number: nothing can be learnt from what follows.
    """
    broken = next((i for i, value in enumerate(values) if not math.isfinite(value)), len(values))
    return {CURVE: [float(value) for value in values[:broken]]}


def float_attribute(figures: Mapping[str, float]) -> dict[str, Any]:
    """The attribute that keeps the float network's accuracy, taken from the `..._float` ones of a trial's figures."""
    measured = {name: value for name, value in figures.items() if name.endswith(_FLOAT) and measure_of(name)}
    return {FLOAT: _finite({name.removesuffix(_FLOAT): value for name, value in measured.items()})}


def record_attributes(record: TrialRecord) -> dict[str, Any]:
    """The attributes that a trial's record tells: the float network's accuracy, and what the training took."""
    seconds = sum(spent for step, spent in record.seconds.items() if step.partition("/")[0] == "train")
    accuracy = float_attribute(record.figures)
    return {**(accuracy if accuracy[FLOAT] else {}), **({SECONDS: seconds} if seconds > 0 else {})}


def _finite(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}
