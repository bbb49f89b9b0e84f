"""Studies: Optuna keeps the truth about trials, in a database that survives any kill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from mqn.errors import StudyError, UnknownNameError
from mqn.parsing import from_mapping, to_plain
from mqn.records import TrialRecord
from mqn.search.about import About, check_name
from mqn.search.drawing import draw_point, identity, make_sampler, settle, untried
from mqn.search.lease import Lease
from mqn.search.points import Params
from mqn.search.space import parse_space
from mqn.search.store import StudyStore, connect, is_absent

optuna.logging.set_verbosity(optuna.logging.WARNING)

_ABOUT, _GOAL, _ACCEPTED, _RECORD, _FIXED = "mqn", "goal", "accepted", "record", "fixed_params"
# Attributes of a trial: the number of the failed one that it tries again, and why it stands for nothing.
_RETRIES, _ASIDE = "retries", "aside"
ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
"""States that no trial leaves."""
_REMADE = "remade/"


class Study:
    """One study, open."""

    def __init__(self, study: optuna.Study, about: About, store: StudyStore, lease: Lease | None = None) -> None:
        """Wrap an Optuna study; use `create_study` or `open_study`."""
        self.optuna = study
        self.about = about
        self.store = store
        self.lease = lease
        self.space = parse_space(about.space, source=f"study {study.study_name!r}")
        self._ended: dict[int, str | None] = {}  # number of a trial that changes no more to its point's identity

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.optuna.study_name)

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

    def accept(self, verdicts: Iterable[str]) -> None:
        """Remember verdicts that made measurements count beyond those of the profile."""
        accepted = dict.fromkeys((*self.accepted, *verdicts))
        if len(accepted) > len(self.accepted):
            self.optuna.set_user_attr(_ACCEPTED, list(accepted))

    @property
    def accepted(self) -> tuple[str, ...]:
        """Those verdicts; the figures that came of them are marked in fronts."""
        return tuple(self.optuna.user_attrs.get(_ACCEPTED, ()))

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Optuna's trials in these states (all states if none is given), by number; those put aside are left out."""
        every = self.optuna.get_trials(deepcopy=False)
        again = {trial.user_attrs[_RETRIES] for trial in every if _RETRIES in trial.user_attrs}
        return [
            trial
            for trial in every
            if (not states or trial.state in states) and trial.number not in again and _ASIDE not in trial.user_attrs
        ]

    def begun(self) -> int:
        """How many trials were begun, whatever came of them."""
        return len(self.trials(TrialState.RUNNING, *ENDED))

    def enqueue(self, points: list[Params]) -> int:
        """Put points behind those that wait already; points that the study holds in any state are left out.

        Returns:
            How many were added.
        """
        if not points:
            return 0
        known = self._known(self.trials())
        added = 0
        for point in points:
            if identity(point) not in known:
                known.add(identity(point))
                self.optuna.enqueue_trial(point)
                added += 1
        return added

    def ask(self) -> optuna.Trial | None:
        """Take the next trial: the oldest one that waits, or a new one from the sampler.

        Returns:
            It, with a point that no other trial has; None where no point is left.
        """
        for frozen in self.trials(TrialState.WAITING):
            if self._hold(frozen) and self.store.storage.set_trial_state_values(trial_id(frozen), TrialState.RUNNING):
                tried = self._known(self.trials(TrialState.RUNNING, *ENDED), but=frozen)
                trial = self._settle(frozen, tried)
                if trial is not None:
                    return trial
        if self.space.sampler == "grid" or self._exhausted():
            return None
        # The draw depends on the seed and the trial's number alone, so that a resumed study does not repeat itself.
        self.optuna.sampler = make_sampler(self.space, self.about.seed, 0)
        fresh = self.store.storage.get_trial(self.optuna.ask()._trial_id)  # noqa: SLF001 - Optuna has no public name
        self._hold(fresh)
        return self._settle(fresh, frozenset())

    def take_up(self, frozen: FrozenTrial) -> optuna.Trial | None:
        """Go on with a trial that another driver left; it keeps every value it was given.

        Returns:
            It; None where another driver holds it, or no point is left for it.
        """
        return self._settle(frozen, frozenset()) if self._hold(frozen) else None

    def retry_failed(self) -> int:
        """Queue the points of failed trials once more; the new trials stand for the failed ones.

        Returns:
            How many.
        """
        failed = self.trials(TrialState.FAIL)
        for frozen in failed:
            self.optuna.enqueue_trial(params_of(frozen), user_attrs={_RETRIES: frozen.number})
        return len(failed)

    def note(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Keep a trial's record beside it, before the trial is finished."""
        trial.set_user_attr(_RECORD, to_plain(record))
        kept = trial.constraints
        for name, violation in record.violations.items():
            if name not in kept:
                trial.set_constraint(name, violation)
        if record.state == "held" and self.lease is not None:
            self.lease.let_go(trial._trial_id)  # noqa: SLF001

    def finish(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Tell Optuna how a trial ended; a trial that is finished already stays as it is."""
        if record.state == "complete":
            values = [record.figures[objective.metric] for objective in self.space.objectives]
            self.optuna.tell(trial, values, skip_if_finished=True)
        else:
            self.optuna.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        if self.lease is not None:
            self.lease.let_go(trial._trial_id)  # noqa: SLF001

    def noted(self, frozen: FrozenTrial) -> TrialRecord | None:
        """The record kept beside a trial, if it came that far."""
        plain = frozen.user_attrs.get(_RECORD)
        if plain is None:
            return None
        return from_mapping(TrialRecord, plain, source=f"trial {frozen.number} of study {self.name!r}")

    def remade(self) -> dict[int, dict[str, str]]:
        """By number of a trial and step: the names of artifacts that came out as others when they were made again."""
        kept = self.optuna.user_attrs.items()
        return {int(name.removeprefix(_REMADE)): keys for name, keys in kept if name.startswith(_REMADE)}

    def remember_remade(self, number: int, keys: Mapping[str, str]) -> None:
        """Keep the names of artifacts that came out as others when they were made again; Optuna closes ended trials.

        Args:
            number: the trial's.
            keys: by step.
        """
        name = f"{_REMADE}{number}"
        self.optuna.set_user_attr(name, {**self.optuna.user_attrs.get(name, {}), **keys})

    def _hold(self, frozen: FrozenTrial) -> bool:
        return self.lease is None or self.lease.claim(trial_id(frozen))

    def _settle(self, frozen: FrozenTrial, tried: Iterable[str]) -> optuna.Trial | None:
        """Give a trial, which runs, its whole point, in one write; put it aside where there is none for it."""
        given = params_of(frozen)
        point, reason = settle(self.space, given), "its point is another trial's"
        if point is None:
            with self.store.storage.standing_still():
                known = self._known(self.trials(), but=frozen)
                point = draw_point(self.optuna, self.space, frozen, seed=self.about.seed, pinned=given, known=known)
            reason = "the space has no such point left"
        elif identity(point) in tried:
            point = None
        if point is None:
            self.store.storage.set_trial_user_attr(trial_id(frozen), _ASIDE, reason)
            self.store.storage.set_trial_state_values(trial_id(frozen), TrialState.FAIL)
            return None
        if frozen.params.keys() != point.keys() and frozen.system_attrs.get(_FIXED) != point:
            self.store.storage.set_trial_system_attr(trial_id(frozen), _FIXED, point)
        self.optuna.sampler = make_sampler(self.space, self.about.seed, frozen.number)
        return optuna.Trial(self.optuna, trial_id(frozen))

    def _known(self, trials: Iterable[FrozenTrial], but: FrozenTrial | None = None) -> set[str]:
        number = None if but is None else but.number
        found = (self._identity(trial) for trial in trials if trial.number != number)
        return {point for point in found if point is not None}

    def _identity(self, trial: FrozenTrial) -> str | None:
        if trial.number in self._ended:
            return self._ended[trial.number]
        point = settle(self.space, params_of(trial))
        found = None if point is None else identity(point)
        if trial.state.is_finished():
            self._ended[trial.number] = found
        return found

    def _exhausted(self) -> bool:
        return untried(self.space, np.random.default_rng(0), known=self._known(self.trials())) is None


def params_of(trial: FrozenTrial) -> Params:
    """The values that a trial stands for: those it was queued with, and those it was given."""
    return {**trial.system_attrs.get(_FIXED, {}), **trial.params}


def create_study(name: str, where: str | StudyStore, about: About, lease: Lease | None = None) -> Study:
    """Make a new study, or complete one whose making was cut short.

    Args:
        name: the study's.
        where: the database.
        about: what it is made of.
        lease: the driver's.

    Raises:
        StudyError: the study exists already.
        UsageError: a study may not have that name.
    """
    check_name(name)
    store = connect(where)
    directions = parse_space(about.space, source="space").directions
    try:
        study = optuna.create_study(storage=store.storage, study_name=name, directions=directions)
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(storage=store.storage, study_name=name)
        if _ABOUT in study.user_attrs:
            raise StudyError(
                f"study {name!r} exists already; go on with --resume, or start another with --study NAME"
            ) from None
    about = from_mapping(About, {**to_plain(about), "created": datetime.now(UTC).isoformat()}, source="study")
    made = Study(study, about, store, lease)
    made.enqueue(list(made.space.start))  # Before the study counts as made, so that no kill can lose them.
    study.set_user_attr(_ABOUT, to_plain(about))
    return made


def open_study(name: str, where: str | StudyStore, lease: Lease | None = None) -> Study:
    """Open a study that exists.

    Raises:
        UnknownNameError: it does not; names the nearest.
    """
    store = None if is_absent(where) else connect(where)
    summaries = {} if store is None else _own(store)
    if store is None or name not in summaries:
        raise UnknownNameError("study", name, summaries, "start one with: mqn search SPACE --study NAME")
    study = optuna.load_study(storage=store.storage, study_name=name)
    return Study(study, from_mapping(About, summaries[name], source=f"study {name!r}"), store, lease)


def list_studies(where: str | StudyStore) -> dict[str, About]:
    """Every study of a database by name, oldest first."""
    own = {} if is_absent(where) else _own(connect(where))
    return {name: from_mapping(About, plain, source=f"study {name!r}") for name, plain in own.items()}


def trial_id(trial: FrozenTrial) -> int:
    """What a trial goes by in its database."""
    return trial._trial_id  # noqa: SLF001 - Optuna has no public name for what its storage goes by


def _own(store: StudyStore) -> dict[str, dict[str, Any]]:
    return {
        study.study_name: study.user_attrs[_ABOUT]
        for study in store.storage.get_all_studies()
        if _ABOUT in study.user_attrs
    }
