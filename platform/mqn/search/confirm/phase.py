"""The phase behind a search: members of the front are trained, exported, scored and measured again with further seeds.

Whatever runs a study's trials runs these too. A driver that is killed here leaves its trials behind as in the search:
who resumes the study takes them up, and queues nothing twice. Drivers share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import Protocol

from optuna.trial import FrozenTrial, TrialState

from mqn.search.budget.budgets import Budgets
from mqn.search.budget.spent import UsedUp
from mqn.search.confirm.members import members, wanted
from mqn.search.space.space import Space
from mqn.search.trials.company import Company, Driven
from mqn.search.trials.confirmation import Confirmation, confirmation_of
from mqn.search.trials.mirror import params_of
from mqn.search.trials.running import RunningTrial


class Confirmable(Driven, Protocol):
    """A study whose front can be confirmed; `mqn.search.study.study.Study` says what each method does."""

    space: Space

    def enqueue_confirmations(self, wanted: Sequence[Confirmation]) -> int: ...  # noqa: D102

    def ask_confirmation(self) -> RunningTrial | None: ...  # noqa: D102


def queue_confirmations(study: Confirmable, seeds: int) -> str:
    """Queue what confirms the front with so many further seeds, but for what there is already.

    While trials of an earlier round are left, nothing is queued: what they come to may change the front, and a study
    that was killed shall end as it would have ended.

    Returns:
        A line on what was queued.
    """
    open_trials = study.trials(TrialState.WAITING, TrialState.RUNNING)
    if left := sum(confirmation_of(frozen) is not None for frozen in open_trials):
        return f"confirming goes on: {left} trials of it are not over yet"
    front = members(study.trials(TrialState.COMPLETE), study.space.directions)
    if not front:
        return "no complete trial keeps the constraints, so there is nothing to confirm"
    own = [(frozen.number, study.space.candidate(params_of(frozen)).training.seed) for frozen in front]
    count = study.enqueue_confirmations(wanted(own, seeds))
    return f"confirming the {len(front)} trials of the front with {seeds} further seeds each: {count} trials are queued"


class Runner(Protocol):
    """Runs trials of a study; `mqn.search.study.trial_runner.TrialRunner` says what each method does."""

    @property
    def study(self) -> Confirmable: ...  # noqa: D102

    @property
    def budgets(self) -> Budgets: ...  # noqa: D102

    @property
    def clock(self) -> Callable[[], float]: ...  # noqa: D102

    @property
    def active(self) -> Sized: ...  # noqa: D102

    def has_room(self) -> bool: ...  # noqa: D102

    def begin(self, trial: RunningTrial) -> None: ...  # noqa: D102

    def take_up(self, frozen: FrozenTrial) -> None: ...  # noqa: D102

    def advance(self) -> bool: ...  # noqa: D102

    def wait(self, company: Company) -> None: ...  # noqa: D102


def run_confirmations(runner: Runner) -> UsedUp | None:
    """Run the queued trials that confirm others, and wait until those of all drivers are over.

    A budget of trainings or epochs is the search's, and holds none of them back; any other does.

    Returns:
        The budget that was used up before the last one began; None: all are over.
    """
    company, left = Company(runner.study, runner.clock, searching=False), True
    while True:
        over = runner.budgets.exceeded()
        if company.look():
            left = True
        while company.left_behind and runner.has_room():
            runner.take_up(company.left_behind.pop(min(company.left_behind)))
        while left and not over and runner.has_room():
            trial = runner.study.ask_confirmation()
            left = trial is not None
            if trial is not None:
                runner.begin(trial)
        if runner.active:
            runner.advance()
        elif over is None and company.look(now=True) and (company.left_behind or company.elsewhere):
            left = True
            runner.wait(company)
        else:
            runner.budgets.write()
            return over if left else None
