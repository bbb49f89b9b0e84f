"""A storage that waits for its database: every call is tried again while the database is away, and done once."""

from __future__ import annotations

import contextlib
import copy
import time
import uuid
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, TypeVar

import optuna
import sqlalchemy.exc
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from mqn.errors import FaultError
from mqn.search.database import MARK, Database, as_named

T = TypeVar("T")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0


class Patience:
    """Tries calls to a database again while it is away, with growing pauses."""

    def __init__(
        self,
        url: str,
        seconds: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Set how long to wait.

        Args:
            url: the database's, for error messages.
            seconds: how long a call may go on in vain; 0: it is tried once.
            clock: monotonic seconds.
            sleep: waits.
        """
        self.seconds = seconds
        self.say: Callable[[str], object] = lambda _: None
        self._url, self._clock, self._sleep = url, clock, sleep

    def __call__(self, call: Callable[[bool], T]) -> T:
        """Make a call.

        Args:
            call: told whether it has been tried before: then it may have been done, and only its answer was lost.

        Returns:
            What it returns.

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
    """Give a database's failures their names; what is no such failure passes as it is.

    Args:
        url: the database's.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        found = as_named(error, url)
        if found is None:
            raise
        raise found from error


class PatientStorage(BaseStorage):
    """Optuna's cached storage over a database, with patience.

    A call whose answer was lost may have been done. What reads, or writes the same again, is simply repeated; the
    making of a study or trial and the change of a trial's state are looked at first.
    """

    def __init__(self, database: Database, patience: Patience) -> None:
        """Put patience in front of a database."""
        self._inner: Any = optuna.storages.get_storage(database)
        self._patiently = patience
        self._still: dict[int, list[FrozenTrial]] | None = None

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Read a study's trials once for all that is asked meanwhile: TPE reads them anew for each dimension."""
        self._still = {}
        try:
            yield
        finally:
            self._still = None

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """As Optuna's; a study that an earlier try has made is found to exist."""
        return self._patiently(lambda _: self._inner.create_new_study(directions, study_name))

    def delete_study(self, study_id: int) -> None:
        """As Optuna's."""

        def delete(again: bool) -> None:
            with contextlib.suppress(*(KeyError,) if again else ()):
                self._inner.delete_study(study_id)

        self._patiently(delete)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As Optuna's; however often it is tried, one trial is made."""
        template = template_trial or create_trial(state=TrialState.RUNNING)
        # A copy: Optuna's `add_trial` hands over the caller's.
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
        """As Optuna's; a trial that an earlier try has brought into the state is in it."""

        def set_state(again: bool) -> bool:
            if again:
                now = self._inner.get_trial(trial_id)
                if now.state == state and (values is None or list(values) == list(now.values or ())):
                    return True
            return bool(self._inner.set_trial_state_values(trial_id, state, values))

        return self._patiently(set_state)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """As Optuna's."""
        self._patiently(lambda _: self._inner.set_trial_param(trial_id, param_name, param_value_internal, distribution))

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """As Optuna's."""
        self._patiently(lambda _: self._inner.set_trial_intermediate_value(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As Optuna's."""
        self._patiently(lambda _: self._inner.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As Optuna's."""
        self._patiently(lambda _: self._inner.set_trial_system_attr(trial_id, key, value))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """As Optuna's."""
        self._patiently(lambda _: self._inner.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """As Optuna's."""
        self._patiently(lambda _: self._inner.set_study_system_attr(study_id, key, value))

    def get_study_id_from_name(self, study_name: str) -> int:
        """As Optuna's."""
        return self._patiently(lambda _: int(self._inner.get_study_id_from_name(study_name)))

    def get_study_name_from_id(self, study_id: int) -> str:
        """As Optuna's."""
        return self._patiently(lambda _: str(self._inner.get_study_name_from_id(study_id)))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """As Optuna's."""
        return self._patiently(lambda _: list(self._inner.get_study_directions(study_id)))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """As Optuna's."""
        return self._patiently(lambda _: dict(self._inner.get_study_user_attrs(study_id)))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """As Optuna's."""
        return self._patiently(lambda _: dict(self._inner.get_study_system_attrs(study_id)))

    def get_all_studies(self) -> list[Any]:
        """As Optuna's."""
        return self._patiently(lambda _: list(self._inner.get_all_studies()))

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """As Optuna's."""
        return self._patiently(
            lambda _: int(self._inner.get_trial_id_from_study_id_trial_number(study_id, trial_number))
        )

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """As Optuna's."""
        return self._patiently(lambda _: self._inner.get_trial(trial_id))

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

    def remove_session(self) -> None:
        """As Optuna's."""
        self._inner.remove_session()
