"""Fills a bundle's folder: the model's files, what is known of them, texts, samples, and a manifest of it all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from mqn.data.dataset import Dataset
from mqn.data.licence import Origin
from mqn.data.pairs.evaluation import Inputs, judged_pictures
from mqn.errors import ModelFileError, UsageError
from mqn.infer.exported import BUNDLE as STAGE
from mqn.infer.exported import MANIFEST, files_of
from mqn.parsing import content_hash, file_hash, to_plain, write_json
from mqn.records import Manifest, TrialRecord
from mqn.report.bundle.bill import BILL, bill
from mqn.report.bundle.card import Evidence, model_card
from mqn.report.bundle.description import describe_file
from mqn.report.bundle.readme import readme
from mqn.report.bundle.samples.reference import write_reference
from mqn.report.bundle.samples.writing import write_samples
from mqn.report.bundle.strip import STRIP, write_strip
from mqn.report.timing.rewrites import file_text
from mqn.search.artifacts import Artifact, ArtifactStore, stage_of
from mqn.search.pipeline import CONVERT, PRUNED, SCORE, SCORE_BASELINE
from mqn.search.stages.choose.device_files import QUANTIZE
from mqn.search.stages.convert import FLOAT_MODEL
from mqn.search.stages.measure import MEASUREMENT
from mqn.search.stages.measure import STAGE as MEASURE
from mqn.search.stages.quantize import size_figures
from mqn.search.stages.score import SCORES

__all__ = ["FORMAT", "STAGE", "Making", "fill"]

FORMAT = 2
"""Of a bundle's folder. 1, which says none: files, figures and texts. 2: also samples, a reference output, a bill."""

_WORKED = ("train", "adopt", "prune", CONVERT, "finetune", QUANTIZE, "score")


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What a bundle is made of.

    Attributes:
        record: the trial.
        store: the study's artifacts.
        artifacts: of the trial, by step: the model's files, scores, measurements of these files.
        origin: where the study's pictures come from; None: unknown.
        inputs: kind of the scored pictures' inputs; empty: unknown.
        device: the target whose file it holds; None: the first.
    """

    record: TrialRecord
    store: ArtifactStore
    artifacts: Mapping[str, Artifact]
    origin: Origin | None
    inputs: str
    device: str | None


def fill(folder: Path, making: Making, dataset: Dataset | None) -> None:
    """Write all that a bundle holds into an empty folder; `dataset` is for the picture strip, None: there is none.

    Raises:
        ModelFileError: a file was damaged on its way, or computes something else than what was measured.
        UsageError: there is a dataset, and `inputs` says not which of its inputs.
    """
    record, model = making.record, making.artifacts[QUANTIZE]
    measured = files_of(model.whole())
    for file in measured:
        if file_hash(file) != model.manifest.files[file.name]:
            raise ModelFileError(f"{file} was damaged while it was read; try again")
    candidate, names = record.candidate, [file.name for file in measured]
    codec, input_size = candidate.training.codec, candidate.arch.input_size
    family = candidate.family
    title = f"{family.title} {record.label.removeprefix(f'{family.name} ')}"
    for file in measured:
        describe_file(file, folder / file.name, title, record, making.origin)
    write_json(folder / "trial.json", record)
    _write_texts(folder, making, title, names)
    details: dict[str, Any] = {
        "format": FORMAT,
        "codec": codec,
        "input_size": input_size,
        "layout": candidate.plan.layout,
        "run_order": names,
        "measured_files": {name: model.manifest.files[name] for name in names},
        "data": to_plain(making.origin),
        "samples": write_samples(folder, names, name=title, codec=codec, input_size=input_size),
        "reference": write_reference(folder, names, measured, input_size),
    }
    if dataset is not None:
        details["pictures"] = _draw(folder, making, dataset, names)
    made_from = {"study": record.study, "trial": record.number, "candidate": to_plain(candidate), **record.artifacts}
    if record.lowering:
        made_from[QUANTIZE] = model.manifest.key
        target = making.device or next(iter(record.lowering))
        own = [] if record.lowering[target] == "none" else record.lowering[target].split(",")
        details |= {"tuned_for": target, "lowering": own, "lowering_by_device": record.lowering}
    steps = {step: key for step, key in record.artifacts.items() if stage_of(step) in _WORKED}
    steps = {step: key for step, key in steps.items() if stage_of(step) != QUANTIZE or key == model.manifest.key}
    stages = {step: artifact.manifest for step, artifact in making.store.find_steps(steps).items()}
    files = {name: file_hash(folder / name) for name in names}
    write_json(folder / BILL, bill(title, f"{record.study}/{record.number}", stages, files, making.origin))
    held = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = Manifest(
        stage=STAGE,
        key=content_hash(made_from),
        inputs=made_from,
        files={path.relative_to(folder).as_posix(): file_hash(path) for path in held},
        versions=model.manifest.versions,
        seconds=0.0,
        details=details,
        sizes={path.relative_to(folder).as_posix(): path.stat().st_size for path in held},
    )
    write_json(folder / MANIFEST, manifest)


def _write_texts(folder: Path, making: Making, title: str, names: list[str]) -> None:
    record, artifacts, model = making.record, making.artifacts, making.artifacts[QUANTIZE]
    whose = file_text(record, making.device)
    scores = _read(artifacts, SCORE, SCORES)
    measurements = {
        step.partition("/")[2]: _read(artifacts, step, MEASUREMENT) for step in artifacts if stage_of(step) == MEASURE
    }
    write_json(folder / SCORES, scores)
    write_json(folder / MEASUREMENT, measurements)
    codec, input_size = record.candidate.training.codec, record.candidate.arch.input_size
    (folder / "README.md").write_text(readme(title, names, codec, input_size, whose), encoding="utf-8")
    evidence = Evidence(
        scores=scores,
        baseline=_read(artifacts, SCORE_BASELINE, SCORES),
        measurements=measurements,
        model=model.manifest,
        origin=making.origin,
        inputs=making.inputs,
        whose=whose,
    )
    if record.lowering:  # Bytes are told of the first device's file.
        record = replace(record, figures={**record.figures, **size_figures(model)})
    (folder / "MODEL_CARD.md").write_text(model_card(title, record, evidence), encoding="utf-8")


def _draw(folder: Path, making: Making, dataset: Dataset, names: list[str]) -> dict[str, Any]:
    """Draw the strip; says how many pictures it shows, and whether the float network is among the columns."""
    if not making.inputs:
        raise UsageError("pictures cannot be drawn without the kind of their inputs; give `inputs` beside `dataset`")
    candidate, keys = making.record.candidate, making.record.artifacts
    step = PRUNED if PRUNED in keys else CONVERT
    converted = making.store.find(stage_of(step), keys[step]) if step in keys else None
    float_file = converted.path(FLOAT_MODEL) if converted is not None else None
    pictures = judged_pictures(dataset, candidate.arch.input_size, "val", cast(Inputs, making.inputs))
    files = [folder / name for name in names]
    rows = write_strip(folder / STRIP, files, float_file, candidate.training.codec, pictures)
    return {"file": STRIP, "rows": rows, "float": float_file is not None}


def _read(artifacts: Mapping[str, Artifact], step: str, name: str) -> Any:
    """Read a step's record as plain values; empty if the trial has no such step."""
    if step not in artifacts:
        return {}
    return json.loads((artifacts[step].path(name)).read_text(encoding="utf-8"))
