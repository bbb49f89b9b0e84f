"""Several drivers in one process: each in a thread, with its own connection to one database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.search.rungs.test_studies_with_rungs import PARTS, outcome, rung_space, trained
from tests.search.rungs.test_studies_with_rungs import Pipeline as RungPipeline
from tests.search.study.test_loop import ended
from tests.support.in_process_engine import InProcessEngine
from tests.support.search_fakes import FakePipeline, grid_definition, nonzero

from mqn.cli.study.live_progress import LiveProgress
from mqn.errors import StudyBusyError
from mqn.search.artifacts import ArtifactStore
from mqn.search.budget.limits import Limits
from mqn.search.space.space_file import parse_space
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import connect
from mqn.search.storage.tables import DRIVERS
from mqn.search.study.loop import Loop
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import records
from mqn.search.work.scheduler import Scheduler
from mqn.track.tracker import Tracker

pytestmark = [
    pytest.mark.integration,  # Whole studies run in a database, by several drivers.
    # Threads share the filter of warnings, so one that hides a warning for a moment shows it to the others.
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]

ONCE = {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}


class Drivers:
    """Drivers of one study that share a folder of artifacts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.failures = folder, list[Exception]()
        self.lines: list[str] = []

    def join(self, study: Study, *, trials: int = 12, parallel: int = 3, pipeline: Any = None) -> Loop:
        """A driver that has its lease and has not begun. It gives no signs of life from a thread."""
        store = connect(study.url, patience_seconds=60)
        lease = Lease(store.database, study.name, store.patience)
        lease.take()
        progress = LiveProgress(study.name, study.space, trials, [])
        progress.say = self.lines.append  # type: ignore[method-assign]
        return Loop(
            study=open_study(study.name, store, lease),
            pipeline=pipeline or FakePipeline(self.folder / "log"),
            scheduler=Scheduler(ArtifactStore(self.folder / "artifacts"), InProcessEngine(), claims=lease.jobs),
            tracker=Tracker("", self.folder / "spool"),
            progress=progress,
            limits=Limits(trials=trials, parallel=parallel),
        )

    def run(self, *loops: Loop) -> list[str]:
        """Run drivers side by side to their ends, and say how each ended."""
        stopped = [""] * len(loops)

        def drive(index: int) -> None:
            try:
                stopped[index] = loops[index].run()
            except Exception as error:  # noqa: BLE001
                self.failures.append(error)
            finally:
                lease = loops[index].study.lease
                assert lease is not None
                lease.give_back()

        threads = [threading.Thread(target=drive, args=(index,)) for index in range(len(loops))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for failure in self.failures:
            raise failure
        return stopped


@pytest.fixture
def drivers(tmp_path: Path) -> Drivers:
    return Drivers(tmp_path)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqn.search.trials.company._LOOK_SECONDS", 0.1)
    monkeypatch.setattr("mqn.search.work.waiting._LOOK_SECONDS", 0.1)


def points(study: Study) -> Counter[str]:
    return Counter(str(record.candidate) for record in records(study))


def test_three_drivers_do_every_trial_and_every_stage_once(drivers, grid, make_study, tmp_path):
    study = make_study(grid)
    seconds = {"train": 0.3, "score": 0.05}
    loops = [drivers.join(study, pipeline=FakePipeline(tmp_path / "log", seconds)) for _ in range(3)]
    assert drivers.run(*loops) == ["done"] * 3
    assert nonzero(study) == {"complete": 12}
    assert ended(tmp_path / "log") == ONCE
    assert set(points(study).values()) == {1}
    assert len(study.optuna.get_trials()) == 12  # None was queued twice.


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_drivers_draw_no_point_twice_and_begin_no_trial_beyond_the_goal(sampler, drivers, make_study, tmp_path):
    space = parse_space(grid_definition(sampler=sampler, points=[], dimensions=SMALL), source="tiny.toml")
    study = make_study(space)
    assert drivers.run(*(drivers.join(study, trials=13, parallel=2) for _ in range(4))) == ["done"] * 4
    assert nonzero(study) == {"complete": 13}
    assert set(points(study).values()) == {1}


SMALL = {
    "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
    "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
    "plan.head": {"choices": ["dynamic_wi8_afp32", "float32"]},
}


def test_drivers_exhaust_a_space_together(drivers, make_study):
    space = parse_space(grid_definition(sampler="random", points=[], dimensions=SMALL), source="tiny.toml")
    study = make_study(space)
    assert drivers.run(*(drivers.join(study, trials=30, parallel=2) for _ in range(3))) == ["exhausted"] * 3
    assert nonzero(study) == {"complete": 16}
    assert set(points(study).values()) == {1}


class KilledError(BaseException):
    """Stands for kill -9: nothing catches it."""


def test_trials_of_a_driver_that_dies_are_taken_up_while_the_study_runs(drivers, grid, make_study, tmp_path):
    study = make_study(grid)
    alone = FakePipeline(tmp_path / "log", alike=("arch.attention", "plan.backbone", "plan.head"))  # Nothing is shared.
    dying = drivers.join(study, parallel=4, pipeline=alone)
    begin: Callable[..., Any] = dying.scheduler.step

    def die(timeout: float) -> None:
        begin(timeout)
        if len(dying.active) == 4:
            raise KilledError

    dying.scheduler.step = die  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        dying.run()
    other = drivers.join(study, pipeline=alone)
    with study.store.database.engine.begin() as connection:  # As if its process were gone.
        connection.execute(update(DRIVERS).where(DRIVERS.c.id == dying.study.lease.driver).values(started="1.00"))
    assert other.study.lease is not None
    other.sleep = lambda _: other.study.lease.beat()  # It waits, and only then notices the death.
    assert drivers.run(other) == ["done"]
    assert any(line.startswith("nothing is left to begin; trials of process") for line in drivers.lines)
    assert nonzero(study) == {"complete": 12}
    assert ended(tmp_path / "log") == dict.fromkeys(ONCE, 12)
    with pytest.raises(StudyBusyError, match="join again with --resume"):
        dying.study.lease.claim(1)


def test_the_goal_is_the_studys_and_can_grow_while_drivers_run(drivers, grid, make_study):
    study = make_study(grid)
    first, second = drivers.join(study, trials=2), drivers.join(study, trials=2)
    study.set_goal(7)
    assert drivers.run(first, second) == ["done"] * 2
    assert nonzero(study) == {"complete": 7, "waiting": 5}


def test_failed_trials_are_tried_again_once_though_two_drivers_ask(drivers, grid, make_study, tmp_path):
    study = make_study(grid)
    drivers.run(drivers.join(study, pipeline=FakePipeline(tmp_path / "log", sick={"train": -1.0})))
    assert nonzero(study) == {"complete": 9, "failed": 3}
    first, second = drivers.join(study), drivers.join(study)
    counts: list[int] = []

    def ask(loop: Loop) -> None:
        assert loop.study.lease is not None
        with loop.study.lease.alone("begin"):
            counts.append(loop.study.retry_failed())

    threads = [threading.Thread(target=ask, args=(loop,)) for loop in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 3]
    assert drivers.run(first, second) == ["done"] * 2
    assert nonzero(study) == {"complete": 12}


def test_drivers_promote_by_what_all_have_recorded_and_none_waits_for_ever(drivers, make_study, tmp_path):
    """Each ends though the other holds trials that wait, and no part of a training is made twice."""
    study = make_study(rung_space())
    loops = [drivers.join(study, trials=18, parallel=2, pipeline=RungPipeline(tmp_path / "log")) for _ in range(2)]
    assert drivers.run(*loops) == ["done"] * 2
    assert set(trained(tmp_path / "log").values()) == {1}
    states = nonzero(study)
    assert states["complete"] + states["stopped"] == 18
    assert "complete" in outcome(study)[2]  # The best of all.


def test_a_driver_takes_up_what_waits_at_a_rung(drivers, make_study, tmp_path, monkeypatch):
    study, left = make_study(rung_space()), [12]

    def die(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise StudyBusyError("killed")

    dying = drivers.join(study, trials=18, parallel=1, pipeline=RungPipeline(tmp_path / "log"))
    with monkeypatch.context() as patch:
        patch.setattr("tests.support.trivial_work.pause", lambda _, stage: die() if stage == "train" else None)
        with pytest.raises(StudyBusyError):
            dying.run()
    dying.study.lease.give_back()
    assert nonzero(study)["paused"] > 0
    heir = drivers.join(study, trials=18, parallel=1, pipeline=RungPipeline(tmp_path / "log"))
    assert drivers.run(heir) == ["done"]
    assert trained(tmp_path / "log") == dict.fromkeys(PARTS, 1)
