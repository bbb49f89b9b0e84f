"""Reads one study from its database, again and again: each look reads what is new and what may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optuna.trial import TrialState

from mqn.errors import FaultError, NothingSatisfiesError, UnknownNameError
from mqn.records import TrialRecord
from mqn.search.budget.standstill import stall_of
from mqn.search.space.space import Space
from mqn.search.storage.store import StudyStore
from mqn.search.study.about import About
from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_both, records
from mqn.search.trials.mirror import trial_id
from mqn.search.watch.reading import Told, read_told


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A study at one moment. Nothing of it changes: who reads it needs no lock.

    Attributes:
        study: its name.
        version: is another one whenever a trial has changed.
        pulse: is another one whenever a driver said something new, or came or went.
        space: what is searched.
        about: what the study was made with.
        device_ids: target to the id of the device that it is measured on.
        records: its trials by number.
        counts: state to the number of trials.
        told: its living drivers, each with what it said last.
        goal: trials that it is to have.
        stalled: what is said of its front's standstill; empty: it is not over.
        trouble: why it could not be read just now, so that all this may be old; empty: it could.
    """

    study: str
    version: int
    pulse: int
    space: Space
    about: About
    device_ids: Mapping[str, str] = field(default_factory=dict)
    records: tuple[TrialRecord, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    goal: int = 0
    stalled: str = ""
    trouble: str = ""

    @property
    def devices(self) -> list[str]:
        """The targets that any trial was measured on."""
        return list(dict.fromkeys(target for record in self.records for target in record.targets))

    def record(self, number: int) -> TrialRecord | None:
        """A trial by its number; None: there is none."""
        return next((record for record in self.records if record.number == number), None)


class StudyReader:
    """Reads one study. One thread at a time may use it."""

    def __init__(self, name: str, store: StudyStore) -> None:
        """Open a study; read nothing of its trials yet.

        Raises:
            UnknownNameError: there is no such study.
            StudyError: another version made it.
        """
        self._study = open_study(name, store)
        self._seen: Sequence[Any] | None = None
        self._heard: Sequence[Any] | None = None
        self._mark = 0
        goal = len(self._study.space.grid()) or self._study.space.trials
        self.state = State(study=name, version=0, pulse=0, space=self._study.space, about=self._study.about, goal=goal)

    def look(self) -> State:
        """Read what is new. A database that is away leaves the state as it was, with its trouble."""
        try:
            self.state = self._look()
        except FaultError as error:
            self.state = replace(self.state, trouble=f"{error}; looking again")
        except (UnknownNameError, KeyError):
            self.state = replace(self.state, trouble=f"study {self.state.study!r} is not there any more")
        return self.state

    def _look(self) -> State:
        study, state = self._study, replace(self.state, trouble="")
        running = study.trials(TrialState.RUNNING)
        if running and study.space.rungs is not None:
            study.paused([trial_id(frozen) for frozen in running])  # Reads them anew.
        _, self._mark = study.changes(self._mark)
        # What a running trial's record and its driver's lease say changes without a change of Optuna's trial.
        seen = (self._mark, study.store.held_trials(study.name), study.records.read(running))
        if seen != self._seen:
            found = records(study)
            self._seen = seen
            counts, _ = count_both(study, found)
            state = replace(
                state,
                version=state.version + 1,
                device_ids=study.optuna.user_attrs.get("devices", {}),
                records=tuple(found),
                counts=counts,
                goal=study.goal or state.goal,
                stalled=stall_of(study.optuna, study.begun()),
            )
        told = tuple(read_told(study.store, study.name))
        heard = [(one.driver.id, one.snapshot) for one in told]
        if heard != self._heard:
            self._heard = heard
            state = replace(state, pulse=state.pulse + 1)
        return replace(state, told=told)


def nothing_yet(state: State) -> NothingSatisfiesError | None:
    """What is said of a study without trials; None: it has some."""
    if state.records:
        return None
    return NothingSatisfiesError(f"study {state.study!r} has no trials yet; they appear here as they are begun")
