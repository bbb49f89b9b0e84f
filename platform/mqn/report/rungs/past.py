"""The trials of a study that has run, as the rule of rungs sees them: for its replay, and to count what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import TrialState

from mqn.errors import StudyError
from mqn.quantities import measure_of, quantity
from mqn.records import TrialRecord
from mqn.search.rungs.board import Board, training_name
from mqn.search.rungs.replay import Replay, replay
from mqn.search.rungs.rule import Result, Rule
from mqn.search.space.goals import Objective
from mqn.search.space.tables.rungs import Rungs
from mqn.search.study.study import ENDED, Study
from mqn.search.study.trials import records
from mqn.search.trials.knowledge import read_knowledge
from mqn.search.trials.rung_marks import is_paused, promoted_of

Curves = Mapping[int, Sequence[float]]
"""Accuracy in dB after each epoch of a trial's training, by the trial's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay of a study.

    Attributes:
        rungs: that it was replayed with.
        replay: what came of it.
        stopped: trials whose trainings would have been stopped, each with the epochs of its training by then.
    """

    rungs: Rungs
    replay: Replay
    stopped: dict[int, int]


def replay_study(study: Study, read_curves: Callable[[Sequence[TrialRecord]], Curves]) -> Replayed:
    """Say what the rule would have done: that of the study's own rungs, else of the usual ones.

    Args:
        study: has run; trials that have not ended are left out.
        read_curves: gets the curves of trials from their artifacts, where an older study has kept none.

    Raises:
        StudyError: there are no curves, or the trainings are too short.
    """
    ended = [record for record in records(study) if record.state in ("complete", "stopped")]
    kept = {trial.number: read_knowledge(trial).curve for trial in study.trials(*ENDED)}
    curves: dict[int, Sequence[float]] = {record.number: kept.get(record.number, ()) for record in ended}
    curves |= read_curves([record for record in ended if not curves[record.number]])
    told = [record for record in ended if curves.get(record.number)]
    if not told:
        raise StudyError(
            f"study {study.name!r} has no curves: nothing says how its trainings did epoch by epoch, so that nothing "
            "can be replayed; studies of this version keep them"
        )
    rungs, space = study.space.rungs_table or Rungs(), study.space
    for epochs in sorted({record.candidate.training.epochs for record in told}):
        if sorted({*rungs.of(epochs), epochs}) != [*rungs.of(epochs), epochs]:
            raise StudyError(
                f"study {study.name!r} has trainings of {epochs} epochs, which are too short to be stopped after "
                f"{', '.join(map(str, rungs.of(epochs)))}; nothing can be replayed"
            )
    rule = Rule.of(rungs, space.objectives, space.constraints, study.about.seed)
    results = [_result(record, tuple(curves[record.number]), space.objectives) for record in told]
    found = replay(results, rule)
    stopped = {result.number: found.stopped[result.training] for result in results if result.training in found.stopped}
    return Replayed(rungs=rungs, replay=found, stopped=stopped)


def _result(record: TrialRecord, curve: tuple[float, ...], objectives: Sequence[Objective]) -> Result:
    """What the gate would have known is what was measured in the end."""
    figures = {**record.gate, **record.figures_by_name()}
    told = (one.metric for one in objectives if measure_of(one.metric) and quantity(one.metric).unit == "dB")
    lost = [figures[f"{metric}_drop"] for metric in told if f"{metric}_drop" in figures]
    return Result(
        number=record.number,
        training=training_name(record.candidate),
        plan=record.candidate.plan.label,
        epochs=record.candidate.training.epochs,
        curve=curve,
        known=figures,
        lost=lost[0] if lost else None,
    )


def count_by_rungs(study: Study) -> dict[str, int]:
    """How many trainings were promoted, wait at a rung, and were stopped there; empty for a study without rungs."""
    if study.space.rungs is None:
        return {}
    board = Board(study.space, study.about.seed)
    names: dict[str, set[str]] = {"promoted": set(), "paused": set(), "stopped": set()}
    for trial in study.trials(TrialState.RUNNING, *ENDED):
        told = {"promoted": promoted_of(trial) > 0, "paused": is_paused(trial), "stopped": board.is_stopped(trial)}
        for state in (state for state, true in told.items() if true):
            names[state].add(board.names(trial)[0])
    return {state: len(trainings) for state, trainings in names.items()}
