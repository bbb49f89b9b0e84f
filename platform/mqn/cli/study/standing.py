"""Where a study stands, as its database says: what `mqn status` shows in lines, as JSON and live."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqn.records import TrialRecord
    from mqn.report.front.hypervolume import History
    from mqn.search.budget.spent import Spent
    from mqn.search.study.study import Study
    from mqn.search.watch.reading import Told

_FAILURES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a study stands at one moment.

    Attributes:
        study: the study, open.
        records: its trials.
        states: state to the number of trials.
        confirmations: the same of trials that confirm the front.
        trainings: how many the trials use.
        rungs: how many of them were promoted, wait at a rung, and were stopped there; empty without rungs.
        spent: what all its drivers have spent.
        history: its hypervolume, trial by trial.
        told: its living drivers, each with what it said last.
        holds: id of a living driver to the numbers of the trials that it holds.
        goal: trials that it is to have.
    """

    study: Study
    records: list[TrialRecord]
    states: dict[str, int]
    confirmations: Mapping[str, int] = field(default_factory=dict)
    trainings: int
    rungs: dict[str, int]
    spent: Spent
    history: History
    told: list[Told]
    holds: Mapping[str, list[int]]
    goal: int

    @property
    def done(self) -> int:
        """Trials that have ended."""
        return sum(self.states[state] for state in ("complete", "failed", "pruned", "gated", "stopped"))

    @property
    def failures(self) -> dict[int, str]:
        """Number to error of the trials that failed."""
        return {record.number: record.error for record in self.records if record.error}

    @property
    def last_failures(self) -> list[str]:
        """Lines on what failed or was set aside last, as the drivers say, else as the trials do."""
        said = [line for one in self.told if one.snapshot is not None for line in one.snapshot.failures]
        kept = [f"trial {number}: {error}" for number, error in self.failures.items()]
        return (said or kept)[-_FAILURES:]

    @property
    def trials_an_hour(self) -> float | None:
        """How many trials all drivers finish in an hour, as far as they ran; None before the first."""
        rates = [
            3600 * one.snapshot.finished / (one.snapshot.at - one.snapshot.began)
            for one in self.told
            if one.snapshot is not None and one.snapshot.at > one.snapshot.began
        ]
        return sum(rates) or None

    @property
    def seconds_left(self) -> float | None:
        """Roughly, until the goal is reached; None where nobody knows."""
        rate = self.trials_an_hour
        return None if rate is None else 3600 * max(self.goal - self.done, 0) / rate

    @property
    def files(self) -> list[str]:
        """Lines on the gate's files: whether they take as long as the trained ones, and with which rewrites."""
        from mqn.report.timing.rewrites import count_rewrites, rewrites_text
        from mqn.report.timing.untrained import agreement_text, latency_pairs

        tuned = (rewrites_text(target, counts) for target, counts in count_rewrites(self.records).items())
        return [line for line in (agreement_text(latency_pairs(self.records)), *tuned) if line]

    def jobs(self, which: str) -> Counter[str]:
        """Stage to the number of jobs of all drivers that are `running` or `queued`."""
        sums: Counter[str] = Counter()
        for one in self.told:
            if one.snapshot is not None:
                sums.update(getattr(one.snapshot, which))
        return sums


def stand(study: Study) -> Standing:
    """Read where a study stands, from its database only."""
    from mqn.report.front.hypervolume import hypervolume
    from mqn.report.rungs.past import count_by_rungs
    from mqn.search.budget.opening import spent_of
    from mqn.search.study.trials import count_confirmations, count_states, count_trainings, records
    from mqn.search.watch.reading import read_told

    found = records(study)
    return Standing(
        study=study,
        records=found,
        states=count_states(study, found),
        confirmations=count_confirmations(study, found),
        trainings=count_trainings(found),
        rungs=count_by_rungs(study),
        spent=spent_of(study.optuna, study.store),
        history=hypervolume(found, study.space.objectives),
        told=read_told(study.store, study.name),
        holds={driver.id: trials for driver, trials in study.drivers()},
        goal=study.goal or len(study.space.grid()) or study.space.trials,
    )


def status_document(standing: Standing) -> dict[str, Any]:
    """What `mqn status STUDY --json` prints."""
    from mqn.parsing import to_plain
    from mqn.report.timing.rewrites import count_rewrites
    from mqn.report.timing.untrained import latency_pairs
    from mqn.search.budget.opening import limits_of
    from mqn.search.budget.standstill import stall_of

    study, history = standing.study, standing.history
    left = standing.seconds_left
    return {
        "study": study.name,
        "trials": standing.states,
        "confirmations": standing.confirmations,
        "goal": standing.goal,
        "trainings": standing.trainings,
        "rungs": standing.rungs,
        "spent": standing.spent,
        "budget": limits_of(study.optuna),
        "hypervolume": history.final,
        "hypervolume_unit": history.unit,
        "hypervolume_reference": dict(zip((axis.metric for axis in history.axes), history.reference, strict=True)),
        "failures": standing.failures,
        "drivers": [_driver(one, standing.holds.get(one.driver.id, [])) for one in standing.told],
        "running": dict(standing.jobs("running")),
        "queued": dict(standing.jobs("queued")),
        "trials_an_hour": standing.trials_an_hour,
        "seconds_left": None if left is None else math.ceil(left),
        "last_failures": standing.last_failures,
        "stalled": stall_of(study.optuna, study.begun()) or None,
        "untrained_latency": [to_plain(pair) for pair in latency_pairs(standing.records)],
        "lowering": count_rewrites(standing.records),
        "accepted": study.accepted,
        "simulated": study.about.simulated,
    }


def _driver(told: Told, trials: list[int]) -> Mapping[str, Any]:
    """A driver, and what it said last; older versions say nothing."""
    driver = told.driver
    return {
        "host": driver.host,
        "process": driver.process,
        "since": driver.since_text,
        "trials": trials,
        "heartbeat_age_seconds": max(driver.silent_seconds, 0.0),
        "said_seconds_ago": None if told.snapshot is None else told.age_seconds,
        "now": told.snapshot,
    }
