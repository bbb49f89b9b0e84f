"""How long each side of a network takes under each scheme on a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mqn.records.comparison import Ratio
from mqn.records.device import DeviceInfo
from mqn.records.measurement import MeasureSettings
from mqn.records.plan import Scheme

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
