"""What runs now: drivers, their jobs and what these wait for, and the trials on their way.

All of it is what drivers say of themselves in the database every two seconds (`mqn.search.watch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mqn.dashboard.panels.elements import plain_table
from mqn.dashboard.studies.reading import State
from mqn.look.blocks import Block, Heading, Text, Tiles
from mqn.records import TrialRecord
from mqn.search.watch.snapshot import Snapshot
from mqn.search.watch.words import amount_text, long_text

_MOST = 40
_ENDED = ("complete", "failed", "pruned", "gated", "stopped")


def describe_running(state: State) -> list[Block]:
    """Drivers, running jobs, trials on their way and what waits, as blocks of a page."""
    snapshots = [one.snapshot for one in state.told if one.snapshot is not None]
    return [
        _sums(state, snapshots),
        *([Text(state.stalled, tone="bad")] if state.stalled else []),
        *_drivers(state),
        *_jobs(snapshots),
        *_on_their_way(state.records, snapshots),
        *_waiting(snapshots),
        *_failures(snapshots),
    ]


def _sums(state: State, snapshots: Sequence[Snapshot]) -> Tiles:
    done = sum(state.counts.get(name, 0) for name in _ENDED)
    jobs, queued = (
        sum(sum(counts.values()) for counts in found)
        for found in ((one.running for one in snapshots), (one.queued for one in snapshots))
    )
    rates = [3600 * one.finished / (one.at - one.began) for one in snapshots if one.at > one.began]
    rate = sum(rates)
    left = 3600 * max(state.goal - done, 0) / rate if rate else None
    tiles = [
        (f"{done} of {state.goal}", "trials have ended"),
        (str(state.counts.get("running", 0)), "trials on their way"),
        (str(state.counts.get("waiting", 0)), "trials queued"),
        (str(jobs), "jobs run"),
        (str(queued), "jobs wait"),
    ]
    tiles += [(f"{rate:.3g}", "trials an hour")] if rate else []
    tiles += [(long_text(left), "left, about")] if left is not None else []
    return Tiles(tuple(tiles))


def _drivers(state: State) -> list[Block]:
    if not state.told:
        return [Text("No driver works on this study now. mqn search --resume goes on with it.")]
    rows = []
    for one in state.told:
        said = one.snapshot
        there = "" if said is None else ", ".join(amount_text(name, amount) for name, amount in said.there.items())
        rows.append(
            [
                one.driver.shown,
                one.driver.since_text,
                f"{max(one.driver.silent_seconds, 0.0):.0f} s ago",
                "says nothing" if said is None else f"{said.active} on their way, {said.finished} ended",
                "" if said is None else str(said.nodes),
                there,
            ]
        )
    head = ("driver", "since", "heartbeat", "its trials", "machines", "resources")
    return [Heading("Drivers and workers"), plain_table(head, rows, numbers=(4,))]


def _jobs(snapshots: Sequence[Snapshot]) -> list[Block]:
    running = [(one.at - (job.since or one.at), job) for one in snapshots for job in one.jobs]
    running.sort(key=lambda pair: -pair[0])
    if not running:
        return []
    rows = [[f"#{job.trial}", job.stage, job.doing, job.device, long_text(seconds)] for seconds, job in running[:_MOST]]
    more = [Text(f"and {len(running) - _MOST} jobs more")] if len(running) > _MOST else []
    return [Heading("Running"), plain_table(("trial", "stage", "doing", "device", "for"), rows, numbers=(4,)), *more]


def _on_their_way(records: Iterable[TrialRecord], snapshots: Sequence[Snapshot]) -> list[Block]:
    steps = {number: list(done) for one in snapshots for number, done in one.steps.items()}
    active = [record for record in records if record.state in ("running", "paused", "held", "interrupted")]
    if not active:
        return []
    rows = [
        [f"#{one.number}", one.label, one.state, ", ".join(steps.get(str(one.number), [])), one.waits or ""]
        for one in active[:_MOST]
    ]
    head = ("trial", "candidate", "state", "steps begun", "waits for")
    more = [Text(f"and {len(active) - _MOST} trials more")] if len(active) > _MOST else []
    return [Heading("Trials on their way"), plain_table(head, rows), *more]


def _waiting(snapshots: Sequence[Snapshot]) -> list[Block]:
    groups = sorted((one for snapshot in snapshots for one in snapshot.waiting), key=lambda one: -one.count)
    if not groups:
        return []
    rows = [
        [one.stage, str(one.count), ", ".join(f"#{number}" for number in one.trials), one.why] for one in groups[:_MOST]
    ]
    return [Heading("Queue"), plain_table(("stage", "jobs", "first trials", "waiting for"), rows, numbers=(1,))]


def _failures(snapshots: Sequence[Snapshot]) -> list[Block]:
    lines = [line for one in snapshots for line in one.failures]
    return [Heading("What failed last"), *(Text(line, tone="bad") for line in lines[-5:])] if lines else []
