"""A timeline in the trace format that Perfetto (https://ui.perfetto.dev) and chrome://tracing open.

Source: "Trace Event Format", Google, 2016. Times are in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mqn.report.timeline.gaps import Trainers
from mqn.report.timeline.summary import Summary
from mqn.report.timeline.timeline import Bar

GAPS, DEVICES, TRIALS = "no training runs", "devices", "trials"
"""Names of the rows beside the machines'."""


def trace_document(summary: Summary) -> dict[str, Any]:
    """The whole trace: machines as processes with workers as threads; devices, trials and gaps as processes beside."""
    return {
        "traceEvents": [*_events(summary)],
        "displayTimeUnit": "ms",
        "otherData": {"study": summary.timeline.study, "begins": summary.timeline.zero},
    }


def _events(summary: Summary) -> Iterator[dict[str, Any]]:
    bars = summary.timeline.bars
    if summary.trainers is not None:
        yield from _gaps(1, summary.trainers)
    yield from _name_process(2, DEVICES, 1)
    devices = {one.name: number for number, one in enumerate(summary.devices, start=1)}
    for name, number in devices.items():
        yield _name_thread(2, number, name)
    yield from (_slice(bar, 2, devices[bar.device]) for bar in bars if bar.device)
    yield from _trials(3, bars)
    for number, node in enumerate(dict.fromkeys(bar.node for bar in bars), start=10):
        yield from _name_process(number, node, number)
        own = [bar for bar in bars if bar.node == node]
        for process in dict.fromkeys(bar.process for bar in own):
            yield _name_thread(number, process, f"worker {process}" if process else "not known")
        yield from (_slice(bar, number, bar.process) for bar in own)


def _slice(bar: Bar, process: int, thread: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": f"{bar.step} · trial {bar.trial}",
        "cat": f"{bar.stage},failed" if bar.error else bar.stage,
        "ts": _us(bar.begin),
        "dur": _us(bar.seconds),
        "pid": process,
        "tid": thread,
        "args": {
            "trial": bar.trial,
            "candidate": bar.label,
            "waited_s": round(bar.begin - bar.submitted, 3),
            **({"device": bar.device} if bar.device else {}),
            **({"failed": bar.error, "tried_again": bar.again} if bar.error else {}),
        },
    }


def _gaps(process: int, trainers: Trainers) -> Iterator[dict[str, Any]]:
    yield from _name_process(process, GAPS, 0)
    yield _name_thread(process, 1, "what the trainers waited for")
    for gap in sorted(trainers.gaps, key=lambda gap: gap.begin):
        yield {
            "ph": "X",
            "name": gap.why,
            "cat": f"gap,{gap.kind}",
            "ts": _us(gap.begin),
            "dur": _us(gap.seconds),
            "pid": process,
            "tid": 1,
        }


def _trials(process: int, bars: tuple[Bar, ...]) -> Iterator[dict[str, Any]]:
    yield from _name_process(process, TRIALS, 2)
    found: dict[int, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.trial, []).append(bar)
    for number, own in found.items():
        end = max(bar.end for bar in own)
        common = {"name": f"trial {number}", "cat": "trial", "id": number, "pid": process, "tid": 1}
        yield {"ph": "b", "ts": _us(min(bar.submitted for bar in own)), "args": {"candidate": own[0].label}, **common}
        yield {"ph": "e", "ts": _us(end), **common}


def _name_process(number: int, name: str, order: int) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "name": "process_name", "pid": number, "args": {"name": name}}
    yield {"ph": "M", "name": "process_sort_index", "pid": number, "args": {"sort_index": order}}


def _name_thread(process: int, number: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": "thread_name", "pid": process, "tid": number, "args": {"name": name}}


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
