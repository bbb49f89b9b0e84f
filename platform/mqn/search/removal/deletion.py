"""Deleting a study: what goes with it, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from mqn.errors import StudyBusyError
from mqn.files.sizes import size_of
from mqn.home import home
from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore, Entry
from mqn.search.budget.ledger import forget_spent
from mqn.search.exchange.importing import SPACES
from mqn.search.removal.references import driven, other_databases, references, unreferenced
from mqn.search.stages.gallery import pictures
from mqn.search.storage.lease import drive
from mqn.search.storage.tables import HOLDS
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.track.removal import Tracked, find_tracked, remove_tracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What goes with a study: trials, runs in MLflow, and artifacts that no other study refers to.

    `size_bytes` counts the artifacts and the runs' files. `stays` says why other artifacts stay; empty where none does.
    """

    study: str
    trials: int
    tracked: Tracked
    artifacts: tuple[Entry, ...]
    pictures: tuple[Path, ...]
    size_bytes: int
    stays: str = ""


def plan_deletion(name: str, profile: Profile) -> Deletion:
    """Find out what goes with a study; nothing is deleted yet.

    Raises:
        UnknownNameError: there is no such study.
        StudyBusyError: a driver holds it.
        TrackingError: MLflow cannot be asked.
    """
    study = open_study(name, profile.study_url)
    _check_free(study)
    artifacts = ArtifactStore.of(profile.storage)
    known = references(study.store)
    own = known.pop(name)
    # What nobody refers to at all is for `mqn clean`.
    gone = [entry for entry in unreferenced(artifacts.entries(), known.values()) if entry.id in own.keys]
    shown = {name for other in known.values() for name in other.pictures}
    stays = driven(study.store, known)
    if others := other_databases(artifacts, [profile.study_url]):
        stays = stays or f"studies in {others[0]} may refer to them"
    tracked = find_tracked(profile.tracking_uri, home() / "spool", name, registry=profile.registry_uri)
    if stays:
        gone = []
    lone = () if stays else tuple(path for path in pictures() if path.name in own.pictures - shown)
    return Deletion(
        study=name,
        trials=len(study.optuna.get_trials(deepcopy=False)),
        tracked=tracked,
        artifacts=tuple(gone),
        pictures=lone,
        size_bytes=sum(entry.size_bytes for entry in gone) + sum(map(size_of, tracked.folders)),
        stays=stays,
    )


def delete_study(deletion: Deletion, profile: Profile, progress: Callable[[int], object] = lambda _: None) -> None:
    """Delete a study: first its runs, then its trials, then its artifacts. Cut short, the same command goes on.

    Raises:
        StudyBusyError: a driver has taken the study meanwhile.
        TrackingError: MLflow is away, or refuses; trials and artifacts are still there.
    """
    study = open_study(deletion.study, profile.study_url)
    _check_free(study)
    store, artifacts = study.store, ArtifactStore.of(profile.storage)
    with drive(store.database, deletion.study, store.patience, alone=True):
        remove_tracked(profile.tracking_uri, deletion.tracked, deletion.study)
        store.storage.delete_study(study.optuna._study_id)  # noqa: SLF001 - Optuna has no public name
        holds = sqlalchemy.delete(HOLDS).where(HOLDS.c.study == deletion.study)
        with store.database.engine.begin() as connection:
            connection.execute(holds)
        forget_spent(store, deletion.study)
    (home() / SPACES / f"{deletion.study}.toml").unlink(missing_ok=True)
    for path in deletion.pictures:
        path.unlink(missing_ok=True)
    for count, entry in enumerate(deletion.artifacts, start=1):
        artifacts.remove(entry)
        progress(count)


def _check_free(study: Study) -> None:
    """Make sure that nobody drives a study; a StudyBusyError names who does."""
    if who := driven(study.store, [study.name]):
        raise StudyBusyError(f"{who}; stop it first (Ctrl-C there), then delete the study")
