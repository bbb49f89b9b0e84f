from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mqn.device.pool.pool import DeviceReport
from mqn.errors import ProcessLostError, UnsteadyError
from mqn.search.watch.observing import Observer
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Outcome


def trial(**works: Any) -> Any:
    return SimpleNamespace(works=works)


def test_what_runs_and_what_waits_for_what(busy: Any, job: Any) -> None:
    scheduler = busy(cpus=2, date=lambda: 100.0)
    active = {
        number: trial(
            train=scheduler.request(job("train", number), number),
            score=scheduler.request(job("score", number, cpus=2), number, behind=5),
        )
        for number in range(3)
    }
    scheduler.step(0)
    report = DeviceReport(name="board", kind="phone", url="", state="away", since="now", error="nobody answers")
    observer = Observer(
        "s", goal=40, devices=lambda: [report], capacity=lambda: Capacity(amounts={"CPU": 2.0}), date=lambda: 130.0
    )
    observer.note(7, "the loss\nis not finite")
    found = observer.look(active, scheduler)
    assert (found.running, found.queued) == ({"train": 2}, {"train": 1, "score": 3})
    assert [(one.trial, one.stage, one.doing, one.since) for one in found.jobs] == [
        (0, "train", "train", 100.0),
        (1, "train", "train", 100.0),
    ]
    assert {(one.stage, one.why, one.count, one.trials) for one in found.waiting} == {
        ("train", "1 CPU, of which 0 of 2 are free", 1, (2,)),
        ("score", "2 CPU, of which 0 of 2 are free", 3, (0, 1, 2)),
    }
    assert (found.devices[0].name, found.devices[0].error) == ("board", "nobody answers")
    assert (found.at, found.goal, found.finished, found.there) == (130.0, 40, 1, {"CPU": 2.0})
    assert found.failures == ("trial 7: the loss is not finite",)
    assert found.steps["2"]["train"] == active[2].works["train"].job.key


def test_a_job_that_two_trials_wait_for_is_counted_once(busy: Any, job: Any) -> None:
    scheduler = busy()
    works = [scheduler.request(job("train", 0), number) for number in range(2)]
    found = Observer("s").look({number: trial(train=work) for number, work in enumerate(works)}, scheduler)
    assert found.queued == {"train": 1}


class _Places:
    def __init__(self, absent: str = "") -> None:
        self.reason = absent

    def place(self, job: Any) -> None:
        return None

    def absent(self, job: Any) -> str:
        return self.reason


@pytest.mark.parametrize(
    ("reason", "words"),
    [("board is away: nobody answers", "board is away: nobody answers"), ("", "a device of 'board': each is at work")],
)
def test_a_measurement_waits_for_its_device(reason: str, words: str, busy: Any, job: Any) -> None:
    scheduler = busy(places=_Places(reason))
    work = scheduler.request(job("measure", 0, target="board"), 0)
    assert scheduler.why(work) == words


def test_what_was_put_back_waits_for_the_end_of_its_pause(busy: Any, job: Any) -> None:
    scheduler = busy(clock=lambda: 10.0)
    work = scheduler.request(job("train", 0), 0)
    work.not_before, work.setback = 14.5, Outcome.failed(ProcessLostError("its worker was killed"))
    assert scheduler.why(work) == "a pause of 5 s more, after: its worker was killed"


def test_a_disturbed_device_is_left_alone(busy: Any, job: Any) -> None:
    now = [10.0]
    scheduler = busy(clock=lambda: now[0])
    work = scheduler.request(job("measure", 0), 0)
    error = UnsteadyError("measured as contended")
    error.kept = {"verdict": "contended", "figures": {}}
    scheduler._retries.settle(work, Outcome.failed(error))
    assert scheduler.why(work).startswith("measure, which was contended: it is left alone for ")


def test_what_could_begin_waits_for_its_turn(busy: Any, job: Any) -> None:
    scheduler = busy()
    assert scheduler.why(scheduler.request(job("train", 0), 0)) == "its turn"
