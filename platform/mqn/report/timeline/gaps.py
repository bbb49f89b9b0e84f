"""When no training ran, and why."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mqn.report.timeline.timeline import TRAIN, Bar, Timeline

Interval = tuple[float, float]

_MOST = 0.5
"""A gap is named after what took more than this share of it."""
_START_SECONDS = 0.5
_TRIALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time between the first and the last training in which none ran.

    Attributes:
        begin: seconds since the timeline's begin.
        end: likewise.
        why: what the trainers waited for, in words.
        kind: the same in short, for sums: a stage, `a worker's start`, or `the driver`.
    """

    begin: float
    end: float
    why: str
    kind: str

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainers:
    """How busy the trainers were between the begin of the first training and the end of the last one.

    Attributes:
        begin: seconds since the timeline's begin.
        end: likewise.
        trainings: how many ended well.
        at_once: the most that ran at a time: so many trainers there were.
        busy: share of that time in which a training ran, 0 to 1.
        filled: share of all trainers' time in which they trained, 0 to 1; equal to `busy` where there was one trainer.
        gaps: when none ran, the longest first.
    """

    begin: float
    end: float
    trainings: int
    at_once: int
    busy: float
    filled: float
    gaps: tuple[Gap, ...]

    @property
    def waits(self) -> dict[str, float]:
        """What trainers waited for, by `Gap.kind`, in seconds; the longest first."""
        sums: dict[str, float] = defaultdict(float)
        for gap in self.gaps:
            sums[gap.kind] += gap.seconds
        return dict(sorted(sums.items(), key=lambda item: -item[1]))


def watch_trainers(timeline: Timeline) -> Trainers | None:
    """Say how busy the trainers were; None where nothing was trained."""
    trained = [bar for bar in timeline.bars if bar.stage == TRAIN]
    if not trained:
        return None
    begin, end = trained[0].begin, max(bar.end for bar in trained)
    covered, at_once = cover(trained), _most_at_once(trained)
    window = max(end - begin, 1e-9)
    others = [bar for bar in timeline.bars if bar.stage != TRAIN]
    gaps = [_explain(one, other, trained, others) for (_, one), (other, _) in itertools.pairwise(covered)]
    return Trainers(
        begin=begin,
        end=end,
        trainings=sum(not bar.error for bar in trained),
        at_once=at_once,
        busy=sum(stop - start for start, stop in covered) / window,
        filled=sum(bar.seconds for bar in trained) / (window * at_once),
        gaps=tuple(sorted(gaps, key=lambda gap: -gap.seconds)),
    )


def cover(bars: Iterable[Bar]) -> list[Interval]:
    """The times in which one bar at least is running, apart from each other and in order."""
    found: list[Interval] = []
    for bar in sorted(bars, key=lambda bar: bar.begin):
        if found and bar.begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], bar.end)
        else:
            found.append((bar.begin, bar.end))
    return found


def _explain(begin: float, end: float, trained: Sequence[Bar], others: Sequence[Bar]) -> Gap:
    """Name what kept the next training from beginning earlier."""
    half = _MOST * (end - begin)
    following = next(bar for bar in trained if bar.begin >= end)
    if end - following.submitted > max(half, _START_SECONDS):
        why = f"a worker's start: trial {following.trial} was handed out {end - following.submitted:.1f} s earlier"
        return Gap(begin=begin, end=end, why=why, kind="a worker's start")
    stages: dict[str, list[Bar]] = defaultdict(list)
    for bar in others:
        if bar.begin < end and bar.end > begin:
            stages[bar.stage].append(bar)
    ran = {stage: _within(begin, end, bars) for stage, bars in stages.items()}
    all_ran = _within(begin, end, [bar for bars in stages.values() for bar in bars])
    if all_ran > half:
        stage = max(ran, key=lambda name: ran[name])
        device = next((f" on {bar.device}" for bar in stages[stage] if bar.device), "")
        trials = ", ".join(map(str, sorted({bar.trial for bar in stages[stage]})[:_TRIALS]))
        others_too = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ran.items() if name != stage)
        beside = f"; besides {others_too}" if others_too else ""
        why = f"{stage}{device} of trial {trials}: {ran[stage]:.1f} s{beside}"
        return Gap(begin=begin, end=end, why=why, kind=stage)
    words = f" (jobs ran in {all_ran:.1f} s of it)" if ran else ""
    why = f"the driver: it drew or recorded trials, or was not there{words}"
    return Gap(begin=begin, end=end, why=why, kind="the driver")


def _within(begin: float, end: float, bars: Iterable[Bar]) -> float:
    """For how many seconds of a time one bar at least is running."""
    return sum(min(stop, end) - max(start, begin) for start, stop in cover(bars))


def _most_at_once(bars: Sequence[Bar]) -> int:
    changes = sorted([(bar.begin, 1) for bar in bars] + [(bar.end, -1) for bar in bars])
    most = running = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return max(most, 1)
