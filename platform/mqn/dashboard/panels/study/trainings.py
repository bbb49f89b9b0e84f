"""The tree of a study: its trainings, the plans that share each, and what its rungs decided and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mqn.records import TrialRecord
from mqn.report.pages.view import View
from mqn.search.rungs.board import training_name
from mqn.search.rungs.promotion import spared
from mqn.search.space.tables.rungs import Rungs
from mqn.search.work.steps import RUNG, TRAIN, last_part, rung_of

_ACCURACY = "val_psnr_tm"
_OF_PLAN = "plan."


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Trials that share a network and how it is trained.

    Attributes:
        label: what the study varies of them.
        trials: the trials by number, each with a plan of its own.
        best: numbers of those on the front.
        epochs: that it has in the end.
        rung: the last rung that it has reached; 0: none.
        whole: whether it was trained to its end.
        accuracy: validation PSNR-TM in dB after each epoch, as far as it is known.
    """

    label: str
    trials: tuple[TrialRecord, ...]
    best: tuple[int, ...]
    epochs: int
    rung: int
    whole: bool
    accuracy: tuple[float | None, ...]

    @property
    def trained(self) -> bool:
        """Whether anything of it was trained."""
        return self.whole or self.rung > 0


def group(view: View) -> list[Training]:
    """The trainings of a study: those behind the front first, then the latest."""
    groups: dict[tuple[Any, ...], list[TrialRecord]] = {}
    for record in view.records:
        if record.confirms is None:
            fields = tuple((key, str(value)) for key, value in view.flat(record).items() if not _is_plan(key))
            groups.setdefault(fields, []).append(record)
    varied = [key for key in view.varied if not _is_plan(key)]
    found = [_training(view, records, varied) for records in groups.values()]
    return sorted(found, key=lambda one: (not one.best, -one.trials[-1].number))


def plan_words(view: View, record: TrialRecord, varied: Sequence[str]) -> str:
    """A trial's plan: what the study varies of it; the plan's own name where it varies nothing."""
    words = _words(view, record, [key for key in varied if _is_plan(key)])
    return words or record.candidate.plan.label


def decisions(one: Training, every: Sequence[Training], rungs: Rungs | None, seed: int) -> list[str]:
    """What happened to a training at each rung that it reached, and why, a sentence each.

    Args:
        one: the training.
        every: all trainings of its study.
        rungs: of the space; None: trainings are not stopped early.
        seed: of the study, which decides what trainings are never stopped.
    """
    if rungs is None or not one.trained:
        return []
    told = []
    ends = rungs.of(one.epochs)
    for rung, end in enumerate(ends, start=1):
        passed = one.whole or one.rung > rung
        if not passed and one.rung < rung:
            break
        told.append(f"After {end} of {one.epochs} epochs{_standing(one, every, rungs, rung)}: {_fate(one, passed)}")
    states = {record.state for record in one.trials}
    if one.whole and spared(training_name(one.trials[0].candidate), seed, rungs.spared):
        told.append(f"It is one of the {100 * rungs.spared:g} % of all trainings that are never stopped.")
    elif "stopped" in states and not one.whole:
        told.append(
            f"Of the trainings that reach a rung, one in {rungs.factor} goes on: those with the best plan by what is "
            "known before training (size, latency) and the accuracy there, less what its plan is expected to lose."
        )
    return told


def summary_of(one: Training) -> str:
    """A training in a line: its plans, its epochs, and which of its trials are on the front."""
    plans = f"{len(one.trials)} {'plan' if len(one.trials) == 1 else 'plans'}"
    done = len([value for value in one.accuracy if value is not None])
    if one.whole:
        epochs = f"{one.epochs} epochs"
    elif one.trained or done:
        epochs = f"{done or '?'} of {one.epochs} epochs"
    else:
        epochs = "not trained"
    best = f"on the front: {', '.join(f'#{number}' for number in one.best[:8])}" if one.best else ""
    return " · ".join(part for part in (plans, epochs, _state(one), best) if part)


def _training(view: View, records: Sequence[TrialRecord], varied: Sequence[str]) -> Training:
    parts = [record.artifacts for record in records]
    rungs = [rung_of(step) for made in parts for step in made if step.startswith(RUNG)]
    keys = list(dict.fromkeys(filter(None, map(last_part, parts))))
    curves = [view.curves[key] for key in keys if key in view.curves]
    longest: Sequence[Mapping[str, float | None]] = max(curves, key=len, default=())
    return Training(
        label=_words(view, records[0], varied) or "the one network of this study",
        trials=tuple(records),
        best=tuple(record.number for record in records if record.number in view.best),
        epochs=records[0].candidate.training.epochs,
        rung=max(rungs, default=0),
        whole=any(TRAIN in made for made in parts),
        accuracy=tuple(epoch.get(_ACCURACY) for epoch in longest),
    )


def _is_plan(key: str) -> bool:
    return key.startswith(_OF_PLAN)


def _words(view: View, record: TrialRecord, keys: Sequence[str]) -> str:
    flat = view.flat(record)
    told = ((key.partition(".")[2], flat.get(key)) for key in keys if key in flat)
    return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in told)


def _state(one: Training) -> str:
    states = {record.state for record in one.trials}
    for state, words in (
        ("running", "runs now"),
        ("paused", "waits at a rung"),
        ("stopped", "stopped at a rung"),
        ("gated", "held back by the gate"),
        ("failed", "failed"),
    ):
        if state in states and ("complete" not in states or state in ("running", "paused")):
            return words
    return ""


def _fate(one: Training, passed: bool) -> str:
    if passed:
        return "it was let go on."
    states = {record.state for record in one.trials}
    if "paused" in states:
        return "it waits there; it goes on if it comes among the best of those that reach this rung."
    if "running" in states:
        return "it goes on, or that is being decided now."
    return "it was stopped there." if "stopped" in states else "it went no further."


def _standing(one: Training, every: Sequence[Training], rungs: Rungs, rung: int) -> str:
    """How accurate a training was at a rung, and how that compares; empty where it is not known."""
    own = _at(one, rungs, rung)
    if own is None:
        return ""
    others = [value for value in (_at(other, rungs, rung) for other in every) if value is not None]
    place = 1 + sum(value > own for value in others)
    return f", with {own:.2f} dB in validation, place {place} of {len(others)} there"


def _at(one: Training, rungs: Rungs, rung: int) -> float | None:
    ends = rungs.of(one.epochs)
    return one.accuracy[ends[rung - 1] - 1] if rung <= len(ends) and ends[rung - 1] <= len(one.accuracy) else None
