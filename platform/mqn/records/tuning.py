"""How the exported graph of one network was tuned for one device, and what choices of rewrites take there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mqn.records.comparison import Ratio
from mqn.records.device import DeviceInfo
from mqn.records.measurement import MeasureSettings
from mqn.records.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedRewrite:
    """One rewrite: the file that was the fastest by then, with it and without it.

    Attributes:
        name: of the rewrite.
        without: time without it over the time with it; None: it was not timed.
        kept: whether the tuned file has it.
        why: in words.
    """

    name: str
    without: Ratio | None
    kept: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The rewrites that make a file fastest on a device.

    Attributes:
        device: where it was timed.
        settings: how.
        rewrites: names of those in the tuned file, in the order that they are made; `Plan.lowering` takes them.
        tried: every rewrite, in the order that they were tried.
        over_default: time of the tuned file over that of the default; None: they are the same file.
        over_none: time of the tuned file over that of one without any rewrite; None: they are the same file.
        seconds: that the tuning took.
    """

    device: DeviceInfo
    settings: MeasureSettings
    rewrites: tuple[str, ...]
    tried: tuple[TriedRewrite, ...]
    over_default: Ratio | None
    over_none: Ratio | None
    seconds: float

    @property
    def lowering(self) -> str:
        """What `Plan.lowering` is for the tuned file."""
        return ",".join(self.rewrites) or "none"

    def tuned(self, plan: Plan) -> Plan:
        """A plan with these rewrites; where they make the same file as the default, the plan as it was."""
        return plan if self.over_default is None else replace(plan, lowering=self.lowering)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteTime:
    """What one choice of rewrites takes on a device.

    Attributes:
        rewrites: names of those in the file, in the order that they are made.
        over_none: its time over that of the file without any.
    """

    rewrites: tuple[str, ...]
    over_none: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteTimes:
    """What some choices of rewrites take on one device.

    Attributes:
        device: where they were timed.
        settings: how.
        tried: each choice that has any rewrite.
    """

    device: DeviceInfo
    settings: MeasureSettings
    tried: tuple[RewriteTime, ...]
