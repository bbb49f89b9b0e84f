"""The judge of the fault suite finds what is wrong, and a seed gives the same faults again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from tests.lab.faults.field import Field
from tests.lab.faults.judge import count_repeats, judge_figures, judge_runs, judge_trials, judge_work
from tests.lab.faults.plan import FAULTS, Plan
from tests.lab.faults.stages import value_of
from tests.lab.faults.watching import Seen, Watcher
from tests.support.records import make_trial

from mqn.records import Candidate, Training, TrialRecord

FIELD = cast(Field, type("Bare", (), {"there": None, "s3": None, "mounted": False, "clock_library": None})())
TARGET, KEY = "kind:lab", "k"


def complete(number: int, **changes: Any) -> TrialRecord:
    candidate = Candidate(training=Training(seed=number))
    figures = {"psnr_tm": value_of(candidate), "latency_ms": 2.0}
    given = {"candidate": candidate, "artifacts": {f"measure/{TARGET}": KEY}, **changes}
    return make_trial(number, figures=figures, target=TARGET, **given)


class Told(Watcher):
    """A watcher that was told what there is."""

    def __init__(self, **manifests: dict[str, Any]) -> None:
        self.seen = {name: Seen("", 100.0) for name in manifests}
        self.earlier: frozenset[str] = frozenset()
        self._manifests = manifests

    def manifest(self, name: str) -> dict[str, Any]:
        return self._manifests[name]


MEASURED = Told(**{f"measure/{KEY}": {"details": {"figures": {"latency_ms": 2.0}}}})


def names(seed: int, count: int) -> list[str]:
    plan, found = Plan(seed, count, FIELD), []
    while plan.next is not None:
        found.append(plan.next.fault.name)
        plan.take(happened=True)
    return found


def test_a_seed_gives_the_same_faults_and_each_kind_comes_once_first() -> None:
    possible = {fault.name for fault in FAULTS if fault.can(FIELD)}
    assert names(3, 40) == names(3, 40)
    assert names(3, 40) != names(4, 40)
    assert set(names(3, len(possible))) == possible
    assert "fill disk" not in possible


def test_a_fault_without_a_target_is_replaced() -> None:
    plan = Plan(0, 1, FIELD)
    plan.take(happened=False)
    assert plan.next is not None
    plan.take(happened=True)
    assert plan.next is None
    assert len(plan.missed) == 1


def test_trials_that_are_lost_failed_or_repeated_are_found() -> None:
    found = [complete(0), complete(1)]
    assert judge_trials(found, 2) == []
    assert judge_trials(found, 3) == ["trials are {'complete': 2} instead of 3 complete"]
    assert len(judge_trials([found[0], replace(found[1], state="failed", error="why")], 2)) == 2
    assert judge_trials([found[0], replace(found[0], number=1)], 2) == ["1 candidates have several trials"]


def test_figures_that_are_not_the_candidate_s_or_not_the_measurement_s_are_found() -> None:
    assert judge_figures([complete(0)], MEASURED) == []
    assert len(judge_figures([replace(complete(0), figures={"psnr_tm": 1.0})], MEASURED)) == 1
    assert len(judge_figures([complete(0, device_figures={TARGET: {"latency_ms": 3.0}})], MEASURED)) == 1
    assert len(judge_figures([complete(0, device_figures={})], MEASURED)) == 1


def test_runs_that_are_missing_double_strange_or_wrong_are_found() -> None:
    found = [complete(0), complete(1)]
    runs = [(record.number, "FINISHED", {"psnr_tm": value_of(record.candidate)}) for record in found]
    assert judge_runs(found, runs) == []
    assert judge_runs(found, runs[:1]) == ["MLflow has 0 runs of trial 1"]
    assert judge_runs(found, [*runs, runs[1]]) == ["MLflow has 2 runs of trial 1"]
    assert len(judge_runs(found, [*runs, (2, "FINISHED", {})])) == 1
    assert len(judge_runs(found, [runs[0], (1, "RUNNING", runs[1][2])])) == 1
    assert len(judge_runs(found, [runs[0], (1, "FINISHED", {"psnr_tm": 1.0})])) == 1


def test_work_that_was_done_after_it_was_published_is_found() -> None:
    def line(what: str, attempt: str, at: float) -> dict[str, Any]:
        return {"what": what, "stage": "train", "name": "sa/0", "attempt": attempt, "at": at}

    published = Told(**{"train/k": {"stage": "train", "inputs": {"name": "sa/0"}, "details": {"attempt": "b"}}})
    lines = [line("begin", "a", 80.0), line("end", "a", 90.0), line("begin", "b", 91.0), line("end", "b", 99.0)]
    assert judge_work(lines, published) == []
    assert count_repeats(lines) == 1
    assert judge_work([*lines, line("begin", "c", 120.0)], published) == [
        "train sa/0 was begun again 20.0 s after it was published"
    ]
    assert judge_work(lines[:-1], published) == ["artifact train/k is of attempt b, which has no end"]
    published.earlier = frozenset({"train/k"})
    assert judge_work([], published) == []
