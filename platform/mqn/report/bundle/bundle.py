"""Bundles: a chosen model in a folder, verified, with everything an app developer needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mqn.data.licence import Origin
from mqn.errors import ModelFileError, StudyError, UsageError
from mqn.files.publishing import publish_folder
from mqn.infer.exported import MANIFEST, files_of, open_exported
from mqn.parsing import content_hash, file_hash, to_plain, write_json
from mqn.records import Codec, Manifest, TrialRecord
from mqn.report.bundle.card import Evidence, model_card
from mqn.report.bundle.readme import readme
from mqn.report.bundle.staging import staging
from mqn.report.front.selection import refuse_simulated
from mqn.report.timing.rewrites import file_text
from mqn.search.artifacts import Artifact, ArtifactStore, stage_of
from mqn.search.pipeline import SCORE, SCORE_BASELINE
from mqn.search.stages.choose.device_files import QUANTIZE, file_step
from mqn.search.stages.measure import MEASUREMENT
from mqn.search.stages.measure import STAGE as MEASURE
from mqn.search.stages.quantize import size_figures
from mqn.search.stages.score import SCORES

STAGE = "bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified bundle.

    Attributes:
        folder: where it lies.
        files: the TFLite files in the order they run.
        codec: how the output encodes linear light.
        input_size: side of the square input in pixels.
        manifest: what it was made from, and every file's hash.
    """

    folder: Path
    files: tuple[Path, ...]
    codec: Codec
    input_size: int
    manifest: Manifest


def write_bundle(
    record: TrialRecord,
    store: ArtifactStore,
    output: Path,
    *,
    device: str | None = None,
    origin: Origin | None = None,
    inputs: str = "",
    check: Callable[[Bundle], None] = lambda _: None,
) -> Path:
    """Write a trial's model and its documents into a folder.

    The bundle is made beside `output`, checked there, and renamed at the end: a failure or a kill leaves an older
    bundle unchanged.

    Args:
        record: a trial with a quantized model.
        store: the study's artifacts.
        output: the folder to write; an unchanged bundle there is replaced.
        device: the target whose file it holds, where the gate tuned a file for each; None: the first.
        origin: where the study's pictures come from; None: unknown.
        inputs: kind of the scored pictures' inputs, as in `Scoring.inputs`; empty: unknown.
        check: called with the bundle before it is renamed; raises an error if something is wrong.

    Returns:
        The folder; its files' hashes were verified after copying.

    Raises:
        StudyError: the trial has no model or is simulated, or an artifact is missing or damaged.
        UsageError: the folder holds something else, or cannot be written.
        ModelFileError: a file was damaged while it was copied.
    """
    refuse_simulated([record])
    if QUANTIZE not in record.artifacts:
        raise StudyError(
            f"trial {record.number} of study {record.study!r} has no exported model; pick a complete trial"
        )
    target = output.resolve()  # A link's target is written, not the link.
    check_replaceable(target)
    keys = record.artifacts
    file = QUANTIZE if device is None else file_step(device, keys)
    wanted = {QUANTIZE: keys[file]}
    for step, key in keys.items():
        of = step.removeprefix(f"{MEASURE}/")
        # Where another file runs, another one was measured.
        if step in (SCORE, SCORE_BASELINE) or (of != step and keys[file_step(of, keys)] == keys[file]):
            wanted[step] = key
    artifacts = {step: store.get(stage_of(step), key) for step, key in wanted.items()}
    for artifact in artifacts.values():
        if not store.verify(artifact):
            raise StudyError(
                f"artifact {store.shown}/{artifact.manifest.stage}/{artifact.manifest.key} is missing or damaged; "
                "resume its study to make it again"
            )
    try:
        with staging(target) as temporary:
            folder = temporary / "bundle"
            folder.mkdir()
            _fill(folder, record, artifacts, origin, inputs, device)
            check(load_bundle(folder))
            check_replaceable(target)
            publish_folder(folder, target, replace=True)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}; name another folder with --output") from error
    return output


