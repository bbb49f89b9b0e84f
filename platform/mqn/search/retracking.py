"""Sees to it that every finished trial of a study has its run in MLflow, also where its driver died before it sent it.

What a run holds follows from the trial's record and its artifacts, so any driver can log it. One search of MLflow tells
what is missing, and it is made only where something may be: the study remembers of how many finished trials all runs
were complete. Several drivers may log the same trial; one run of it is left (`mqn.track.sending.sender`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import optuna
from optuna.trial import FrozenTrial, TrialState

from mqn.errors import TrackingError
from mqn.records import Candidate, TrialRecord
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.trials.records import Records
from mqn.track.tracker import Tracker

Logged = Callable[[Candidate, Mapping[str, Artifact]], tuple[Sequence[Mapping[str, float]], dict[str, Path]]]

_TRACKED = "tracked"
_ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
# A driver that lives has sent a trial's run by then, or keeps it in its spool.
_FRESH_SECONDS = 60.0


class Tracked(Protocol):
    """A study whose trials are tracked: a `Study`."""

    optuna: optuna.Study
    records: Records

    @property
    def name(self) -> str: ...  # noqa: D102

    def trials(self, *states: TrialState) -> list[FrozenTrial]: ...  # noqa: D102

    def remade(self) -> dict[int, dict[str, str]]: ...  # noqa: D102


class Retracking:
    """Logs the finished trials of a study that nobody has logged: when it is entered, and when it is left."""

    def __init__(
        self,
        study: Tracked,
        tracker: Tracker,
        store: ArtifactStore,
        logged: Logged,
        tags: Mapping[str, Any],
        *,
        others: Callable[[], Sequence[object]] = lambda: (),
        say: Callable[[str], object] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            study: the study.
            tracker: logs its trials.
            store: the artifacts.
            logged: what is tracked of a trial (`Pipeline.logged`).
            tags: of every trial's run.
            others: the other drivers that live; what they have just finished is theirs to log.
            say: takes a line on what was logged, or why MLflow cannot be asked.
            now: seconds since 1970.
        """
        self._study, self._tracker, self._store, self._tags = study, tracker, store, tags
        self._logged = logged
        self._others, self._say, self._now = others, say, now
        self._complete: set[int] = set()
        self._left = False

    def __enter__(self) -> Self:
        finished = self._finished()
        if self._study.optuna.user_attrs.get(_TRACKED, {}).get(self._tracker.server) == len(finished):
            self._complete = set(finished)
        self.mend()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.mend()

    def mend(self, *, strict: bool = False) -> int:
        """Log what is missing, and return how many trials that were.

        Raises:
            TrackingError: MLflow cannot be asked; only with `strict`, else a line says so and it is left for later.
        """
        if not self._tracker.server:
            return 0
        finished = self._finished()
        missing = finished.keys() - self._complete - self._tracker.logged_here(self._study.name)
        self._left = False
        if not missing:
            return 0
        try:
            self._complete |= self._tracker.logged_anywhere(self._study.name)
        except TrackingError as error:
            if strict:
                raise
            self._left = True
            self._say(f"{error}; runs of trials that another driver finished may be missing there")
            return 0
        remade = self._study.remade()
        alone = not self._others()
        noted = self._study.records.read([finished[number] for number in sorted(missing - self._complete)])
        # Nothing is known of a trial without a record.
        self._complete |= missing - noted.keys()
        numbers = []
        for number, record in noted.items():
            ended = _ended(record, finished[number])
            if alone or self._now() - ended > _FRESH_SECONDS:
                self._log(replace(record, artifacts={**record.artifacts, **remade.get(number, {})}), ended)
                numbers.append(number)
            else:
                self._left = True
        if numbers:
            count = "1 trial" if len(numbers) == 1 else f"{len(numbers)} trials"
            self._say(f"logging {count} that another driver finished and did not send to MLflow")
        return len(numbers)

    def confirm(self) -> None:
        """Remember that all runs are complete. Call this when the tracking server has taken everything."""
        if self._tracker.server and not self._left:
            told = self._study.optuna.user_attrs.get(_TRACKED, {})
            finished = self._finished().keys()
            if finished <= self._complete | self._tracker.logged_here(self._study.name):
                self._study.optuna.set_user_attr(_TRACKED, {**told, self._tracker.server: len(finished)})

    def _finished(self) -> dict[int, FrozenTrial]:
        return {trial.number: trial for trial in self._study.trials(*_ENDED)}

    def _log(self, record: TrialRecord, ended: float) -> None:
        curves, files = self._logged(record.candidate, self._store.find_steps(record.artifacts))
        self._tracker.log_trial(record, curves=curves, artifacts=files, tags=self._tags, ended=ended)


def _ended(record: TrialRecord, frozen: FrozenTrial) -> float:
    """When a trial ended, in seconds since 1970."""
    times = [span.collected or span.end for span in record.spans.values()]
    if times or frozen.datetime_complete is None:
        return max(times, default=0.0)
    return frozen.datetime_complete.timestamp()
