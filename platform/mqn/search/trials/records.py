"""The records of a study's trials. Those of trials that ended are read once: they do not change."""

from __future__ import annotations

from collections.abc import Iterable

from optuna.trial import FrozenTrial
from sqlalchemy.orm import Session

from mqn.records import TrialRecord, read_trial
from mqn.search.storage.store import StudyStore
from mqn.search.storage.trial_reading import read_attribute
from mqn.search.trials.mirror import RECORD, trial_id

_MANY = 2000
"""From so many trials on, all records of the study are read at once."""


class Records:
    """Reads records, and remembers those of trials that ended."""

    def __init__(self, store: StudyStore, study: int, name: str) -> None:
        """Begin without any; `study` is Optuna's id, `name` is for messages."""
        self._store, self._study, self._name = store, study, name
        self._ended: dict[int, TrialRecord | None] = {}

    def read(self, trials: Iterable[FrozenTrial]) -> dict[int, TrialRecord]:
        """The records of some trials by number, where they have one."""
        trials = list(trials)
        unread = {trial_id(trial): trial for trial in trials if trial.number not in self._ended}

        def read(session: Session) -> dict[int, object]:
            ids = None if len(unread) >= _MANY else unread
            return read_attribute(session, self._study, RECORD, ids)

        plain = self._store.read(read) if unread else {}
        found: dict[int, TrialRecord | None] = {}
        for trial, frozen in unread.items():
            source = f"trial {frozen.number} of study {self._name!r}"
            record = read_trial(plain[trial], source=source) if trial in plain else None  # type: ignore[arg-type]
            found[frozen.number] = record
            if frozen.state.is_finished():
                self._ended[frozen.number] = record
        every = {trial.number: found.get(trial.number, self._ended.get(trial.number)) for trial in trials}
        return {number: record for number, record in every.items() if record is not None}
