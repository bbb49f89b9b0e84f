"""A study whose devices come and go: real loop, scheduler and pool, by a clock held in the hand."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process_engine import InProcessEngine
from tests.support.pool_fakes import FakeClock, FakeDevices
from tests.support.search_fakes import FakePipeline

from mqn.errors import ConfigError, DeviceAwayError, DeviceRefusedError, DeviceRestingError
from mqn.profile import DeviceProfile, Profile
from mqn.records import Candidate, stage_key
from mqn.search.artifacts import ArtifactStore
from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_states, records
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import Job
from mqn.search.work.scheduler import Scheduler
from mqn.search.work.steps import Figures, Step

pytestmark = pytest.mark.integration  # Whole studies run in a database, on devices that go away.

BOARDS = {
    "board": DeviceProfile(url="https://board", kind="pi", tags={"soc": "BCM2712"}),
    "other": DeviceProfile(url="https://other", kind="pi"),
    "local": DeviceProfile(),
}
COST = {"train": 5.0, "convert": 1.0, "measure": 2.0}


class Lab(FakePipeline):
    """Measures on targets; a device that goes away while it measures does so without a result."""

    def __init__(self, log: Path, clock: FakeClock, fakes: FakeDevices, targets: tuple[str, ...]) -> None:
        super().__init__(log, COST)
        self.clock, self.fakes, self.targets = clock, fakes, targets
        self.measured: list[tuple[str, str]] = []

    def measure(self, folder: Path, *, name: str, value: float, device: str, **_: Any) -> dict[str, Any]:
        self.clock.sleep(COST["measure"] / 2)
        self.fakes.reaches[device].check()
        self.clock.sleep(COST["measure"] / 2)
        self.fakes.reaches[device].check()
        self.measured.append((device, name))
        return {"value": value, "device": device, "made_at": time.time()}

    def figures(self, candidate: Candidate, artifacts: Any) -> Figures:
        found = super().figures(candidate, artifacts).figures
        values = {t: artifacts[f"measure/{t}"].manifest.details["value"] for t in self.targets}
        return Figures(figures=found, device_figures={t: {"latency_ms": value} for t, value in values.items()})

    def _measure_steps(self, plan: str, cost: float) -> tuple[Step, ...]:
        return tuple(
            Step(name=f"measure/{t}", needs=("quantize",), make=lambda _, t=t: self._job(t, plan, cost))
            for t in self.targets
        )

    def _job(self, target: str, plan: str, cost: float) -> Job:
        inputs = {"target": target, "plan": plan}
        return Job(
            stage="measure",
            key=stage_key("measure", inputs),
            inputs=inputs,
            function=self.measure,
            arguments={"name": plan, "value": cost},
            target=target,
            max_age_seconds=3600.0,
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr("tests.support.trivial_work.pause", lambda seconds, stage: clock.sleep(seconds.get(stage, 0.0)))
    return clock


def run(study: Any, make_loop: Any, log: Path, fakes: FakeDevices, targets: tuple[str, ...], **options: Any) -> Lab:
    lab = Lab(log, fakes.clock, fakes, targets)
    profile = Profile(devices=BOARDS)
    with Devices(profile, targets, "tiny", pool=fakes.make(BOARDS, objectives=True)) as devices:
        clock = fakes.clock
        make_loop(study, lab, places=devices, clock=clock, sleep=clock.sleep, **options).run()
    return lab


def ended(log: Path, stage: str) -> int:
    return sum(line.split()[:2] == ["end", stage] for line in log.read_text().splitlines())


def test_every_trial_is_measured_on_every_target(grid, make_study, make_loop, tmp_path, clock):
    study = make_study(grid)
    lab = run(study, make_loop, tmp_path / "log", FakeDevices(clock), ("board", "local"))
    assert Counter(device for device, _ in lab.measured) == {"board": 12, "local": 12}
    assert set(records(study)[0].artifacts) >= {"measure/board", "measure/local"}


@pytest.mark.parametrize("begin", [0.5, 8.0, 9.5, 20.0])
def test_a_cut_of_thirty_seconds_is_outlasted(begin, grid, make_study, make_loop, tmp_path, clock):
    study, log = make_study(grid), tmp_path / "log"
    fakes = FakeDevices(clock, {"board": [(begin, begin + 30)]})
    lab = run(study, make_loop, log, fakes, ("board", "local"))
    assert count_states(study)["complete"] == 12
    # Nothing ran twice, and nothing was measured while the device was away.
    assert Counter(lab.measured).most_common(1)[0][1] == 1
    assert len(lab.measured) == 24
    assert ended(log, "train") == 4


def test_other_work_goes_on_while_a_device_is_away(grid, make_study, make_loop, tmp_path, clock):
    log, study = tmp_path / "log", make_study(grid)
    fakes = FakeDevices(clock, {"board": [(5.0, 1e9)]})
    with pytest.raises(DeviceAwayError, match=r"no device for 'board' for 1 minutes: no agent answers at board"):
        run(study, make_loop, log, fakes, ("board", "local"), parallel=12, patience_seconds=60.0)
    assert ended(log, "train") == 4
    assert count_states(study)["interrupted"] == 12


def test_a_study_that_stopped_goes_on_when_the_device_is_back(grid, make_study, make_loop, tmp_path, clock):
    log, study = tmp_path / "log", make_study(grid)
    fakes = FakeDevices(clock, {"board": [(20.0, 1e6)]})
    with pytest.raises(DeviceAwayError):
        run(study, make_loop, log, fakes, ("board",), patience_seconds=600.0)
    assert clock() >= 620.0
    clock.now = 2e6
    again = open_study("tiny", study.url)
    run(again, make_loop, log, fakes, ("board",))
    assert count_states(again)["complete"] == 12
    assert ended(log, "train") == 4


def test_a_device_that_is_away_is_looked_for_ever_less_often(grid, make_study, make_loop, tmp_path, clock):
    fakes = FakeDevices(clock, {"board": [(5.0, 1e9)]})
    with pytest.raises(DeviceAwayError):
        run(make_study(grid), make_loop, tmp_path / "log", fakes, ("board",), patience_seconds=1800.0, parallel=12)
    calls = fakes.reaches["board"].calls[1:]
    pauses = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert pauses == sorted(pauses)
    assert 300.0 <= pauses[-1] <= 301.0
    assert len(calls) < 15


def test_others_of_a_kind_serve_meanwhile(grid, make_study, make_loop, tmp_path, clock):
    study = make_study(grid)
    fakes = FakeDevices(clock, {"board": [(8.0, 1e9)]})
    lab = run(study, make_loop, tmp_path / "log", fakes, ("kind:pi",))
    assert count_states(study)["complete"] == 12
    assert [device for device, _ in lab.measured].count("other") >= 11


def test_devices_of_a_kind_share_the_work(grid, make_study, make_loop, tmp_path, clock):
    lab = run(make_study(grid), make_loop, tmp_path / "log", FakeDevices(clock), ("kind:pi",))
    assert Counter(device for device, _ in lab.measured) == {"board": 6, "other": 6}


def test_a_study_begins_only_where_every_target_is_there(grid, make_study, make_loop, tmp_path, clock):
    fakes = FakeDevices(clock, {"board": [(0.0, 1e9)], "other": [(0.0, 1e9)]})
    with pytest.raises(DeviceAwayError, match=r"device 'board': no agent answers at board \(nor any other of 2"):
        run(make_study(grid), make_loop, tmp_path / "log", fakes, ("kind:pi",))
    assert fakes.reaches["board"].closed


def test_a_device_that_imitates_another_is_no_objective(grid, make_study, make_loop, tmp_path, clock):
    fakes = FakeDevices(clock)
    fakes.make(BOARDS)
    fakes.reaches["board"].emulated = True
    with pytest.raises(DeviceRefusedError, match="'board' imitates aarch64 on another processor"):
        run(make_study(grid), make_loop, tmp_path / "log", fakes, ("board",))


def test_a_placed_measurement_is_held_to_the_device_that_was_reached(measure_job, clock):
    # Also where the target may be any of several: what answers later could be one that imitates another.
    with Devices(Profile(devices=BOARDS), ("kind:pi",), "tiny", pool=FakeDevices(clock).make(BOARDS)) as devices:
        placed = devices.place(replace(measure_job, target="kind:pi"))
        assert devices.identities() == {}
    assert (placed.arguments["device"], placed.arguments["device_id"]) == ("board", "board-1")


def test_a_job_on_which_its_device_always_goes_away_ends_the_study(grid, make_study, make_loop, tmp_path, clock):
    study, fakes = make_study(grid), FakeDevices(clock)

    class Poison(Lab):
        def measure(self, folder: Path, **_: Any) -> dict[str, Any]:
            raise DeviceAwayError("the agent was killed")

    lab = Poison(tmp_path / "log", clock, fakes, ("board",))
    with Devices(Profile(devices=BOARDS), ("board",), "tiny", pool=fakes.make(BOARDS)) as devices:
        loop = make_loop(study, lab, places=devices, clock=clock, sleep=clock.sleep, parallel=1)
        with pytest.raises(DeviceAwayError, match="this happened 20 times with one measurement"):
            loop.run()


def test_a_device_that_rests_and_rests_again_ends_no_study(grid, make_study, make_loop, tmp_path, clock):
    study, fakes, rests = make_study(grid), FakeDevices(clock), iter(range(30))

    class Warm(Lab):
        def measure(self, folder: Path, **arguments: Any) -> dict[str, Any]:
            if next(rests, None) is not None:
                raise DeviceRestingError("47 °C, at most 45")
            return super().measure(folder, **arguments)

    lab = Warm(tmp_path / "log", clock, fakes, ("board",))
    with Devices(Profile(devices=BOARDS), ("board",), "tiny", pool=fakes.make(BOARDS)) as devices:
        make_loop(study, lab, places=devices, clock=clock, sleep=clock.sleep, parallel=1).run()
    assert count_states(study)["complete"] == 12
    assert next(rests, None) is None


def test_a_paired_device_is_named_by_the_study(clock):
    profiles = {**BOARDS, "shared": DeviceProfile(url="http://127.0.0.1:9", kind="pi", paired=True)}
    pool = FakeDevices(clock).make(profiles)
    devices = Devices(Profile(devices=profiles), ("shared", "kind:pi"), "tiny", pool=pool)
    assert devices.paired("shared")
    assert not devices.paired("board")
    with pytest.raises(ConfigError, match=r"device 'shared' is paired .* must name it as its target, not 'kind:pi'"):
        devices.paired("kind:pi")


@pytest.fixture
def measure_job(tmp_path: Path) -> Job:
    def measure(folder: Path, **_: Any) -> dict[str, Any]:
        return {"made_at": time.time()}

    return Job(stage="measure", key="k", inputs={}, function=measure, target="board", max_age_seconds=3600.0)


@pytest.mark.parametrize(("age", "reused"), [(0, True), (3500, True), (3700, False), (-250, True), (-3600, False)])
def test_measurements_grow_old(age, reused, measure_job, tmp_path, clock, monkeypatch):
    fakes = FakeDevices(clock)
    now = time.time()
    with Devices(Profile(devices=BOARDS), ("board",), "tiny", pool=fakes.make(BOARDS)) as devices:
        for began, expected in ((now, False), (now + age, reused)):
            monkeypatch.setattr("time.time", lambda began=began: began)
            scheduler = Scheduler(ArtifactStore(tmp_path / "store"), InProcessEngine(), places=devices)
            work = scheduler.request(measure_job, 0)
            scheduler.step(0.0)
            assert work.outcome.reused is expected
            assert work.artifact.manifest.details["made_at"] == (now if reused else began)


def test_predicted_measurements_go_fastest_first(tmp_path, clock):
    fakes, order = FakeDevices(clock), []

    def measure(folder: Path, *, name: str, **_: Any) -> dict[str, Any]:
        order.append(name)
        return {}

    predicted = {"slow": 9.0, "unknown": None, "fast": 1.0}
    with Devices(Profile(devices=BOARDS), ("board",), "tiny", pool=fakes.make(BOARDS)) as devices:
        scheduler = Scheduler(
            ArtifactStore(tmp_path / "store"),
            InProcessEngine(),
            places=devices,
            predict=lambda job: predicted[job.arguments["name"]],
        )
        for name in predicted:
            job = Job(stage="measure", key=name, inputs={}, function=measure, arguments={"name": name}, target="board")
            scheduler.request(job, 0)
        for _ in predicted:
            scheduler.step(0.0)
    assert order == ["fast", "slow", "unknown"]


def test_a_device_of_its_own_measures_beside_a_training(tmp_path, clock):
    fakes, engine = FakeDevices(clock), InProcessEngine(capacity=2)
    jobs = {
        "train": Job(stage="train", key="t", inputs={}, function=dict),
        "board": Job(stage="measure", key="b", inputs={}, function=dict, target="board"),
        "local": Job(stage="measure", key="l", inputs={}, function=dict, target="local"),
        "again": Job(stage="measure", key="a", inputs={}, function=dict, target="board"),
    }
    with Devices(Profile(devices=BOARDS), ("board", "local"), "tiny", pool=fakes.make(BOARDS)) as devices:
        scheduler = Scheduler(ArtifactStore(tmp_path / "store"), engine, places=devices)
        scheduler.request(jobs["train"], 0)
        scheduler._begin()
        for name in ("board", "local", "again"):
            scheduler.request(jobs[name], 0)
        scheduler._begin()
        # This machine measures alone, once the training is over; a device does one thing at a time.
        assert [work.job.key for work in scheduler.running] == ["t", "b"]
        assert scheduler.running[1].placed.resources.cpus == 0
