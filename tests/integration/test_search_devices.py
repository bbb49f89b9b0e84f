"""A study against real agents, one behind a network that breaks: trainings are pretended, measurements are not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process_engine import InProcessEngine
from tests.support.rigs.line import Line
from tests.support.tflite_models import convolutions

from mqn.cli.study.live_progress import LiveProgress
from mqn.device.backends.local.isolation import TOKEN_VARIABLE
from mqn.profile import DeviceProfile, Profile
from mqn.records import Candidate, MeasureSettings, stage_key
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.budget.limits import Limits
from mqn.search.space.space_file import parse_space
from mqn.search.stages.measure import measure_job
from mqn.search.study.about import About
from mqn.search.study.loop import Loop
from mqn.search.study.studies import create_study
from mqn.search.study.trials import count_states, records
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import Job
from mqn.search.work.scheduler import Scheduler
from mqn.search.work.steps import Figures, Step
from mqn.track.tracker import Tracker

pytestmark = pytest.mark.integration

SETTINGS = MeasureSettings(
    runs=4,
    seconds=0.0,
    warmup_seconds=0.0,
    warmup_limit_seconds=0.0,
    processes=1,
    accept=("ok", "contended", "unsteady", "throttled"),
)
SPACE = {
    "name": "tiny",
    "sampler": "grid",
    "objectives": [{"metric": "latency_ms"}],
    "dimensions": {"arch.head_channels": {"choices": [2, 4, 6]}},
}


def pretend(folder: Path, *, channels: int) -> dict[str, Any]:
    (folder / "model.tflite").write_bytes(convolutions(8, channels))
    return {}


class Pretended:
    """Exports a model of as many channels as the candidate's head, and measures it."""

    def __init__(self, devices: Devices) -> None:
        self.devices = devices

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        inputs = {"channels": candidate.arch.head_channels}
        export = Job(
            stage="quantize", key=stage_key("quantize", inputs), inputs=inputs, function=pretend, arguments=inputs
        )
        measures = (
            Step(
                name=f"measure/{target}",
                needs=("quantize",),
                make=lambda made, target=target: self._measure_job(made["quantize"], target),
            )
            for target in self.devices.targets
        )
        return (Step(name="quantize", needs=(), make=lambda _: export), *measures)

    def rungs(self, candidate: Candidate) -> tuple[Step, ...]:
        return ()

    def curve(self, artifacts: Any) -> tuple[float, ...]:
        return ()

    def figures(self, candidate: Candidate, artifacts: Any) -> Figures:
        details = {target: artifacts[f"measure/{target}"].manifest.details for target in self.devices.targets}
        return Figures(
            device_figures={target: {"latency_ms": one["figures"]["latency_ms"]} for target, one in details.items()},
            verdicts={target: one["verdict"] for target, one in details.items()},
        )

    def _measure_job(self, model: Artifact, target: str) -> Job:
        identity, age = self.devices.identity(target), Profile().max_age_hours
        return measure_job(model, target, identity, SETTINGS, holder=self.devices.holder, max_age_hours=age)

    def logged(self, candidate: Candidate, artifacts: Any) -> tuple[list[dict[str, float]], dict[str, Path]]:
        return [], {}


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The way to an agent on another machine."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "mqn.device.agent", "--until-stdin-closes", "--ready-file", str(ready)]
    monkeypatch.setenv("BOARD_TOKEN", "secret")
    agent = subprocess.Popen(
        [*command, "--folder", str(tmp_path / "agent")],
        stdin=subprocess.PIPE,
        env={**os.environ, TOKEN_VARIABLE: "secret"},
    )
    end = time.monotonic() + 30
    while not ready.is_file():
        assert time.monotonic() < end
        time.sleep(0.02)
    line = Line(int(json.loads(ready.read_text())["url"].rsplit(":", 1)[1]))
    yield line
    line.close()
    agent.stdin.close()
    agent.wait(30)


def test_a_study_on_two_devices_outlasts_a_cut(line: Line, tmp_path: Path) -> None:
    profile = Profile(
        devices={
            "board": DeviceProfile(url=f"http://127.0.0.1:{line.port}", token_env="BOARD_TOKEN"),
            "local": DeviceProfile(),
        },
        measure=SETTINGS,
    )
    targets = ("board", "local")
    space = parse_space(SPACE, source="tiny.toml").with_targets(targets)
    about = About(space=space.definition, space_hash=space.hash, space_name="tiny", targets=targets)
    study = create_study("tiny", f"sqlite:///{tmp_path / 'study.db'}", about)
    told: list[str] = []

    class Told(LiveProgress):
        def say(self, line: str) -> None:
            told.append(line)

    store = ArtifactStore(tmp_path / "artifacts")
    with Devices(profile, targets, "tiny") as devices, Tracker("", tmp_path / "spool") as tracker:
        # From before the first measurement until after it was tried: the device is set aside, and taken back.
        line.cut()
        threading.Timer(6.0, line.mend).start()
        progress = Told("tiny", space, 3, [], devices=devices.report)
        Loop(
            study=study,
            pipeline=Pretended(devices),
            scheduler=Scheduler(store, InProcessEngine(), places=devices),
            tracker=tracker,
            progress=progress,
            limits=Limits(trials=3, parallel=3),
        ).run()
    assert count_states(study)["complete"] == 3
    assert any(line.startswith("device board is away: ") for line in told)
    assert "device board is back" in told
    found = records(study)
    assert all(set(record.device_figures) == {"board", "local"} for record in found)
    assert len({record.artifacts[f"measure/{target}"] for record in found for target in targets}) == 6

    # Again, as another study on the same files: everything was measured lately, nothing is measured twice.
    made = _manifests(store)
    shutil.rmtree(tmp_path / "spool", ignore_errors=True)
    again = create_study("again", f"sqlite:///{tmp_path / 'study.db'}", about)
    with Devices(profile, targets, "again") as devices, Tracker("", tmp_path / "spool") as tracker:
        Loop(
            study=again,
            pipeline=Pretended(devices),
            scheduler=Scheduler(store, InProcessEngine(), places=devices),
            tracker=tracker,
            progress=Told("again", space, 3, []),
            limits=Limits(trials=3, parallel=3),
        ).run()
    assert count_states(again)["complete"] == 3
    assert _manifests(store) == made


def _manifests(store: ArtifactStore) -> dict[str, int]:
    """When the manifest of each measurement was written, by key."""
    found = Path(store.shown).glob("measure/*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}
