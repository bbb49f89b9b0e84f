"""A study as it is at one moment, as plain rows without what tells of its machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from mqn.errors import ConfigError, StudyError, UsageError
from mqn.parsing import from_mapping, to_plain
from mqn.records import TrialRecord, read_trial
from mqn.search.budget.ledger import spent_rows
from mqn.search.exchange.veil import Veil
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.storage.study_rows import StudyRows, TrialRows, read_study_rows, read_trial_rows
from mqn.search.study.about import About
from mqn.search.study.study import ABOUT, IMPORTED, RECORD, Study
from mqn.search.study.trials import records

_OWN = ("tracked", IMPORTED)
"""User attributes that are about this home: where its runs were logged, and where it came from."""
_ENDED = ("COMPLETE", "FAIL", "PRUNED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A study at one moment.

    Attributes:
        name: the study's.
        study: its rows.
        trials: those of its trials, by number.
        spent: what it has spent, by source and kind.
        records: of the trials that were begun, as the rows have them.
        about: what it was made with.
        space: its space.
        veil: what stands for paths and hosts in all of them.
    """

    name: str
    study: StudyRows
    trials: tuple[TrialRows, ...]
    spent: Mapping[tuple[str, str], float]
    records: tuple[TrialRecord, ...]
    about: About
    space: Space
    veil: Veil

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each of Optuna's states."""
        return dict(sorted(Counter(trial.state for trial in self.trials).items()))

    @property
    def unfinished(self) -> int:
        """How many trials were begun, and have not ended."""
        return self.counts.get("RUNNING", 0)


def take_moment(study: Study) -> Moment:
    """Read a study, whoever drives it meanwhile: what has ended is there with all it has.

    Raises:
        StudyError: the study cannot be read without the paths of this machine.
        DatabaseAwayError: its database does not answer.
    """

    def read(session: Session) -> tuple[StudyRows, list[TrialRows]]:
        key = study.optuna._study_id  # noqa: SLF001 - Optuna has no public name
        return read_study_rows(session, key), read_trial_rows(session, key)

    rows, trials = study.store.read(read)
    found = records(study)
    veil = Veil()
    for trial in trials:
        veil.note_hosts(trial.user)
    about = _veiled_about(rows.user[ABOUT], veil)
    try:
        space = parse_space(about.space, source=f"study {study.name!r}")
    except (ConfigError, UsageError) as error:
        raise StudyError(
            f"{error}; study {study.name!r} cannot be exported: it needs a path of this machine"
        ) from error
    about = replace(about, space_hash=space.hash)
    user = {key: value for key, value in rows.user.items() if key not in _OWN}
    user = {**veil.plain(user), ABOUT: to_plain(about)}
    ended = {trial.number for trial in trials if trial.state in _ENDED}
    known = {trial.number for trial in trials}
    return Moment(
        name=study.name,
        study=replace(rows, user=user, system=veil.plain(rows.system)),
        trials=tuple(_veiled(trial, veil) for trial in trials),
        spent=spent_rows(study.store, study.name),
        # A trial that has ended since is left to the next export, and so is what was made since.
        records=tuple(
            _veiled_record(record, veil)
            for record in found
            if record.number in known and (record.number in ended or record.state not in _RECORDED)
        ),
        about=about,
        space=space,
        veil=veil,
    )


_RECORDED = ("complete", "failed", "pruned", "gated", "stopped")
"""States of records of trials that have ended."""


def read_about(plain: Any, source: str) -> About:
    """What a study was made with. A ConfigError if it is something else."""
    return from_mapping(About, plain, source=source)


def _veiled_about(plain: Mapping[str, Any], veil: Veil) -> About:
    data = plain.get("data")
    hidden = veil.plain({key: value for key, value in plain.items() if key != "data"})
    return read_about({**hidden, "data": None if data is None else veil.place(data)}, "study")


def _veiled(trial: TrialRows, veil: Veil) -> TrialRows:
    params = {name: replace(row, distribution=veil.plain(row.distribution)) for name, row in trial.params.items()}
    return replace(trial, params=params, user=veil.plain(trial.user), system=veil.plain(trial.system))


def _veiled_record(record: TrialRecord, veil: Veil) -> TrialRecord:
    """A record as it will be where it is imported: nobody drives its trial there."""
    state = "interrupted" if record.state == "running" else record.state
    return replace(read_trial(veil.plain(to_plain(record)), source=f"trial {record.number}"), state=state)


def record_of(trial: TrialRows) -> dict[str, Any] | None:
    """A trial's record as plain values; None where none was written yet."""
    found = trial.user.get(RECORD)
    return found if isinstance(found, dict) else None
