"""What a simulated study came to: is it exact, how busy were machines and devices, what did jobs wait for?"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from mqn.profile import Profile
from mqn.records import TrialRecord
from mqn.search.artifacts import ArtifactStore, stage_of
from mqn.search.simulation.world import Simulation
from mqn.search.space.settling import identity, settle
from mqn.search.study.study import Study
from mqn.search.trials.mirror import params_of

NEEDS = {
    "convert": ("train",),
    "quantize": ("convert",),
    "score/float": ("convert",),
    "score": ("quantize",),
    "measure": ("quantize",),
}
"""What each step of a plain trial waits for."""


_ENDED = ("complete", "failed", "gated")


def find_faults(study: Study, found: Sequence[TrialRecord], simulation: Simulation, trials: int) -> list[str]:
    """All that is not exact, in words; empty where every trial was done once and no finished job was done again."""
    faults: list[str] = []
    numbers = [record.number for record in found]
    if len(found) != trials or len(set(numbers)) != trials:
        faults.append(f"{len(found)} trials, of {trials}")
    points = Counter(identity(settle(study.space, params_of(frozen)) or {}) for frozen in study.trials())
    faults += [f"{count} trials have the point {point}" for point, count in points.items() if count > 1]
    states = Counter(record.state for record in found)
    ended = _ENDED if study.space.rungs is None else {*_ENDED, "stopped"}
    faults += [f"{count} trials are {state}" for state, count in states.items() if state not in ended]
    faults += [f"{job} was done again" for job, count in simulation.engine.tally.repeated.items() if count]
    faults += [f"trial {record.number} has no figures" for record in found if _lacks(record)]
    return faults


def find_missing(found: Sequence[TrialRecord], store: ArtifactStore) -> list[str]:
    """Artifacts of complete trials that are not there or damaged."""
    keys = {(stage_of(step), key) for record in found for step, key in record.artifacts.items()}
    return [f"{stage} {key} is missing" for stage, key in sorted(keys) if store.find(stage, key) is None]


def _lacks(record: TrialRecord) -> bool:
    figures = record.figures_by_name()
    wanted = ("psnr_tm", "latency_ms")
    return record.state == "complete" and not all(math.isfinite(figures.get(name, math.nan)) for name in wanted)


def say_use(simulation: Simulation, profile: Profile) -> dict[str, Any]:
    """How long it took in simulated time, and how busy everything was."""
    tally, simulate = simulation.engine.tally, profile.simulate
    assert simulate is not None
    hours = simulation.clock() / 3600
    seconds = max(simulation.clock(), 1e-9)
    use = {
        "simulated_hours": hours,
        "processors_busy": tally.cpu_seconds / (seconds * simulate.nodes * simulate.node_cpus),
        "devices_busy": tally.device_seconds / (seconds * simulate.devices),
    }
    if simulate.node_gpus:
        use["gpus_busy"] = tally.gpu_seconds / (seconds * simulate.nodes * simulate.node_gpus)
    return {
        **use,
        "nodes_lost": tally.nodes_lost,
        "jobs_done": dict(tally.done),
        "jobs_failed": {f"{stage} {error}": count for (stage, error), count in sorted(tally.failed.items())},
        "publishing_cpu_s": tally.publishing_seconds,
    }


def waiting_hours(found: Sequence[TrialRecord]) -> dict[str, float]:
    """By stage: hours that jobs waited, together, between the end of what they needed and their submission."""
    waited: defaultdict[str, float] = defaultdict(float)
    for record in found:
        for step, span in record.spans.items():
            stage = step if step in NEEDS else stage_of(step)
            before = [record.spans[need] for need in NEEDS.get(stage, ()) if need in record.spans]
            if before and span.submitted is not None:
                ready = max(need.collected or need.end for need in before)
                waited[stage] += max(0.0, span.submitted - ready) / 3600
    return dict(waited)
