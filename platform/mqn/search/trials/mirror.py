"""The trials of a study in memory, as the database had them at the latest look.

A look reads what is new and what other drivers may have changed. What this driver writes is put in at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from mqn.search.space.dimensions import Params
from mqn.search.space.settling import identity, settle
from mqn.search.space.space import Space
from mqn.search.storage.store import StudyStore
from mqn.search.storage.trial_reading import look, look_for_new, read_trials, read_waiting
from mqn.search.trials.confirmation import CONFIRMS, Confirmation, confirmation_of
from mqn.search.trials.history import History
from mqn.search.trials.written import changed, local_now

RECORD = "record"
"""User attribute: a trial's record. It is large, and read only where it is asked for."""

_LOOK_SECONDS = 1.0

# Attributes of a trial: the values that it was queued with; the number of the failed trial that it repeats; why it was
# put aside and does not count.
FIXED, RETRIES, ASIDE = "fixed_params", "retries", "aside"


class Mirror:
    """The trials that count: those put aside, and failed ones that are tried again, are left out where not said."""

    def __init__(
        self,
        store: StudyStore,
        study: int,
        space: Space,
        history: History,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without any.

        Args:
            store: where the study is.
            study: Optuna's id of it.
            space: what is searched.
            history: gets every trial that has ended.
            clock: monotonic seconds.
        """
        self._clock, self._looked = clock, -math.inf
        self._store, self._study, self._space = store, study, space
        self.history = history
        self._all: dict[int, FrozenTrial] = {}
        self._numbers: dict[int, int] = {}  # by id
        self._waiting: dict[int, None] = {}
        self._running: dict[int, None] = {}
        self._hidden: set[int] = set()
        self._confirming: dict[int, Confirmation] = {}
        self._last = self._latest = -1  # largest id and number
        self._known: dict[str, set[int]] = {}
        self._identities: dict[int, str] = {}
        self._unread: dict[int, None] = {}  # numbers of trials whose points are not known yet
        self._changes: list[int] = []  # numbers of trials, each as often as it changed

    def look(self) -> None:
        """Read what is new and what has changed."""
        self._looked = self._clock()

        def read(session: Session) -> list[FrozenTrial]:
            states, waiting = look(session, self._study, self._last)
            changed = {
                trial
                for trial, state in states.items()
                if trial not in self._numbers or self._all[self._numbers[trial]].state != state
            }
            changed |= {trial_id(self._all[number]) for number in self._running} - states.keys()
            still = [number for number in self._waiting if trial_id(self._all[number]) not in changed]
            new = sum(states[trial] == TrialState.WAITING for trial in changed if trial in states)
            if len(still) + new != waiting:
                left = read_waiting(session, self._study)
                changed |= {trial_id(self._all[number]) for number in still} - left
            if not changed:
                return []
            return read_trials(session, self._study, changed if self._all else None, without=(RECORD,))

        for frozen in self._store.read(read):
            self.put(frozen)

    def glance(self) -> None:
        """Read what is new. What has changed is looked for now and then: it matters to samplers alone."""
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self.look()
            return

        def read(session: Session) -> list[FrozenTrial]:
            new = look_for_new(session, self._study, self._last)
            return read_trials(session, self._study, new, without=(RECORD,)) if new else []

        for frozen in self._store.read(read):
            self.put(frozen)

    def look_at(self, trial: int) -> FrozenTrial:
        """Read one trial anew, by Optuna's id, and return it: another driver has changed it."""
        (frozen,) = self._store.read(lambda session: read_trials(session, self._study, [trial], without=(RECORD,)))
        self.put(frozen)
        return frozen

    def put(self, frozen: FrozenTrial) -> None:
        """Take a trial in as it is now."""
        number, before = frozen.number, self._all.get(frozen.number)
        if before is not None and before.state.is_finished():
            return  # What has ended does not change.
        self._all[number] = frozen
        self._changes.append(number)
        self._numbers[trial_id(frozen)] = number
        self._last, self._latest = max(self._last, trial_id(frozen)), max(self._latest, number)
        for states, numbers in ((TrialState.WAITING, self._waiting), (TrialState.RUNNING, self._running)):
            if frozen.state == states:
                numbers[number] = None
            else:
                numbers.pop(number, None)
        confirms = confirmation_of(frozen)
        if confirms is not None:
            self._confirming[number] = confirms
        else:
            self._unread[number] = None
            if frozen.state.is_finished():
                self.history.add(frozen)
        for hidden in ({number} if ASIDE in frozen.user_attrs else set()) | (
            {frozen.user_attrs[RETRIES]} if RETRIES in frozen.user_attrs else set()
        ):
            self._hide(hidden)

    def note(self, number: int, system: Mapping[str, Any]) -> None:
        """Note attributes that this driver has written to a trial."""
        trial = self._all[number]
        self.put(changed(trial, system_attrs={**trial.system_attrs, **system}))

    def look_at_running(self, trials: Collection[int]) -> list[FrozenTrial]:
        """Read running trials anew, and return them: other drivers tell what they know of theirs by now.

        Args:
            trials: Optuna's ids. Those of trials that are not known to run are left out.
        """
        ids = [trial for trial in trials if self._numbers.get(trial) in self._running]
        if not ids:
            return []
        for frozen in self._store.read(lambda session: read_trials(session, self._study, ids, without=(RECORD,))):
            if frozen != self._all[frozen.number]:
                self.put(frozen)
        return [self._all[self._numbers[trial]] for trial in ids]

    def end(self, number: int, state: TrialState, values: Sequence[float] | None, system: Mapping[str, Any]) -> None:
        """Note that this driver has ended a running trial; `system` are attributes that it has got meanwhile."""
        trial = self._all[number]
        attributes = {**trial.system_attrs, **system}
        self.put(changed(trial, state=state, values=values, system_attrs=attributes, datetime_complete=local_now()))

    @property
    def next_number(self) -> int:
        """The number of the trial that is made next, unless another driver makes one first."""
        return self._latest + 1

    @property
    def ended(self) -> int:
        """How many trials have ended, counted or not."""
        return len(self._all) - len(self._waiting) - len(self._running)

    @property
    def begun(self) -> int:
        """How many trials were begun, ended or not; those count that are not left out and confirm no other."""
        return len(self._all.keys() - self._waiting.keys() - self._hidden - self._confirming.keys())

    @property
    def uncounted(self) -> int:
        """How many trials that were begun do not count: put aside, failed and tried again, or confirmations."""
        return len(self._hidden | (self._confirming.keys() - self._waiting.keys()))

    def trials(self, states: Collection[TrialState] = ()) -> list[FrozenTrial]:
        """The trials in these states (all states if none is given), by number."""
        if states and set(states) <= {TrialState.RUNNING, TrialState.WAITING}:
            few = sorted(
                {
                    *(self._running if TrialState.RUNNING in states else ()),
                    *(self._waiting if TrialState.WAITING in states else ()),
                }
            )
            return [self._all[number] for number in few if number not in self._hidden]
        return [
            frozen
            for number, frozen in sorted(self._all.items())
            if number not in self._hidden and (not states or frozen.state in states)
        ]

    def changes(self, after: int) -> tuple[dict[int, FrozenTrial | None], int]:
        """What has changed since an earlier call.

        Args:
            after: what the earlier call returned second; 0: none was made.

        Returns:
            By number the trials that have changed, as they are now, None for one that does not count any more; and what
            the next call is given.
        """
        numbers = dict.fromkeys(self._changes[after:])
        found = {number: None if number in self._hidden else self._all.get(number) for number in numbers}
        return found, len(self._changes)

    def running(self) -> list[FrozenTrial]:
        """Every running trial that confirms no other, for samplers."""
        return [self._all[number] for number in self._running if number not in self._confirming]

    def queue(self, *, confirming: bool = False) -> Iterator[FrozenTrial]:
        """What waits, oldest first: trials of their own, or those that confirm others. More may be put in meanwhile."""
        passed = -1
        while (number := next((n for n in self._waiting if n > passed), None)) is not None:
            passed = number
            if number not in self._hidden and (number in self._confirming) == confirming:
                yield self._all[number]

    def confirming(self) -> set[int]:
        """Optuna's ids of the trials that confirm others."""
        return {trial_id(self._all[number]) for number in self._confirming}

    def confirmations(self) -> dict[int, Confirmation]:
        """What trials confirm, by their numbers, begun or not; those that failed and are tried again are left out."""
        return {number: told for number, told in self._confirming.items() if number not in self._hidden}

    @property
    def known(self) -> Collection[str]:
        """The points that trials have, as `identity` gives them."""
        self._read_points()
        return self._known.keys()

    def tried(self, point: Params, but: int) -> bool:
        """Whether a trial with a point was begun, other than the trial `but`. One that confirms may have any point."""
        if but in self._confirming:
            return False
        self._read_points()
        others = self._known.get(identity(point), set()) - {but}
        return any(number not in self._waiting for number in others)

    def _read_points(self) -> None:
        """Learn the points of trials that are new or have changed. Done where they are asked for: status needs none."""
        for number in self._unread:
            self._forget_point(number)
            if number not in self._hidden:
                point = settle(self._space, params_of(self._all[number]))
                if point is not None:
                    self._identities[number] = identity(point)
                    self._known.setdefault(self._identities[number], set()).add(number)
        self._unread.clear()

    def _hide(self, number: int) -> None:
        self._hidden.add(number)
        self._changes.append(number)
        self._forget_point(number)

    def _forget_point(self, number: int) -> None:
        point = self._identities.pop(number, None)
        if point is not None:
            self._known[point].discard(number)
            if not self._known[point]:
                del self._known[point]


def params_of(trial: FrozenTrial) -> Params:
    """A trial's values: those it was queued with, and those it was given later."""
    return {**trial.system_attrs.get(FIXED, {}), **trial.params}


def fixed_as(trial: FrozenTrial) -> dict[str, Any]:
    """System attributes of a trial that is queued with the same values, and that confirms the same, if any."""
    told = trial.system_attrs.get(CONFIRMS)
    return {FIXED: params_of(trial), **({} if told is None else {CONFIRMS: told})}


def trial_id(trial: FrozenTrial) -> int:
    """A trial's id in the database."""
    return trial._trial_id  # noqa: SLF001 - Optuna has no public name for what its storage goes by
