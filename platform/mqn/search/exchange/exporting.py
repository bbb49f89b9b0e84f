"""Writes a study into an archive: its rows, its artifacts, its space, and what people without mqn can look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mqn.distribution import __version__
from mqn.errors import StudyError
from mqn.files.local_names import safe_path
from mqn.logs.capture import LOG
from mqn.parsing import json_text, to_plain
from mqn.records import Manifest, TrialRecord
from mqn.search.artifacts import GATE, MANIFEST, Artifact, ArtifactStore, Key, stage_of
from mqn.search.exchange.archive import ArchiveWriter, archive_writer
from mqn.search.exchange.contents import (
    ARTIFACTS,
    FORMAT,
    HISTORIES,
    KIND,
    SPACE,
    STUDY,
    TRIALS,
    Contents,
    Pictures,
    Which,
)
from mqn.search.exchange.moment import Moment
from mqn.search.exchange.veil import Veil
from mqn.search.stages.train import HISTORY, find_histories
from mqn.search.stages.train import STAGE as TRAIN
from mqn.search.work.steps import last_part
from mqn.text.redaction import redact
from mqn.text.toml import document_text

_SHOWN_STAGES = ("quantize", "score", "measure", "tune")
"""Stages whose artifacts travel with the front's trials: what fronts, pages and `mqn select` read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The artifacts that go into an archive.

    Attributes:
        which: whose they are.
        whole: all files but logs, by stage and key.
        histories: trainings whose checkpoint stays, by key.
        missing: what was wanted and is not there.
        size_bytes: of all files together.
    """

    which: Which
    whole: dict[Key, Artifact] = field(default_factory=dict)
    histories: dict[str, Artifact] = field(default_factory=dict)
    missing: tuple[Key, ...] = ()
    size_bytes: int = 0


def choose_artifacts(
    records: Collection[TrialRecord], front: Collection[int], store: ArtifactStore, which: Which
) -> Load:
    """Find the artifacts that go into an archive.

    Args:
        records: of all trials.
        front: numbers of the front's trials, and of those that confirm them.
        store: holds the artifacts.
        which: `front`: files, scores and measurements of the front's trials, and the histories of all trainings; `all`:
            every artifact that a trial refers to; `none`: the histories alone.
    """
    wanted = {
        (stage_of(step), key)
        for record in records
        for step, key in record.artifacts.items()
        if which == "all" or (which == "front" and record.number in front and _is_shown(step))
    }
    whole = store.find_whole(sorted(wanted))
    whole = {id_: whole[id_] for id_ in sorted(whole)}
    told = find_histories(store, filter(None, (last_part(record.artifacts) for record in records)))
    histories = {key: artifact for key, artifact in told.items() if (TRAIN, key) not in whole}
    size = sum(artifact.size_bytes(name) for artifact in whole.values() for name in _files(artifact))
    size += sum(artifact.size_bytes(HISTORY) for artifact in histories.values())
    return Load(
        which=which,
        whole=whole,
        histories=histories,
        missing=tuple(sorted(wanted - whole.keys())),
        size_bytes=size,
    )


def write_archive(
    target: Path,
    moment: Moment,
    load: Load,
    store: ArtifactStore,
    *,
    licence: str | None,
    pages: Mapping[str, bytes],
    progress: Callable[[int], object] = lambda _: None,
) -> Contents:
    """Write an archive, whole or not at all.

    Args:
        target: the file.
        moment: the study.
        load: the artifacts.
        store: holds them.
        licence: of the study's pictures; None: not recorded.
        pages: further files, by name: what people without mqn look at.
        progress: told the bytes of every block of artifacts and pages.

    Raises:
        StudyError: an artifact is damaged.
        UsageError: the file cannot be written, or is there already and is no archive.
        DiskError: the disk is full.
    """
    contents = Contents(
        format=FORMAT,
        kind=KIND,
        study=moment.name,
        mqn=__version__,
        exported=datetime.now(UTC).isoformat(timespec="seconds"),
        artifacts=load.which,
        trials=moment.counts,
        missing=tuple("/".join(id_) for id_ in load.missing),
        pictures=Pictures(name=moment.about.data, hash=moment.about.data_hash, licence=licence),
        spent=[[source, kind, amount] for (source, kind), amount in moment.spent.items()],
    )
    with store.held(), archive_writer(target, progress) as archive:
        _add_text(archive, STUDY, json.dumps(to_plain(moment.study), indent=1) + "\n")
        _add_text(archive, TRIALS, "".join(json.dumps(to_plain(trial)) + "\n" for trial in moment.trials))
        head = f"The space of study {moment.name}, overrides included; written by `mqn export-study`."
        _add_text(archive, SPACE, f"# {head}\n{document_text(moment.space.definition)}")
        for name, content in sorted(pages.items()):
            archive.add_bytes(name, content)
        for key, artifact in load.histories.items():
            _add_file(archive, f"{HISTORIES}/{key}.json", artifact, HISTORY)
        for (stage, key), artifact in load.whole.items():
            _add_artifact(archive, f"{ARTIFACTS}/{stage}/{key}", artifact, moment.veil)
        contents = replace(contents, files=dict(archive.files))
        archive.close(contents)
    return contents


def _is_shown(step: str) -> bool:
    stage = stage_of(step)
    return stage in _SHOWN_STAGES and (not step.startswith(GATE) or stage == "tune")


def _files(artifact: Artifact) -> list[str]:
    """The files of an artifact that travel: a log says what was printed on the machine that made it."""
    return sorted(name for name in artifact.manifest.files if name != LOG)


def _add_text(archive: ArchiveWriter, name: str, text: str) -> None:
    archive.add_bytes(name, redact(text).encode())


def _add_artifact(archive: ArchiveWriter, folder: str, artifact: Artifact, veil: Veil) -> None:
    """Add an artifact with a manifest that names what travels of it, and no path of this machine."""
    manifest, names = artifact.manifest, _files(artifact)
    plain: dict[str, Any] = veil.plain({"inputs": manifest.inputs, "details": manifest.details})
    travels = Manifest(
        stage=manifest.stage,
        key=manifest.key,
        inputs=plain["inputs"],
        files={name: manifest.files[name] for name in names},
        versions=manifest.versions,
        seconds=manifest.seconds,
        details=plain["details"],
        sizes={name: artifact.size_bytes(name) for name in names},
    )
    for name in names:
        _add_file(archive, f"{folder}/{safe_path(name)}", artifact, name)
    _add_text(archive, f"{folder}/{MANIFEST}", json_text(travels))


def _add_file(archive: ArchiveWriter, name: str, artifact: Artifact, file: str) -> None:
    entry = archive.add_file(name, artifact.path(file))
    if entry.sha256 != artifact.manifest.files[file]:
        manifest = artifact.manifest
        raise StudyError(
            f"artifact {manifest.stage}/{manifest.key} is damaged: {file} is not what its manifest says; resume its "
            "study to make it again, or export with --artifacts none"
        )
