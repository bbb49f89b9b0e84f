"""Which artifacts the studies of a database refer to, and which artifacts nobody refers to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from mqn.net.database_urls import sqlite_file
from mqn.search.artifacts import ArtifactStore, Entry, Key, stage_of
from mqn.search.stages.gallery import names_of
from mqn.search.stages.train import HISTORY_STAGE
from mqn.search.stages.train import STAGE as TRAIN
from mqn.search.storage.store import StudyStore
from mqn.search.study.study import ABOUT, RECORD, REMADE
from mqn.text.redaction import redact_url


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What one study refers to.

    Attributes:
        keys: artifacts of its trials, whatever came of them.
        pictures: names of its trials' pictures (`mqn.search.stages.gallery`).
        about: what it was made with, as JSON: its settings may name a file of an artifact.
        since: when the first trial began that is not finished, in seconds since 1970; None: all are finished. What was
            made since may be that trial's, whose record is not written yet.
    """

    keys: frozenset[Key]
    pictures: frozenset[str]
    about: str
    since: float | None

    def __contains__(self, key: Key) -> bool:
        """Whether the study refers to an artifact."""
        return key in self.keys or key[1] in self.about


def references(store: StudyStore) -> dict[str, References]:
    """Read what every study of a database refers to, by the study's name."""
    found = {}
    for study in store.storage.get_all_studies():
        trials = store.storage.get_all_trials(study._study_id, deepcopy=False)  # noqa: SLF001 - Optuna has no public name
        steps = [step for trial in trials for step in trial.user_attrs.get(RECORD, {}).get("artifacts", {}).items()]
        steps += [step for name, keys in study.user_attrs.items() if name.startswith(REMADE) for step in keys.items()]
        keys = {(stage_of(step), key) for step, key in steps}
        found[study.study_name] = References(
            keys=frozenset(keys | {(HISTORY_STAGE, key) for stage, key in keys if stage == TRAIN}),
            pictures=frozenset(name for trial in trials for name in names_of(trial.system_attrs)),
            about=json.dumps(study.user_attrs.get(ABOUT, {})),
            since=min((_begun(trial) for trial in trials if trial.state == TrialState.RUNNING), default=None),
        )
    return found


def _begun(trial: FrozenTrial) -> float:
    return trial.datetime_start.timestamp() if trial.datetime_start else 0.0


def unreferenced(entries: Iterable[Entry], studies: Iterable[References]) -> list[Entry]:
    """Those of a store's finished artifacts that no study refers to."""
    known = list(studies)
    return [one for one in entries if one.kind == "whole" and not any(one.id in study for study in known)]


def driven(store: StudyStore, studies: Iterable[str]) -> str:
    """Who drives one of the studies now, in words; empty where nobody does."""
    for study in studies:
        for driver in store.drivers(study):
            return f"study {study!r} is driven by {driver.shown} since {driver.since_text}"
    return ""


def other_databases(artifacts: ArtifactStore, urls: Iterable[str]) -> list[str]:
    """Find the other databases whose studies use the artifacts, without passwords.

    `urls` are left out, and so are SQLite files that are gone.
    """
    looked = set(map(redact_url, urls))
    files = {url: sqlite_file(url) for url in artifacts.databases()}
    return [url for url, file in files.items() if url not in looked and (file is None or file.exists())]
