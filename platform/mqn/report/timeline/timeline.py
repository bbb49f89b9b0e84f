"""A study's jobs in the order of time: what ran where, from when to when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mqn.records import Span, TrialRecord
from mqn.report.timeline.clocks import find_bounds, on_one_clock
from mqn.search.artifacts import stage_of

TRAIN = "train"
LOST = "lost workers"
"""The machine of jobs whose worker was lost, so that nobody knows where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One job, or a try of one that failed.

    Attributes:
        trial: its trial's number.
        label: the trial's name in lists.
        step: the trial's step.
        stage: what it is a step of.
        begin: seconds since the timeline's begin, by the driver's clock.
        end: likewise.
        submitted: when the driver handed it out, likewise; `begin` where that is not known.
        node: the machine: its name, with Ray's id where several nodes have the same name.
        process: the worker's process number; 0: not known.
        device: the device that was measured on; empty: none.
        error: what it failed with; empty: it did not.
        again: whether it was tried again afterwards.
    """

    trial: int
    label: str
    step: str
    stage: str
    begin: float
    end: float
    submitted: float
    node: str
    process: int
    device: str = ""
    error: str = ""
    again: bool = False

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All jobs of a study of which it is known when they ran.

    Attributes:
        study: the study's name.
        zero: the first begin, in seconds since 1970 by the driver's clock; 0 where there is no job.
        bars: by their begin.
        offsets: machine to how far its clock was from the driver's, in seconds; None: it was set meanwhile.
        without: trials that ended and say nothing about their time: those of an older version, and those that found
            all artifacts made.
    """

    study: str
    zero: float
    bars: tuple[Bar, ...]
    offsets: dict[str, float | None]
    without: int

    @property
    def seconds(self) -> float:
        """From the first begin to the last end."""
        return max((bar.end for bar in self.bars), default=0.0)


def make_timeline(study: str, records: Sequence[TrialRecord]) -> Timeline:
    """Put the spans of a study's trials on one clock."""
    found = [
        *((record, step, span, _failure(record, step), False) for record in records for step, span in _spans(record)),
        *(
            (record, attempt.step, attempt.span, attempt.error[1], True)
            for record in records
            for attempt in record.attempts
            if attempt.span != record.spans.get(attempt.step)
        ),
    ]
    spans = [span for _, _, span, _, _ in found]
    bounds, names = find_bounds(spans), _name_nodes(spans)
    times = [on_one_clock(span, bounds) for span in spans]
    zero = min((begin for begin, _ in times), default=0.0)
    bars = [
        Bar(
            trial=record.number,
            label=record.label,
            step=step,
            stage=stage_of(step),
            begin=begin - zero,
            end=end - zero,
            submitted=min(begin if span.submitted is None else span.submitted, begin) - zero,
            node=names[span.host, span.node],
            process=span.process,
            device=span.device,
            error=error,
            again=again,
        )
        for (record, step, span, error, again), (begin, end) in zip(found, times, strict=True)
    ]
    ended = [record for record in records if record.state not in ("running", "paused", "interrupted")]
    return Timeline(
        study=study,
        zero=zero,
        bars=tuple(sorted(bars, key=lambda bar: (bar.begin, bar.end))),
        offsets={host: found.offset for host, found in bounds.items()},
        without=sum(not record.spans and not record.attempts for record in ended),
    )


def _spans(record: TrialRecord) -> list[tuple[str, Span]]:
    return list(record.spans.items())


def _failure(record: TrialRecord, step: str) -> str:
    if step not in record.unfinished:
        return ""
    told = record.error or record.waits or "it did not end well"
    return told.removeprefix(f"{step}: ")


def _name_nodes(spans: Iterable[Span]) -> dict[tuple[str, str], str]:
    """Names of machines; nodes of Ray that share a machine are told apart by the beginning of their ids."""
    places = dict.fromkeys((span.host, span.node) for span in spans)
    nodes: dict[str, int] = {}
    for host, _ in places:
        nodes[host] = nodes.get(host, 0) + 1
    return {
        (host, node): LOST if not host else host if nodes[host] == 1 else f"{host} {node[:8] or 'outside Ray'}"
        for host, node in places
    }
