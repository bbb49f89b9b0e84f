"""What became of a study's trials: their records, and how many are in which state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optuna.trial import FrozenTrial, TrialState

from mqn.records import TrialRecord
from mqn.records.trial import TrialState as State
from mqn.search.study import Study, params_of, trial_id

_ENDED: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
}
_WORDS = {"held": "waiting", "waiting": "not begun"}
_STATES: tuple[State, ...] = ("complete", "failed", "pruned", "running", "interrupted", "held")


def records(study: Study) -> list[TrialRecord]:
    """The records of every trial that was begun, by number; running ones have a candidate and no figures yet."""
    held = study.store.held_trials(study.name)
    remade = study.remade()
    found = []
    for frozen in study.trials(TrialState.RUNNING, *_ENDED):
        record = study.noted(frozen)
        state = _state(frozen, record, held)
        if record is None or record.state != state:
            # Either still running, or noted and not yet told: Optuna's word counts.
            candidate = record.candidate if record else study.space.candidate(params_of(frozen))
            record = TrialRecord(study=study.name, number=frozen.number, state=state, candidate=candidate)
        artifacts = {**record.artifacts, **remade.get(frozen.number, {})}
        found.append(replace(record, artifacts=artifacts, label=study.space.label(record.candidate)))
    return found


def count_states(study: Study) -> dict[str, int]:
    """How many trials are complete, failed, pruned, running, interrupted, held, and waiting.

    Running are those that a living driver holds, interrupted those that a dead one left, held those that wait for a
    steady device or for another try, waiting those that nobody has begun.
    """
    held = study.store.held_trials(study.name)
    counts = dict.fromkeys([*_STATES, "waiting"], 0)
    for frozen in study.trials():
        if frozen.state == TrialState.WAITING:
            counts["waiting"] += 1
        else:
            noted = study.noted(frozen) if frozen.state == TrialState.RUNNING else None
            counts[_state(frozen, noted, held)] += 1
    return counts


def say_counts(counts: Mapping[str, int]) -> str:
    """Those numbers for people: `3 complete, 9 waiting`; what there is none of is left out."""
    return ", ".join(f"{count} {_WORDS.get(state, state)}" for state, count in counts.items() if count)


def count_trainings(found: list[TrialRecord]) -> int:
    """How many trainings the records rest on; trials that share a training count it once."""
    return len({record.artifacts["train"] for record in found if "train" in record.artifacts})


def _state(frozen: FrozenTrial, record: TrialRecord | None, held: frozenset[int]) -> State:
    if frozen.state in _ENDED:
        return _ENDED[frozen.state]
    if trial_id(frozen) in held:
        return "running"
    return "held" if record is not None and record.state == "held" else "interrupted"
