"""Optuna's storage with retries: while the database is away a call is tried again, and it takes effect once."""

from __future__ import annotations

import contextlib
import copy
import time
import uuid
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, TypeVar

import optuna
import sqlalchemy.exc
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from mqn.errors import FaultError
from mqn.search.storage.database import MARK, Database, as_named

T = TypeVar("T")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0


class Patience:
    """Tries a call again while the database is away, with growing pauses."""

    def __init__(
        self,
        url: str,
        seconds: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Set for how many seconds a call is tried; with 0 it is tried once. `url` is for messages."""
        self.seconds = seconds
        self.say: Callable[[str], object] = lambda _: None
        self._url, self._clock, self._sleep = url, clock, sleep

    def __call__(self, call: Callable[[bool], T]) -> T:
        """Make a call.

        Args:
            call: is told whether it was tried before. Then it may have taken effect, and only its answer was lost.

        Raises:
            DatabaseAwayError: the database was away for longer than the patience.
            DiskError: its disk was full, or failed, for as long.
            StudyError: the database was reached and refuses.
        """
        began, pause, fault = self._clock(), _FIRST_PAUSE_SECONDS, None
        while True:
            try:
                with named(self._url):
                    result = call(fault is not None)
            except FaultError as error:
                waited = self._clock() - began
                if waited + pause > self.seconds:
                    raise
                if fault is None:
                    self.say(f"{error}; waiting for it, up to {self.seconds / 60:.0f} minutes")
                fault = error
                self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                if fault is not None:
                    self.say(f"the study database is back after {self._clock() - began:.0f} s")
                return result


@contextlib.contextmanager
def named(url: str) -> Iterator[None]:
    """Turn a database's failures into errors of `mqn.errors`; other exceptions pass."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        found = as_named(error, url)
        if found is None:
            raise
        raise found from error


def _patient(name: str) -> Any:
    """A method of Optuna's storages that may simply be called again."""

    def call(self: PatientStorage, *words: Any, **options: Any) -> Any:
        return self._patiently(lambda _: getattr(self._inner, name)(*words, **options))

    return call


class PatientStorage(BaseStorage):
    """Optuna's cached storage over a database, with retries.

    A call whose answer was lost may have taken effect. Calls that read, or write the same value, are repeated. Calls
    that make a study or a trial, or change a trial's state, check first what is there.
    """

    create_new_study = _patient("create_new_study")  # If an earlier try made the study, it exists already.
    set_trial_param = _patient("set_trial_param")
    set_trial_intermediate_value = _patient("set_trial_intermediate_value")
    set_trial_user_attr = _patient("set_trial_user_attr")
    set_trial_system_attr = _patient("set_trial_system_attr")
    set_study_user_attr = _patient("set_study_user_attr")
    set_study_system_attr = _patient("set_study_system_attr")
    get_study_id_from_name = _patient("get_study_id_from_name")
    get_study_name_from_id = _patient("get_study_name_from_id")
    get_study_directions = _patient("get_study_directions")
    get_study_user_attrs = _patient("get_study_user_attrs")
    get_study_system_attrs = _patient("get_study_system_attrs")
    get_all_studies = _patient("get_all_studies")
    get_trial_id_from_study_id_trial_number = _patient("get_trial_id_from_study_id_trial_number")
    get_trial = _patient("get_trial")
    remove_session = _patient("remove_session")

    def __init__(self, database: Database, patience: Patience) -> None:
        """Put patience in front of a database."""
        self._inner: Any = optuna.storages.get_storage(database)
        self._patiently = patience
        self._still: dict[int, list[FrozenTrial]] | None = None

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Read a study's trials once while the block runs: TPE reads them again for each dimension."""
        self._still = {}
        try:
            yield
        finally:
            self._still = None

    def delete_study(self, study_id: int) -> None:
        """As Optuna's."""

        def delete(again: bool) -> None:
            with contextlib.suppress(*(KeyError,) if again else ()):
                self._inner.delete_study(study_id)

        self._patiently(delete)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As Optuna's. One trial is made, however often it is tried."""
        template = template_trial or create_trial(state=TrialState.RUNNING)
        # A copy: the template of Optuna's `add_trial` belongs to its caller.
        marks = {**template.system_attrs, MARK: uuid.uuid4().hex}
        marked = create_trial(
            state=template.state,
            values=template.values,
            params=template.params,
            distributions=template.distributions,
            user_attrs=template.user_attrs,
            system_attrs=marks,
            intermediate_values=template.intermediate_values,
        )
        return self._patiently(lambda _: self._inner.create_new_trial(study_id, marked))

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """As Optuna's. True if an earlier try has set the state."""

        def set_state(again: bool) -> bool:
            if again:
                now = self._inner.get_trial(trial_id)
                if now.state == state and (values is None or list(values) == list(now.values or ())):
                    return True
            return bool(self._inner.set_trial_state_values(trial_id, state, values))

        return self._patiently(set_state)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As Optuna's."""
        if self._still is None:
            return self._patiently(lambda _: list(self._inner.get_all_trials(study_id, deepcopy, states)))
        if study_id not in self._still:
            self._still[study_id] = self._patiently(lambda _: list(self._inner.get_all_trials(study_id, False)))
        found = [trial for trial in self._still[study_id] if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found
