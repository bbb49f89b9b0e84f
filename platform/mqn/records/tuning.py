"""How the exported graph of one network was tuned for one device."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.records.comparison import Ratio
from mqn.records.device import DeviceInfo
from mqn.records.measurement import MeasureSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedRewrite:
    """One rewrite, left out of the file that was the fastest by then.

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
