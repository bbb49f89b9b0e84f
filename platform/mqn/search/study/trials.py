"""The records of a study's trials, and how many trials are in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from mqn.records import TrialRecord
from mqn.records.trial import TrialState as State
from mqn.search.space.goals import Objective
from mqn.search.storage.store import StudyStore
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.trials.confirmation import candidate_of, confirmation_of
from mqn.search.trials.mirror import params_of, trial_id
from mqn.search.trials.rung_marks import is_paused
from mqn.search.work.steps import RUNG, TRAIN

_ENDED: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
}
_WORDS = {"held": "waiting", "waiting": "not begun"}
_STATES: tuple[State, ...] = (
    "complete",
    "failed",
    "pruned",
    "gated",
    "stopped",
    "running",
    "paused",
    "interrupted",
    "held",
)


VolumeOf = Callable[[Sequence[TrialRecord], Sequence[Objective]], float]
"""Measures the hypervolume of a study's front, from its records and its objectives."""


def records(study: Study) -> list[TrialRecord]:
    """The records of all trials that were begun, by number. Running ones have a candidate and no figures."""
    held = study.store.held_trials(study.name)
    remade = study.remade()
    found = []
    trials = study.trials(TrialState.RUNNING, *_ENDED)
    noted = study.records.read(trials)
    for frozen in trials:
        record = noted.get(frozen.number)
        state = _state(frozen, record, held)
        if record is None or record.state != state:
            # It still runs, or its record was written and Optuna was not told: Optuna's state counts.
            confirms = confirmation_of(frozen)
            candidate = record.candidate if record else candidate_of(study.space, params_of(frozen), confirms)
            record = TrialRecord(
                study=study.name,
                number=frozen.number,
                state=state,
                candidate=candidate,
                confirms=None if confirms is None else confirms.trial,
            )
        if frozen.number in remade:
            record = replace(record, artifacts={**record.artifacts, **remade[frozen.number]})
        if not record.label:
            record = replace(record, label=study.space.label(record.candidate))
        if study.about.simulated and not record.simulated:
            record = replace(record, simulated=True)
        found.append(record)
    return found


def count_states(study: Study, found: Sequence[TrialRecord] | None = None) -> dict[str, int]:
    """How many trials are in each state of a record (`TrialRecord`), and how many wait: are queued and not begun.

    Trials that confirm others are not among them. `found` are its records, where they are at hand.
    """
    return _count(study, records(study) if found is None else found, confirming=False)


def count_confirmations(study: Study, found: Sequence[TrialRecord] | None = None) -> dict[str, int]:
    """The same of the trials that confirm others."""
    return _count(study, records(study) if found is None else found, confirming=True)


def count_both(study: Study, found: Sequence[TrialRecord]) -> tuple[dict[str, int], dict[str, int]]:
    """What `count_states` and `count_confirmations` say."""
    return count_states(study, found), count_confirmations(study, found)


def _count(study: Study, found: Sequence[TrialRecord], *, confirming: bool) -> dict[str, int]:
    counts = Counter(record.state for record in found if (record.confirms is not None) == confirming)
    queued = study.trials(TrialState.WAITING)
    waiting = sum((confirmation_of(frozen) is not None) == confirming for frozen in queued)
    return {**{state: counts[state] for state in _STATES}, "waiting": waiting}


def say_counts(counts: Mapping[str, int]) -> str:
    """The counts in words: `3 complete, 9 not begun`. States without a trial are left out."""
    return ", ".join(f"{count} {_WORDS.get(state, state)}" for state, count in counts.items() if count)


def count_trainings(found: list[TrialRecord]) -> int:
    """How many trainings the records use, whole or stopped. A training that trials share counts once."""
    used = (record.artifacts.get(TRAIN) or record.artifacts.get(f"{RUNG}1") for record in found)
    return len(set(filter(None, used)))


def count_all(study: Study) -> dict[str, Any]:
    """How many trials there are by state, and how many trainings they use: what is told of a study that has ended."""
    found = records(study)
    return {"trials": count_states(study, found), "trainings": count_trainings(found)}


def volume_in(name: str, volume: VolumeOf | None, store: StudyStore) -> float | None:
    """The hypervolume of a study's front, as `volume` measures it; None where nothing does.

    Raises `FaultError` where the database is away.
    """
    if volume is None:
        return None
    study = open_study(name, store)
    return volume(records(study), study.space.objectives)


def _state(frozen: FrozenTrial, record: TrialRecord | None, held: frozenset[int]) -> State:
    if frozen.state in _ENDED:
        if frozen.state == TrialState.PRUNED and record is not None and record.state in ("gated", "stopped"):
            return record.state
        return _ENDED[frozen.state]
    if is_paused(frozen):
        return "paused"
    if trial_id(frozen) in held:
        return "running"
    return "held" if record is not None and record.state == "held" else "interrupted"
