from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqn.profile_tables.simulate import SimulateProfile, Times
from mqn.records import MeasureSettings
from mqn.search.simulation.clock import VirtualClock
from mqn.search.simulation.draws import Draws
from mqn.search.simulation.engine import SimulatedEngine
from mqn.search.simulation.fates import Fates
from mqn.search.stages.measure import measure
from mqn.search.work.jobs import Job, Resources


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def make_engine(clock: VirtualClock) -> Callable[..., SimulatedEngine]:
    """An engine of one machine with two processors, on which a measurement takes 10 s and nothing else any time."""

    def make(**changes: Any) -> SimulatedEngine:
        settled: dict[str, Any] = {
            "nodes": 1,
            "node_cpus": 2,
            "seconds": {"measure": Times(median=10.0)},
            "overhead": Times(median=0.0),
            "worker_start": Times(median=0.0),
            "storage": Times(median=0.0),
            "look_seconds": 3600.0,
        }
        profile = SimulateProfile(**{**settled, **changes})
        draws = Draws(profile.seed)
        return SimulatedEngine(profile, clock, Fates(profile, draws), draws)

    return make


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """A measurement of a file."""
    model = tmp_path / "model.tflite"
    model.write_text('{"arch": {"width": 1.0}, "plan": {"backbone": "float32", "head": "float32"}}')

    def make(number: int = 0, **changes: Any) -> Job:
        arguments = {
            "files": (model,),
            "target": "kind:simulated",
            "settings": MeasureSettings(),
            "device": "simulated-000",
            "device_id": "simulated-000",
        }
        made = {"stage": "measure", "inputs": {"number": number}, "function": measure, "arguments": arguments}
        return Job(**{**made, "resources": Resources(cpus=1), **changes})

    return make
