"""Plans that are worth a measurement, from fast to accurate: what was predicted of them, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mqn.records.comparison import Ratio
from mqn.records.device import DeviceInfo
from mqn.records.measurement import MeasureSettings
from mqn.records.plan import Plan, Scheme
from mqn.records.scores import Interval

Side = Literal["backbone", "head"]
SIDES: tuple[Side, ...] = ("backbone", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTime:
    """One side under one scheme, as a file of its own.

    Attributes:
        side: of the network.
        scheme: of its layers.
        over_float: its time over that of the float32 side, in turns with it.
        loss: PSNR-TM in dB that the side loses, the sum of what its layers lose alone; None: not looked at.
    """

    side: Side
    scheme: Scheme
    over_float: Ratio
    loss: float | None = None

    @property
    def faster(self) -> bool:
        """Whether it surely takes less time than float32."""
        return self.over_float.different and self.over_float.value < 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTimes:
    """Schemes by side on a device.

    Attributes:
        device: where they were timed.
        settings: how.
        tried: every scheme but float32 that the side can have.
    """

    device: DeviceInfo
    settings: MeasureSettings
    tried: tuple[SideTime, ...]

    def fastest(self, side: Side, budget: float) -> SideTime | None:
        """What is fastest on a side of that which loses at most `budget` dB; None where nothing beats float32."""
        found = [one for one in self.tried if one.side == side and (one.loss or 0.0) <= budget and one.faster]
        return min(found, key=lambda one: one.over_float.value, default=None)

    @property
    def ratios(self) -> Mapping[tuple[Side, Scheme], float]:
        """Time over float32's, by side and scheme."""
        return {(one.side, one.scheme): one.over_float.value for one in self.tried}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A plan, and what it should cost.

    Attributes:
        plan: the plan.
        loss: PSNR-TM that it should lose against the float network, in dB: the sum of what its layers lose alone
            (`mqn.export.choose.suggestion.layer_losses`).
        time: estimated, in shares of the float network's; 1 is as slow.
        weight_bytes: of kernels and biases.
    """

    plan: Plan
    loss: float
    time: float
    weight_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedPlan:
    """A plan that was carried out and scored.

    Attributes:
        plan: the plan.
        predicted_loss: as in `Prediction`, from one half of the validation pictures' places.
        measured_loss: of PSNR-TM against the float network, in dB, on the other half; its interval is over places.
        time: estimated, in shares of the float network's.
        size_bytes: of the exported files.
        beaten_by: label of another suggested plan that is as good in loss (its mean, and the upper end of its range),
            time and bytes, and better in one; None where there is none.
    """

    plan: Plan
    predicted_loss: float
    measured_loss: Interval
    time: float
    size_bytes: int
    beaten_by: str | None = None

    @property
    def as_predicted(self) -> bool:
        """Whether the prediction lies within the spread of the measured pictures."""
        return self.measured_loss.low <= self.predicted_loss <= self.measured_loss.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What `mqn export --suggest` found.

    Attributes:
        budget: of PSNR-TM, in dB, that a plan may lose.
        psnr_tm_float: of the float network on the pictures that the plans were checked on, in dB.
        allocated_on: how many pictures the layers were looked at on.
        checked_on: how many other pictures the plans were scored on.
        plans: every plan that was tried, the fastest first.
        times: what each scheme takes on each side on a device, which the times of plans are estimated from; None: no
            device was asked, and they are estimated from rates of one x86-64 processor.
    """

    budget: float
    psnr_tm_float: float
    allocated_on: int
    checked_on: int
    plans: tuple[SuggestedPlan, ...]
    times: SideTimes | None = None

    @property
    def kept(self) -> tuple[SuggestedPlan, ...]:
        """The plans that no other one beats, the fastest first."""
        return tuple(one for one in self.plans if one.beaten_by is None)
