"""Recent times of the yardstick on a device, kept between jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mqn.device.passes import TimedResult
from mqn.device.science.figures import quantile
from mqn.errors import ConfigError
from mqn.parsing import read_json, write_json
from mqn.records import DeviceInfo

KEPT = 200
KEPT_AFFINITIES = 16
# The recent best is a low quantile, not the minimum: one lucky pass must not make all others look slow.
BEST_SHARE = 0.1
# A process that ran an untrusted model may say anything: less than half of the usual time is not believed.
PLAUSIBLE_SHARE = 0.5
# So many passes must be known before one can be called slow.
MIN_KEPT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Of one device; by the processors that the passes were allowed to use, for a phone's differ."""

    device: str = ""
    shortest_ns: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Yardsticks:
    """The yardsticks of recent passes, counted in passes, so that clock jumps have no effect."""

    def __init__(self, path: Path) -> None:
        """Take up what is there.

        Args:
            path: a JSON file; missing, damaged or another machine's: it begins anew.
        """
        self._path = path
        try:
            self._kept = read_json(_Kept, path)
        except ConfigError:
            self._kept = _Kept()

    def rate(self, passes: Sequence[TimedResult], device: DeviceInfo) -> float | None:
        """Rate passes against the recent best, and keep them.

        Args:
            passes: of one job.
            device: that ran them; its yardsticks are forgotten when it, its runtime or our version changes.

        Returns:
            The slowest pass's yardstick over the best; None where too few are known, or these have none.
        """
        own = [timed.yardstick_ns[0] for timed in passes if timed.yardstick_ns]
        if not own:
            return None
        name = f"{device.id} {device.runtime} {device.agent_version}"
        known = dict(self._kept.shortest_ns) if self._kept.device == name else {}
        processors = ",".join(map(str, passes[0].affinity))
        kept = (*known.pop(processors, ()), *own)[-KEPT:]
        known[processors] = kept
        self._kept = _Kept(device=name, shortest_ns=dict(list(known.items())[-KEPT_AFFINITIES:]))
        # With a full disk this is not kept for later; the measurement is not affected.
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, self._kept)
        if len(kept) < MIN_KEPT:
            return None
        usual = quantile(sorted(kept), 0.5)
        return max(own) / quantile(sorted(ns for ns in kept if ns >= PLAUSIBLE_SHARE * usual), BEST_SHARE)
