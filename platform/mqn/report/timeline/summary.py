"""A timeline in figures: sums by stage, machine and device."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.report.timeline.gaps import Trainers, cover, watch_trainers
from mqn.report.timeline.timeline import Bar, Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What jobs of one stage, machine or device took.

    Attributes:
        name: of it.
        jobs: how many, failed tries included.
        failed: how many of these failed.
        seconds: of all jobs together.
        busy_seconds: in which one of them at least ran.
        first: when the first began, in seconds since the timeline's begin.
        last: when the last ended, likewise.
    """

    name: str
    jobs: int
    failed: int
    seconds: float
    busy_seconds: float
    first: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A timeline in figures; `waited_seconds` is the time between a job's handing out and its begin, over all jobs."""

    timeline: Timeline
    trainers: Trainers | None
    stages: tuple[Sum, ...]
    nodes: tuple[Sum, ...]
    devices: tuple[Sum, ...]
    waited_seconds: float


def summarise(timeline: Timeline) -> Summary:
    """Add up; stages by their seconds, machines and devices by their first use."""
    stages = _sums(timeline, lambda bar: bar.stage)
    return Summary(
        timeline=timeline,
        trainers=watch_trainers(timeline),
        stages=tuple(sorted(stages, key=lambda one: -one.seconds)),
        nodes=tuple(_sums(timeline, lambda bar: bar.node)),
        devices=tuple(_sums(timeline, lambda bar: bar.device)),
        waited_seconds=sum(bar.begin - bar.submitted for bar in timeline.bars),
    )


def _sums(timeline: Timeline, name: object) -> list[Sum]:
    assert callable(name)
    groups: dict[str, list[Bar]] = {}
    for bar in timeline.bars:
        if called := name(bar):
            groups.setdefault(called, []).append(bar)
    return [
        Sum(
            name=called,
            jobs=len(bars),
            failed=sum(bool(bar.error) for bar in bars),
            seconds=sum(bar.seconds for bar in bars),
            busy_seconds=sum(end - begin for begin, end in cover(bars)),
            first=bars[0].begin,
            last=max(bar.end for bar in bars),
        )
        for called, bars in groups.items()
    ]