def load_bundle(folder: Path) -> Bundle:
    """Open a bundle, wherever it was copied, and check every file against its manifest.

    Raises:
        ModelFileError: the folder is no bundle, or a file is missing, truncated or changed.
    """
    exported = open_exported(folder)
    if exported.manifest.stage != STAGE:
        raise ModelFileError(f"{folder} holds a model, but is no bundle; give a folder that `mqn select` wrote")
    for name, sha256 in exported.manifest.files.items():
        path = folder / name
        if not path.is_file() or file_hash(path) != sha256:
            state = "changed" if path.is_file() else "missing"
            raise ModelFileError(f"{path} is {state} since the bundle was written; select it again, into a new folder")
    return Bundle(
        folder=folder,
        files=exported.files,
        codec=exported.codec,
        input_size=exported.input_size,
        manifest=exported.manifest,
    )


def _fill(
    folder: Path,
    record: TrialRecord,
    artifacts: dict[str, Artifact],
    origin: Origin | None,
    inputs: str,
    device: str | None,
) -> None:
    model, whose = artifacts[QUANTIZE], file_text(record, device)
    files = files_of(model.whole())
    for file in files:
        shutil.copyfile(file, folder / file.name)
    scores = _read(artifacts, SCORE, SCORES)
    measurements = {
        step.partition("/")[2]: _read(artifacts, step, MEASUREMENT) for step in artifacts if stage_of(step) == MEASURE
    }
    candidate, names = record.candidate, [file.name for file in files]
    codec, input_size = candidate.training.codec, candidate.arch.input_size
    family = candidate.family
    title = f"{family.title} {record.label.removeprefix(f'{family.name} ')}"
    write_json(folder / "trial.json", record)
    write_json(folder / SCORES, scores)
    write_json(folder / MEASUREMENT, measurements)
    (folder / "README.md").write_text(readme(title, names, codec, input_size, whose), encoding="utf-8")
    evidence = Evidence(
        scores=scores,
        baseline=_read(artifacts, SCORE_BASELINE, SCORES),
        measurements=measurements,
        model=model.manifest,
        origin=origin,
        inputs=inputs,
        whose=whose,
    )
    if record.lowering:  # Bytes are told of the first device's file.
        record = replace(record, figures={**record.figures, **size_figures(model)})
    (folder / "MODEL_CARD.md").write_text(model_card(title, record, evidence), encoding="utf-8")
    made_from = {"study": record.study, "trial": record.number, "candidate": to_plain(candidate), **record.artifacts}
    details: dict[str, Any] = {
        "codec": codec,
        "input_size": input_size,
        "layout": candidate.plan.layout,
        "run_order": names,
    }
    if record.lowering:
        made_from[QUANTIZE] = model.manifest.key
        target = device or next(iter(record.lowering))
        own = [] if record.lowering[target] == "none" else record.lowering[target].split(",")
        details |= {"tuned_for": target, "lowering": own, "lowering_by_device": record.lowering}
    manifest = Manifest(
        stage=STAGE,
        key=content_hash(made_from),
        inputs=made_from,
        files={path.name: file_hash(path) for path in sorted(folder.iterdir())},
        versions=model.manifest.versions,
        seconds=0.0,
        details=details,
    )
    for file in files:
        if manifest.files[file.name] != model.manifest.files[file.name]:
            raise ModelFileError(f"{file} was damaged while it was copied; try again")
    write_json(folder / MANIFEST, manifest)


def _read(artifacts: dict[str, Artifact], step: str, name: str) -> Any:
    """Read a step's record as plain values; empty if the trial has no such step."""
    if step not in artifacts:
        return {}
    return json.loads((artifacts[step].path(name)).read_text(encoding="utf-8"))


def check_replaceable(output: Path) -> None:
    """Make sure that replacing a folder loses nothing of the user's.

    Raises:
        UsageError: it is neither new, nor empty, nor an unchanged bundle; or this process runs in it.
    """
    if Path.cwd().is_relative_to(output):
        raise UsageError(
            f"{output} is where this command runs, and cannot be replaced; name a folder in it with --output"
        )
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    advice = "move it away, or name a new folder with --output"
    if not output.is_dir():
        raise UsageError(f"{output} is a file; {advice}")
    try:
        known = load_bundle(output).manifest.files
    except ModelFileError as error:
        raise UsageError(f"{output} is not empty and not a whole bundle ({error}); {advice}") from error
    strange = sorted(path.name for path in output.iterdir() if path.name not in {*known, MANIFEST})
    if strange:
        raise UsageError(f"{output} holds {strange[0]!r}, which no bundle has; {advice}")
