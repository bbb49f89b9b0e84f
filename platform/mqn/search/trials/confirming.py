"""Queues and begins the trials that confirm others."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import TrialState

from mqn.parsing import to_plain
from mqn.search.storage.trial_writing import NewTrial
from mqn.search.trials.confirmation import CONFIRMS, Confirmation
from mqn.search.trials.mirror import FIXED, params_of
from mqn.search.trials.running import RunningTrial
from mqn.search.trials.supply import Supply


class ConfirmingSupply(Supply):
    """Begins the trials of one study, and those that confirm them."""

    def enqueue_confirmations(self, wanted: Sequence[Confirmation]) -> int:
        """Queue trials that confirm others, but for those that there are already, and return how many."""

        def fresh() -> list[NewTrial]:
            self._mirror.look()
            known = set(self._mirror.confirmations().values())
            params = {frozen.number: params_of(frozen) for frozen in self._mirror.trials()}
            return [
                NewTrial(state=TrialState.WAITING, system={FIXED: params[one.trial], CONFIRMS: to_plain(one)})
                for one in dict.fromkeys(wanted)
                if one not in known
            ]

        return self._queue(fresh)

    def ask_confirmation(self) -> RunningTrial | None:
        """Begin the oldest queued trial that confirms another; None where none waits."""
        self._mirror.glance()
        for frozen in self._mirror.queue(confirming=True):
            trial = self._begin(frozen)
            if trial is not None:
                return trial
        return None
