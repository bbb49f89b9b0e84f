"""Bundles: a chosen model in a folder, verified, with everything an app developer needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mqn.data.dataset import Dataset
from mqn.data.licence import Origin
from mqn.errors import ModelFileError, StudyError, UsageError
from mqn.files.publishing import publish_folder
from mqn.infer.exported import MANIFEST, open_exported
from mqn.parsing import file_hash
from mqn.records import Codec, Manifest, TrialRecord
from mqn.report.bundle.filling import STAGE, Making, fill
from mqn.report.bundle.staging import staging
from mqn.report.front.selection import refuse_simulated
from mqn.search.artifacts import ArtifactStore, stage_of
from mqn.search.pipeline import SCORE, SCORE_BASELINE
from mqn.search.stages.choose.device_files import QUANTIZE, file_step
from mqn.search.stages.measure import STAGE as MEASURE


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
    dataset: Dataset | None = None,
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
        dataset: of the study, for the picture strip; None: the bundle has none. Needs `inputs`.
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
            making = Making(
                record=record, store=store, artifacts=artifacts, origin=origin, inputs=inputs, device=device
            )
            fill(folder, making, dataset)
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
    held = (path.relative_to(output).as_posix() for path in output.rglob("*") if not path.is_dir() or path.is_symlink())
    strange = sorted(name for name in held if name not in {*known, MANIFEST})
    if strange:
        raise UsageError(f"{output} holds {strange[0]!r}, which no bundle has; {advice}")
