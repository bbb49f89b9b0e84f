"""Reads a study from an archive into a database and a store of artifacts.

Everything is checked before anything is written. Artifacts come first: they are named by what went into them, and one
that stays behind harms nothing. The study appears at the end, in one transaction.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy.exc
from optuna.distributions import json_to_distribution
from sqlalchemy.orm import Session

from mqn.distribution import __version__
from mqn.errors import ConfigError, StudyError, UsageError
from mqn.files.publishing import writing
from mqn.home import home
from mqn.logs.capture import LOG
from mqn.net.sqlite_journal import begin_writing
from mqn.parsing import from_mapping, to_plain
from mqn.plain_values import loads_json, shown
from mqn.records import Manifest, read_trial
from mqn.search.artifacts import MANIFEST, ArtifactStore, Key
from mqn.search.artifacts.contract import empty
from mqn.search.budget.ledger import keep_spent, make_spent
from mqn.search.exchange.archive import Archive, parse
from mqn.search.exchange.contents import ARTIFACTS, HISTORIES, SPACE, STUDY, TRIALS
from mqn.search.exchange.moment import read_about, record_of
from mqn.search.space.space_file import parse_space
from mqn.search.stages.gallery import keep_picture
from mqn.search.stages.score import STAGE as SCORE
from mqn.search.stages.score import STRIP
from mqn.search.stages.train import HISTORY, HISTORY_STAGE
from mqn.search.storage.store import StudyStore
from mqn.search.storage.study_rows import StudyRows, TrialRows, write_study_rows
from mqn.search.study.about import About, check_name
from mqn.search.study.study import ABOUT, IMPORTED, RECORD

_WORD = re.compile(r"[A-Za-z0-9][\w-]{0,127}")
_LONGEST_KEY = 512  # characters, as Optuna's tables have it
SPACES = "imported"
"""Folder of `$MQN_HOME` with the space files of studies that came from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A study as an archive has it, checked.

    Attributes:
        name: what it is called here.
        about: what it was made with.
        study: its rows.
        trials: those of its trials.
        artifacts: manifests by stage and key; of a training whose checkpoint stayed, one that names the history alone.
    """

    name: str
    about: About
    study: StudyRows
    trials: tuple[TrialRows, ...]
    artifacts: dict[Key, Manifest]

    @property
    def own_space(self) -> bool:
        """Whether the study was made from a space file of its user's, which this machine lacks."""
        return self.about.space_name.endswith(".toml")


def check_archive(archive: Archive, name: str | None, progress: Callable[[int], object] = lambda _: None) -> Parcel:
    """Read and check all of an archive; nothing is written.

    Args:
        archive: the archive, open.
        name: what the study is to be called; None: as where it was exported.
        progress: told the bytes of every block.

    Raises:
        StudyError: a file is damaged, or holds something else than it should.
        UsageError: a study may not have that name.
    """
    name = check_name(archive.contents.study if name is None else name)
    lacking = next((file for file in (STUDY, TRIALS, SPACE) if file not in archive.contents.files), None)
    if lacking is not None:
        raise StudyError(f"{archive.path} has no {lacking}; export the study again")
    archive.verify(progress)
    return parse(str(archive.path), lambda: _read(archive, name))


def store_artifacts(
    archive: Archive, parcel: Parcel, store: ArtifactStore, progress: Callable[[int], object] = lambda _: None
) -> int:
    """Put an archive's artifacts into a store, and return how many were not there already.

    Raises:
        FaultError: the disk is full, or the store does not answer. What is stored already stays.
    """
    stored = 0
    for (stage, key), manifest in parcel.artifacts.items():
        with store.open(stage, key) as slot:
            if slot.artifact is not None:
                progress(sum(manifest.sizes.values()))
                continue
            empty(slot.folder)
            (slot.folder / LOG).unlink(missing_ok=True)  # Of a try here that failed.
            for file in manifest.files:
                inside = f"{HISTORIES}/{key}.json" if stage == HISTORY_STAGE else f"{ARTIFACTS}/{stage}/{key}/{file}"
                archive.extract(inside, slot.folder / file, progress)
            slot.artifact = slot.keep(slot.folder, manifest)
            if stage == SCORE and STRIP in manifest.files:
                keep_picture(slot.artifact)
            stored += 1
    return stored


def keep_space(archive: Archive, parcel: Parcel) -> Parcel:
    """Write the space file of a study that needs its own, so that the study can be resumed; returns the parcel with it.

    A DiskError if the disk is full.
    """
    if not parcel.own_space:
        return parcel
    target = home() / SPACES / f"{parcel.name}.toml"
    target.parent.mkdir(exist_ok=True)
    with writing(target) as temporary:
        archive.extract(SPACE, temporary)
    return with_about(parcel, space_name=str(target))


def with_about(parcel: Parcel, **changes: Any) -> Parcel:
    """The parcel with other fields of `About`."""
    about = replace(parcel.about, **changes)
    return replace(parcel, about=about, study=replace(parcel.study, user={**parcel.study.user, ABOUT: to_plain(about)}))


