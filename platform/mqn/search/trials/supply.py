"""What a study begins next: trials of its queue, and trials with new points. Each is begun in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from mqn.search.samplers.frontier.sampler import FALLBACK
from mqn.search.samplers.making import COUNTS_GENERATIONS, DRAWS_BLINDLY
from mqn.search.space.dimensions import Params
from mqn.search.space.settling import identity, settle
from mqn.search.space.space import Space
from mqn.search.storage import trial_writing as writing
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import StudyStore
from mqn.search.storage.trial_reading import SYSTEM_ATTRIBUTES
from mqn.search.storage.trial_writing import NewTrial, OutrunError
from mqn.search.trials.confirmation import confirmation_of
from mqn.search.trials.history import LearningStorage
from mqn.search.trials.learning import learnt_from
from mqn.search.trials.mirror import ASIDE, FIXED, RETRIES, Mirror, fixed_as, params_of, trial_id
from mqn.search.trials.running import RunningTrial
from mqn.search.trials.sampling import Drawn, draw_point, make_draft, with_distributions
from mqn.search.trials.written import apart, as_read, changed, local_now

_NONE_LEFT = "the space has no such point left"


class Supply:
    """Begins the trials of one study."""

    def __init__(
        self,
        store: StudyStore,
        study: int,
        space: Space,
        mirror: Mirror,
        *,
        directions: Sequence[StudyDirection],
        seed: int,
        lease: Lease | None,
    ) -> None:
        """Put the parts together.

        Args:
            store: where the study is.
            study: Optuna's id of it.
            space: what is searched.
            mirror: the trials that there are.
            directions: of the objectives.
            seed: of the study.
            lease: of the driver that begins them; None: there are no other drivers.
        """
        self._store, self._id, self._space, self._mirror = store, study, space, mirror
        self._directions, self._seed, self._lease = directions, seed, lease
        self.fallback: str | None = None
        """Why the latest point was drawn by another sampler than the space names; None: it was not."""

    def enqueue(self, points: Sequence[Params]) -> int:
        """Queue points, but for those that a trial of the study has already, and return how many."""
        wanted = {identity(point): point for point in points}

        def fresh() -> list[NewTrial]:
            self._mirror.glance()
            new = [point for name, point in wanted.items() if name not in self._mirror.known]
            return [NewTrial(state=TrialState.WAITING, system={FIXED: point}) for point in new]

        return self._queue(fresh) if points else 0

    def ask(self, only: Callable[[Params], bool] | None = None, *, most: int | None = None) -> RunningTrial | None:
        """Begin the oldest trial in the queue, or one with a point that no other has.

        Args:
            only: says which points of the queue may be begun; None: all, and further ones are drawn.
            most: how many trials of the study may have begun then, whoever began them.

        Returns:
            The trial; None where no point is left.

        Raises:
            GoalReachedError: so many trials have begun already.
        """
        self._mirror.glance()
        with self._beginning(most):
            return self._ask(only)

    def _ask(self, only: Callable[[Params], bool] | None) -> RunningTrial | None:
        for frozen in self._mirror.queue():
            if only is None or self._may_begin(frozen, only):
                trial = self._begin(frozen)
                if trial is not None:
                    return trial
        return None if only is not None or self._space.sampler == "grid" else self._draw()

    def take_up(self, frozen: FrozenTrial) -> RunningTrial | None:
        """Take up a trial that another driver left.

        None: another driver holds it or has ended it, or no point is left for it.
        """
        if self._lease is not None:
            if not self._lease.claim(trial_id(frozen)):
                return None
            frozen = self._mirror.look_at(trial_id(frozen))
            if frozen.state != TrialState.RUNNING:
                self._lease.let_go(trial_id(frozen))
                return None
        with self._points_alone():
            drawn = self._complete(frozen)
            if drawn.point is None:
                self._put_aside(frozen, _NONE_LEFT)
                return None
        values = with_distributions(self._space, drawn.point)
        missing = {name: value for name, value in values.items() if name not in frozen.params}
        if missing or drawn.noted:

            def write(session: Session, _again: bool) -> None:
                writing.add_params(session, trial_id(frozen), missing)
                writing.put_attributes(session, SYSTEM_ATTRIBUTES, trial_id(frozen), drawn.noted)

            self._store.write(self._id, write)
            self._mirror.look_at(trial_id(frozen))
        return _running(frozen, drawn.point)

    def retry_failed(self) -> int:
        """Queue the points of failed trials again, and return how many. The new trials replace the failed ones."""
        self._mirror.look()
        return self.retry(self._mirror.trials([TrialState.FAIL]))

    def retry(self, trials: Sequence[FrozenTrial]) -> int:
        """Queue the points of trials that have ended again, and return how many. The new trials replace them."""
        fresh = [
            NewTrial(state=TrialState.WAITING, system=fixed_as(frozen), user={RETRIES: frozen.number})
            for frozen in trials
        ]
        self._make(fresh, number=None)
        return len(fresh)

    def _may_begin(self, frozen: FrozenTrial, only: Callable[[Params], bool]) -> bool:
        point = settle(self._space, params_of(frozen))
        return point is not None and only(point)

    def _begin(self, frozen: FrozenTrial) -> RunningTrial | None:
        """Begin a trial that waits, with its whole point, in one write; put it aside where there is none for it."""
        point = settle(self._space, params_of(frozen))
        if point is not None:
            if self._mirror.tried(point, but=frozen.number):
                self._put_aside(frozen, "its point is another trial's")
                return None
            return self._set_running(frozen, Drawn(point=point, noted=self._generation(frozen)))
        with self._points_alone():
            drawn = self._complete(frozen)
            if drawn.point is None:
                self._put_aside(frozen, _NONE_LEFT)
                return None
            return self._set_running(frozen, drawn)

    def _set_running(self, frozen: FrozenTrial, drawn: Drawn) -> RunningTrial | None:
        assert drawn.point is not None
        values, trial = with_distributions(self._space, drawn.point), trial_id(frozen)

        def write(session: Session, again: bool) -> bool:
            begun = writing.begin_trial(session, trial, values, drawn.noted, again=again)
            if begun:
                self._store.database.made(session, trial)
            return begun

        begun = self._store.write(self._id, write)
        if begun:
            params, distributions = apart(values)
            self._mirror.put(
                changed(
                    frozen,
                    state=TrialState.RUNNING,
                    params=params,
                    distributions=distributions,
                    system_attrs={**frozen.system_attrs, **drawn.noted},
                    datetime_start=local_now(),
                )
            )
        else:
            self._mirror.look_at(trial)
        return _running(frozen, drawn.point) if begun else None

    def _complete(self, frozen: FrozenTrial) -> Drawn:
        """The point of a trial: its own, or one with the values that it has."""
        given = params_of(frozen)
        point = settle(self._space, given)
        if point is not None:
            return Drawn(point=point)
        self._mirror.look()
        return self._draw_point(frozen.number, pinned=given)

    def _draw(self) -> RunningTrial | None:
        """Make a trial with a point that no other has. The point depends on the seed and the trial's number alone."""
        while True:
            number = self._mirror.next_number
            drawn = self._draw_point(number, pinned={})
            if drawn.point is None:
                return None
            values = with_distributions(self._space, drawn.point)
            fresh = NewTrial(state=TrialState.RUNNING, params=values, system=drawn.noted)
            try:
                ((trial, _),) = self._make([fresh], number=number)
            except OutrunError:  # Another driver made a trial: now the number is another, and there is a point more.
                self._mirror.look()
                continue
            return RunningTrial(number=number, id=trial, params=drawn.point)

    def _draw_point(self, number: int, pinned: Params) -> Drawn:
        drawn = draw_point(
            self._space, number, seed=self._seed, seen=self._seen(number), pinned=pinned, known=self._mirror.known
        )
        self.fallback = drawn.noted.get(FALLBACK)
        return drawn

    def _seen(self, number: int) -> Callable[[], LearningStorage]:
        """What the sampler of a trial learns from."""
        sampler = self._space.sampler
        if sampler in DRAWS_BLINDLY:
            return lambda: LearningStorage(self._directions, ())
        if sampler == "frontier" and self._lease is not None:
            held = self._store.running(self._id).items()
            self._mirror.look_at_running([trial for trial, driver in held if driver != self._lease.driver])
        trials, storage = learnt_from(self._mirror, sampler, self._seed, number), self._store.storage
        return lambda: LearningStorage(
            self._directions,
            trials,
            read=lambda: storage.get_study_system_attrs(self._id),
            write=lambda key, value: storage.set_study_system_attr(self._id, key, value),
        )

    def _generation(self, frozen: FrozenTrial) -> Mapping[str, Any]:
        """NSGA-II and NSGA-III count trials with given points in their generation too."""
        if self._space.sampler not in COUNTS_GENERATIONS:
            return {}
        storage = self._seen(frozen.number)()
        make_draft(self._space, frozen.number, seed=self._seed, storage=storage, pinned={})
        return storage.noted

    def _queue(self, fresh: Callable[[], Sequence[NewTrial]]) -> int:
        """Queue trials, and return how many. `fresh` lists them anew where another driver has made trials meanwhile."""
        while True:
            trials = fresh()
            try:
                self._make(trials, number=self._mirror.next_number)
            except OutrunError:
                continue
            return len(trials)

    def _make(self, trials: Sequence[NewTrial], number: int | None) -> list[tuple[int, int]]:
        """Make trials in one write, and put them into the mirror; `number` as in `make_trials`."""
        if not trials:
            return []
        mark = uuid.uuid4().hex

        def write(session: Session, again: bool) -> list[tuple[int, int]]:
            made = writing.make_trials(session, self._id, trials, mark=mark, number=number, again=again)
            for (trial, _), new in zip(made, trials, strict=True):
                if new.state == TrialState.RUNNING:
                    self._store.database.made(session, trial)
            return made

        made = self._store.write(self._id, write)
        if number is None:  # There may be others' trials between.
            self._mirror.look()
        else:
            for (trial, own), new in zip(made, trials, strict=True):
                self._mirror.put(as_read(trial, own, new, mark))
        return made

    def _put_aside(self, frozen: FrozenTrial, reason: str) -> None:
        trial = trial_id(frozen)

        def write(session: Session, _again: bool) -> None:
            writing.set_aside(session, trial, {ASIDE: reason})
            if self._lease is not None:
                self._lease.let_go_in(session, trial)

        self._store.write(self._id, write)
        self._mirror.look_at(trial)

    def _beginning(self, most: int | None) -> AbstractContextManager[None]:
        """While it lasts, no trial begins beyond `most`. Trials that do not count any more are added to it."""
        if self._lease is None or most is None:
            return nullcontext()
        return self._lease.beginning(self._id, most + self._mirror.uncounted)

    def _points_alone(self) -> AbstractContextManager[None]:
        """While it lasts, no other driver completes points. A trial that is drawn whole is checked when it is made."""
        return nullcontext() if self._lease is None else self._lease.alone("points")


def _running(frozen: FrozenTrial, point: Params) -> RunningTrial:
    return RunningTrial(number=frozen.number, id=trial_id(frozen), params=point, confirms=confirmation_of(frozen))
