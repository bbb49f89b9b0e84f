"""What the other drivers of a study do, seen from one of them.

A driver looks every two seconds. A running trial that no driver holds was left behind: its driver died, was stopped, or
was silent for as long as its lease. Whoever has room takes it up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from optuna.trial import FrozenTrial, TrialState

from mqn.records import TrialRecord
from mqn.search.storage.lease import Lease
from mqn.search.trials.mirror import trial_id

_LOOK_SECONDS = 2.0


class Driven(Protocol):
    """A study that drivers work on; `mqn.search.study.study.Study` says more."""

    lease: Lease | None

    def trials(self, *states: TrialState) -> Sequence[FrozenTrial]: ...  # noqa: D102

    def running(self) -> dict[int, str | None]: ...  # noqa: D102

    def paused(self, trials: Collection[int]) -> set[int]: ...  # noqa: D102

    def look_at(self, trial: int) -> FrozenTrial: ...  # noqa: D102

    def noted(self, frozen: FrozenTrial) -> TrialRecord | None: ...  # noqa: D102

    def confirming(self) -> set[int]: ...  # noqa: D102


class Company:
    """The other drivers of a study, and the trials that drivers have left behind."""

    def __init__(self, study: Driven, clock: Callable[[], float], *, searching: bool = True) -> None:
        """Begin with every running trial that no driver holds, also those that wait for a steady device.

        Args:
            study: what the drivers work on.
            clock: monotonic seconds.
            searching: whether this driver still searches: then it waits for nobody who confirms the front already.
        """
        self._study, self._clock, self._searching = study, clock, searching
        self._last = clock()
        self._resting: set[int] = set()
        self.elsewhere = 0
        """How many running trials other drivers hold, but for those that wait for a promotion."""
        self.left_behind: dict[int, FrozenTrial] = {}
        """Trials to take up, by number."""
        unheld = None if study.lease is None else self._unheld()
        for frozen in study.trials(TrialState.RUNNING):
            if unheld is None or trial_id(frozen) in unheld:
                self.left_behind[frozen.number] = frozen

    def look(self, *, now: bool = False) -> bool:
        """See what has changed, if it is time to look again or it has to be known `now`. Returns whether it looked.

        A trial that another driver put off by now, because its device is not steady, is left to the next `--resume`.
        """
        if self._study.lease is None or not (now or self._clock() - self._last >= _LOOK_SECONDS):
            return False
        self._last = self._clock()
        self._study.lease.jobs.settle()
        unheld = self._unheld()
        known = {trial_id(frozen) for frozen in self.left_behind.values()}
        for found in unheld - known - self._resting:
            frozen = self._study.look_at(found)
            noted = self._study.noted(frozen)
            if noted is not None and noted.state == "held":
                self._resting.add(found)
            elif frozen.state == TrialState.RUNNING:
                self.left_behind[frozen.number] = frozen
        return True

    def who(self) -> str:
        """The other drivers in words."""
        others = [] if self._study.lease is None else self._study.lease.others()
        return " and ".join(driver.shown for driver in others) or "other drivers"

    def _unheld(self) -> set[int]:
        running = self._study.running()
        own = None if self._study.lease is None else self._study.lease.driver
        held = {trial for trial, driver in running.items() if driver not in (None, own)}
        held -= self._study.paused(held)
        self.elsewhere = len(held - self._study.confirming() if held and self._searching else held)
        return {trial for trial, driver in running.items() if driver is None}