def insert_study(archive: Archive, parcel: Parcel, store: StudyStore) -> None:
    """Make the study, with all that it has, in one transaction.

    Raises:
        StudyError: there is a study of that name.
        DatabaseAwayError: the database does not answer.
    """
    contents = archive.contents
    whole = contents.artifacts == "all" and not contents.missing
    origin = {
        "from": contents.study,
        "mqn": contents.mqn,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "incomplete": 0 if whole else len(parcel.trials),
    }
    rows = replace(parcel.study, user={**parcel.study.user, IMPORTED: origin})
    spent = contents.spent_rows()

    def insert(_again: bool) -> None:
        make_spent(store.database.engine)
        with store.database.scoped_session() as session:
            try:
                _insert(session, store, parcel, rows, spent)
            except sqlalchemy.exc.IntegrityError as error:
                session.rollback()
                raise already_there(parcel.name) from error

    store.patience(insert)


def already_there(name: str) -> StudyError:
    """What to tell where a study of that name is there."""
    return StudyError(f"study {name!r} exists already; import it under another name: --study NAME")


def _insert(session: Session, store: StudyStore, parcel: Parcel, rows: StudyRows, spent: dict[Any, float]) -> None:
    if store.database.engine.dialect.name == "sqlite":
        begin_writing(session, durable=True)
    write_study_rows(session, parcel.name, rows, parcel.trials)
    keep_spent(session.connection(), parcel.name, spent)
    session.commit()


def check_room(folder: Path, needed: int) -> None:
    """Ask before work begins whether an archive's files fit on the disk of a folder. A UsageError if they do not."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB free at {folder}; make room first")


def _read(archive: Archive, name: str) -> Parcel:
    study = from_mapping(StudyRows, loads_json(archive.read(STUDY), STUDY), source=STUDY)
    about = read_about(study.user.get(ABOUT), STUDY)
    space = parse_space(about.space, source=f"study {name!r}")
    if [direction.upper() for direction in space.directions] != list(study.directions):
        raise ConfigError(f"{STUDY}: its directions are not those of its space")
    archive.contents.spent_rows()
    trials = tuple(
        _read_trial(line, number, name, len(study.directions)) for number, line in enumerate(archive.lines(TRIALS))
    )
    if (count := sum(archive.contents.trials.values())) != len(trials):
        raise ConfigError(f"{TRIALS}: has {len(trials)} trials, not {count}")
    return Parcel(name=name, about=about, study=study, trials=trials, artifacts=_manifests(archive))


def _read_trial(line: bytes, number: int, study: str, objectives: int) -> TrialRows:
    source = f"{TRIALS}, line {number + 1}"
    trial = from_mapping(TrialRows, loads_json(line, source), source=source)
    if trial.number != number:
        raise ConfigError(f"{source}: is trial {trial.number}, not {number}")
    if trial.state == "COMPLETE" and len(trial.values) != objectives:
        raise ConfigError(f"{source}: has {len(trial.values)} values for {objectives} objectives")
    if any(len(key) > _LONGEST_KEY or "\0" in key for key in (*trial.user, *trial.system, *trial.params)):
        raise ConfigError(f"{source}: has a key of more than {_LONGEST_KEY} characters")
    try:
        for moment in filter(None, (trial.begun, trial.ended)):
            datetime.fromisoformat(moment)
        for row in trial.params.values():
            json_to_distribution(json.dumps(row.distribution)).to_external_repr(row.value)
        record = record_of(trial)
        if record is None:
            return trial
        read_trial(record, source=source)
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # Tables where values belong, and the like.
        raise ConfigError(f"{source}: {' '.join(str(error).split())[:200]}") from error
    return replace(trial, user={**trial.user, RECORD: {**record, "study": study}})


def _manifests(archive: Archive) -> dict[Key, Manifest]:
    """The manifests of an archive's artifacts; every file below its folders belongs to one."""
    files = archive.contents.files
    found: dict[Key, Manifest] = {}
    left = set(files)
    for path in files:
        folder, _, rest = path.partition("/")
        if folder == HISTORIES:
            key = rest.removesuffix(".json")
            found[HISTORY_STAGE, key] = _history(key, files[path].sha256, files[path].size_bytes)
            left.discard(path)
        elif folder == ARTIFACTS and path.endswith(f"/{MANIFEST}") and rest.count("/") == 2:
            stage, key, _ = rest.split("/")
            manifest = from_mapping(Manifest, loads_json(archive.read(path), path), source=path)
            told = {f"{ARTIFACTS}/{stage}/{key}/{name}": sha256 for name, sha256 in manifest.files.items()}
            sizes = {
                name: files[inside].size_bytes
                for name, inside in zip(manifest.files, told, strict=True)
                if inside in files
            }
            if (
                (manifest.stage, manifest.key) != (stage, key)
                or manifest.sizes != sizes
                or any(inside not in files or files[inside].sha256 != sha256 for inside, sha256 in told.items())
            ):
                raise ConfigError(f"{path}: names other files than the archive has")
            found[stage, key] = manifest
            left -= {path, *told}
    odd = next((word for id_ in found for word in id_ if not _WORD.fullmatch(word)), None)
    if odd is not None:
        raise ConfigError(f"{shown(odd)} cannot be the stage or key of an artifact")
    strange = sorted(path for path in left if path.startswith((f"{ARTIFACTS}/", f"{HISTORIES}/")))
    if strange:
        raise ConfigError(f"{strange[0]} belongs to no artifact")
    return dict(sorted(found.items()))


def _history(key: str, sha256: str, size_bytes: int) -> Manifest:
    return Manifest(
        stage=HISTORY_STAGE,
        key=key,
        inputs={"training": key},
        files={HISTORY: sha256},
        versions={"mqn": __version__},
        seconds=0.0,
        details={},
        sizes={HISTORY: size_bytes},
    )
