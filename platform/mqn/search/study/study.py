"""A study: its trials and their records, in Optuna's database."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from mqn.parsing import to_plain
from mqn.records import TrialRecord
from mqn.search.samplers.frontier.prior import PRIOR
from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space
from mqn.search.storage.drivers import Driver
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import StudyStore
from mqn.search.storage.trial_reading import CONSTRAINTS, PLAIN_CONSTRAINTS, SYSTEM_ATTRIBUTES, USER_ATTRIBUTES
from mqn.search.storage.trial_writing import end_trial, put_attributes
from mqn.search.study.about import About
from mqn.search.trials.confirmation import Confirmation
from mqn.search.trials.confirming import ConfirmingSupply
from mqn.search.trials.history import History
from mqn.search.trials.knowledge import record_attributes
from mqn.search.trials.mirror import RECORD, Mirror, trial_id
from mqn.search.trials.records import Records
from mqn.search.trials.rung_marks import is_paused
from mqn.search.trials.running import RunningTrial

optuna.logging.set_verbosity(optuna.logging.WARNING)

ABOUT, REMADE = "mqn", "remade/"
"""User attributes of a study: what it was made with; with a trial's number behind it, artifacts of the trial that were
made again under other keys."""
IMPORTED = "imported"
"""User attribute of a study that came from elsewhere: `from`, `mqn`, `at`, and `incomplete`."""
_GOAL, _ACCEPTED = "goal", "accepted"
ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
"""States that no trial leaves."""


class Study:
    """One study, open."""

    def __init__(self, study: optuna.Study, about: About, store: StudyStore, lease: Lease | None, space: Space) -> None:
        """Wrap an Optuna study; use `mqn.search.study.studies`."""
        self.optuna = study
        self.about = about
        self.store = store
        self.lease = lease
        self.space = space
        self._id = study._study_id  # noqa: SLF001 - Optuna has no public name
        self._mirror = Mirror(store, self._id, space, History(study.directions))
        self._supply = ConfirmingSupply(
            store, self._id, space, self._mirror, directions=study.directions, seed=about.seed, lease=lease
        )
        self.records = Records(store, self._id, str(study.study_name))

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.optuna.study_name)

    @property
    def id(self) -> int:
        """Optuna's."""
        return int(self._id)

    @property
    def seed(self) -> int:
        """That of all that is drawn."""
        return self.about.seed

    @property
    def url(self) -> str:
        """Its database's."""
        return self.store.url

    @property
    def goal(self) -> int | None:
        """How many trials the last driver was to end with; None in older studies."""
        found = self.optuna.user_attrs.get(_GOAL)
        return None if found is None else int(found)

    def set_goal(self, trials: int) -> None:
        """Remember how many trials the study is to have in the end."""
        if self.goal != trials:
            self.optuna.set_user_attr(_GOAL, trials)

    def name_objectives(self) -> None:
        """Name the study's values in its database, so that other programs on it need not call them by number."""
        names = [objective.metric for objective in self.space.objectives]
        if self.optuna.metric_names != names:
            with warnings.catch_warnings():  # Optuna calls it experimental, as it has for years.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self.optuna.set_metric_names(names)

    def accept(self, verdicts: Iterable[str]) -> None:
        """Remember verdicts that made measurements count beyond those of the profile."""
        accepted = dict.fromkeys((*self.accepted, *verdicts))
        if len(accepted) > len(self.accepted):
            self.optuna.set_user_attr(_ACCEPTED, list(accepted))

    @property
    def accepted(self) -> tuple[str, ...]:
        """Those verdicts. Fronts mark the figures of such measurements."""
        return tuple(self.optuna.user_attrs.get(_ACCEPTED, ()))

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Optuna's trials in these states (all states if none is given), by number; those put aside are left out.

        Their records are not among their attributes: see `noted`.
        """
        self._mirror.look()
        return self._mirror.trials(states)

    def changes(self, after: int) -> tuple[dict[int, FrozenTrial | None], int]:
        """What has changed in the trials as this driver has seen them; see `Mirror.changes`. Costs no query."""
        return self._mirror.changes(after)

    @property
    def ended(self) -> int:
        """How many trials have ended, as far as this driver has seen; costs nothing."""
        return self._mirror.ended

    def begun(self) -> int:
        """How many trials were begun, finished or not; those that confirm others do not count."""
        self._mirror.look()
        return self._mirror.begun

    def confirmations(self) -> dict[int, Confirmation]:
        """What trials confirm, by their numbers, begun or not."""
        self._mirror.look()
        return self._mirror.confirmations()

    def enqueue(self, points: Sequence[Params]) -> int:
        """Queue points, but for those that a trial of the study has already, and return how many."""
        return self._supply.enqueue(points)

    def ask(self, only: Callable[[Params], bool] | None = None, *, most: int | None = None) -> RunningTrial | None:
        """Begin a trial; see `Supply.ask`."""
        return self._supply.ask(only, most=most)

    def confirming(self) -> set[int]:
        """Optuna's ids of the trials that confirm others."""
        self._mirror.look()
        return self._mirror.confirming()

    def enqueue_confirmations(self, wanted: Sequence[Confirmation]) -> int:
        """Queue trials that confirm others; see `ConfirmingSupply.enqueue_confirmations`."""
        return self._supply.enqueue_confirmations(wanted)

    def ask_confirmation(self) -> RunningTrial | None:
        """Begin a queued trial that confirms another; None where none waits."""
        return self._supply.ask_confirmation()

    @property
    def fallback(self) -> str | None:
        """Why the latest point was drawn by another sampler than the space names; None: it was not."""
        return self._supply.fallback

    def take_up(self, frozen: FrozenTrial) -> RunningTrial | None:
        """Take up a trial that another driver left; see `Supply.take_up`."""
        return self._supply.take_up(frozen)

    def drivers(self) -> list[tuple[Driver, list[int]]]:
        """The living drivers, each with the numbers of the trials that it holds."""
        held = self.store.holdings(self.name)
        numbers = {trial_id(frozen): frozen.number for frozen in self.trials(TrialState.RUNNING)} if held else {}
        return [(driver, sorted(numbers[trial] for trial in trials & numbers.keys())) for driver, trials in held]

    def running(self) -> dict[int, str | None]:
        """Optuna's ids of the running trials, each with the driver that holds it; None: no driver does."""
        return self.store.running(self._id)

    def look_at(self, trial: int) -> FrozenTrial:
        """A trial as it is now, by Optuna's id."""
        return self._mirror.look_at(trial)

    def retry_failed(self) -> int:
        """Queue the points of failed trials again, and return how many. The new trials replace the failed ones."""
        return self._supply.retry_failed()

    def retry(self, trials: Sequence[FrozenTrial]) -> int:
        """Queue the points of trials that have ended again, and return how many. The new trials replace them."""
        return self._supply.retry(trials)

    def paused(self, trials: Collection[int]) -> set[int]:
        """Which of some running trials wait for the promotion of their trainings: they are read anew.

        Args:
            trials: Optuna's ids of trials that other drivers hold.
        """
        if self.space.rungs is None:
            return set()
        self._mirror.look()
        found = self._mirror.look_at_running(trials)
        return {trial_id(trial) for trial in found if is_paused(trial)}

    def tell_sampler(self, trial: RunningTrial, attributes: Mapping[str, Any]) -> None:
        """Write what is known of a running trial by now, as `mqn.search.trials.knowledge` makes it.

        It takes the place of earlier attributes of the same names. Samplers see it from the next draw on.
        """

        def write(session: Session, _again: bool) -> None:
            put_attributes(session, SYSTEM_ATTRIBUTES, trial.id, attributes)

        self.store.write(self._id, write)
        self._mirror.note(trial.number, attributes)

    def note(self, trial: RunningTrial, record: TrialRecord, shown: Mapping[str, str] | None = None) -> None:
        """Write a trial's record. Do this before `finish`. A power cut loses nothing of it.

        Args:
            trial: the trial.
            record: what came of it.
            shown: its pictures, for Optuna's own tools (`mqn.search.stages.gallery`).
        """
        told = {**_learnt(record), **_shown_elsewhere(record), **(shown or {})}

        def write(session: Session, _again: bool) -> None:
            put_attributes(session, USER_ATTRIBUTES, trial.id, {RECORD: to_plain(record)})
            put_attributes(session, SYSTEM_ATTRIBUTES, trial.id, told)
            if record.state == "held" and self.lease is not None:
                self.lease.let_go_in(session, trial.id)

        self.store.write(self._id, write, durable=True)

    def finish(self, trial: RunningTrial, record: TrialRecord) -> None:
        """Tell Optuna how a trial ended. A finished trial stays as it is."""
        state, values = TrialState.FAIL, None
        if record.state == "complete":
            figures = record.figures_by_name()
            state, values = TrialState.COMPLETE, [figures[objective.metric] for objective in self.space.objectives]

        elif record.state in ("gated", "stopped"):
            state = TrialState.PRUNED

        def write(session: Session, _again: bool) -> bool:
            ended = end_trial(session, trial.id, state, values)
            if self.lease is not None:
                self.lease.let_go_in(session, trial.id)
            return ended

        if self.store.write(self._id, write):
            self._mirror.end(trial.number, state, values, _learnt(record))
        else:
            self._mirror.look_at(trial.id)

    @property
    def prior(self) -> bool:
        """Whether trials of earlier studies are kept with it."""
        return PRIOR in self.store.storage.get_study_system_attrs(self._id)

    def keep_prior(self, attributes: Mapping[str, Any]) -> None:
        """Keep trials of earlier studies, for the sampler."""
        for name, value in attributes.items():
            self.store.storage.set_study_system_attr(self._id, name, value)

    @property
    def incomplete(self) -> int:
        """So many of its first trials came from elsewhere without all of their artifacts: nothing is made again."""
        return int(self.optuna.user_attrs.get(IMPORTED, {}).get("incomplete", 0))

    def noted(self, frozen: FrozenTrial) -> TrialRecord | None:
        """A trial's record; None where none was written yet."""
        return self.records.read([frozen]).get(frozen.number)

    def remade(self) -> dict[int, dict[str, str]]:
        """By trial number and step: keys of artifacts that have another key since they were made again."""
        kept = self.optuna.user_attrs.items()
        return {int(name.removeprefix(REMADE)): keys for name, keys in kept if name.startswith(REMADE)}

    def remember_remade(self, number: int, keys: Mapping[str, str]) -> None:
        """Remember new keys of a trial's artifacts by step. Optuna takes nothing for trials that have ended."""
        name = f"{REMADE}{number}"
        self.optuna.set_user_attr(name, {**self.optuna.user_attrs.get(name, {}), **keys})


def _learnt(record: TrialRecord) -> dict[str, Any]:
    """What samplers learn from a record: constraints as `optuna.Trial.set_constraint` keeps them, and knowledge."""
    broken = {f"{CONSTRAINTS}{name}": violation for name, violation in record.violations.items()}
    return {**broken, **record_attributes(record)}


def _shown_elsewhere(record: TrialRecord) -> dict[str, Any]:
    """How far constraints are broken, as versions of Optuna before 5 kept it: `optuna-dashboard` reads nothing else."""
    return {PLAIN_CONSTRAINTS: list(record.violations.values())} if record.violations else {}
