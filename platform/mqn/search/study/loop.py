"""The loop of a study: asks Optuna for trials until a limit is reached, and has them run."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

from mqn.profile_tables.budget import COUNTED
from mqn.search.budget.spent import UsedUp
from mqn.search.budget.stall import Stalled, Stalling
from mqn.search.budget.standstill import note_stall
from mqn.search.confirm.phase import queue_confirmations, run_confirmations
from mqn.search.space.ending import Confirm
from mqn.search.storage.lease import GoalReachedError
from mqn.search.study.trial_runner import TrialRunner
from mqn.search.study.trials import records
from mqn.search.trials.company import Company
from mqn.search.work.repair import Repairs, find_damaged

Stopped = Literal["done", "exhausted", "budget", "stalled", "unmet", "interrupted"]
"""Why nothing more began."""


@dataclass(slots=True)
class Loop(TrialRunner):
    """Runs one study to its end, beside other drivers or alone.

    `stalling` says when the front has stalled. How a run ended stands in `used_up`, the budget that held trials back;
    in `stalled`, by how much the front has grown; in `unmet`, the line on hard constraints that no candidate meets.
    """

    stalling: Stalling | None = None
    used_up: UsedUp | None = field(init=False, default=None)
    stalled: Stalled | None = field(init=False, default=None)
    unmet: str = field(init=False, default="")
    _begun: int = field(init=False, default=0)
    _goal: int = field(init=False, default=0)
    _points: int = field(init=False, default=0)
    _fell_back: bool = field(init=False, default=False)

    def run(self) -> Stopped:
        """Take up interrupted trials, then begin new ones until a limit is reached, and say which.

        Other drivers may work on the study too. Trials that one of them leaves behind are taken up. With nothing left
        to begin, the driver waits until the trials of all drivers are over.

        Raises:
            MqnError: a failure that is not one candidate's; trials on their way stay as they are, to be taken up later.
        """
        company, left = self._prepare(), True
        while True:
            over = self.budgets.exceeded()
            stalled = None if over or self.stalling is None else self.stalling.check()
            if company.look():
                self.paused.note_change()
                self._count()
                left = True  # Another driver may have queued some.
            while company.left_behind and self.has_room():
                self.take_up(company.left_behind.pop(min(company.left_behind)))
            ended = over or stalled or self.patience.exhausted
            if not ended and self.promote():
                self._count()
                left = True
            while left and not ended and self._begun < self._goal and self.has_room():
                left = self._begin_next()
            if self.active or self.repairs:
                left = self.advance() or left
            elif over is None and company.look(now=True) and self._awaits(company, stalled):
                self.paused.note_change()
                self._count()
                left = True
                self.wait(company)
            elif not self.patience.exhausted or self.patience.look().exhausted:  # Another driver's may have passed.
                return self._stop(over, stalled, left)

    def _prepare(self) -> Company:
        grid = self.study.space.grid()
        self.study.enqueue(grid)
        self._points = len(grid)
        company = Company(self.study, self.clock)
        whole = [record for record in records(self.study) if record.number >= self.study.incomplete]
        damaged = find_damaged(whole, self.scheduler.store, self.pipeline.steps)
        self.repair(Repairs(damaged, self.study.remember_remade, self.progress.say))
        self.patience.look()
        self._count()
        return company

    def _stop(self, over: UsedUp | None, stalled: Stalled | None, left: bool) -> Stopped:
        """End what is paused, and say why nothing more begins."""
        if self.paused.any_may_go_on:
            self.used_up = over or self.budgets.epochs_used_up()
        self.stop_paused()
        self.budgets.write()
        self._count()
        if self.patience.exhausted:
            self.unmet = self.patience.why
            return "unmet"
        if self._begun >= self._goal:
            return "budget" if self.used_up else "done"
        if stalled and left:
            self.stalled = stalled
            return "stalled"
        self.used_up = self.used_up or self.asking.used_up or (over if left else None)
        return "budget" if self.used_up else "exhausted"

    def run_and_confirm(
        self, confirm: Confirm | None, tell: Callable[[str], object]
    ) -> tuple[Stopped, UsedUp | Stalled | None]:
        """Search, and confirm the front when the search is over; also what an earlier run queued for that.

        Args:
            confirm: how the front is confirmed; None: nothing further is queued.
            tell: told what is queued.

        Returns:
            Why nothing more began, and what was used up or has stalled, if that is why.
        """
        stopped = self.run()
        note_stall(self.study.optuna, self.stalled, self.study.begun())
        if self.used_up is not None and self.used_up.name not in COUNTED:
            return stopped, self.used_up  # Nothing more may begin.
        if confirm is not None:
            with nullcontext() if self.study.lease is None else self.study.lease.alone("confirm"):
                tell(queue_confirmations(self.study, confirm.seeds))
        missing = run_confirmations(self)
        return (stopped, self.used_up or self.stalled) if missing is None else ("budget", missing)

    def _count(self) -> None:
        """Count the trials that all drivers have begun. The goal is the study's: who sets it sets it for all."""
        goal = self.limits.trials
        if self.study.lease is not None:
            goal = self.study.goal or goal
        self._goal = min(goal, self._points) if self._points else goal  # A grid has no trials beyond its points.
        self.progress.total = self._goal
        self._begun = self.study.begun()
        gc.freeze()  # Thousands of records stay: a look through them all would stop the loop for a second.

    def _begin_next(self) -> bool:
        """Begin another trial. Returns whether there may be a further one."""
        try:
            trial = self.asking.ask(self._goal)
        except GoalReachedError:  # by trials of other drivers
            self._begun = self._goal
            return True
        if trial is None:
            return False
        if self.study.fallback is not None and not self._fell_back:
            self.progress.say(self.study.fallback)
            self._fell_back = True
        self._begun += 1
        self.begin(trial)
        return True

    def _awaits(self, company: Company, stalled: object) -> bool:
        """Whether others have trials on their way, or a training may go on by what they have just written."""
        may_go_on = not stalled and self.paused.any_may_go_on and not self.budgets.epochs_used_up()
        return bool(company.left_behind or company.elsewhere or may_go_on)
