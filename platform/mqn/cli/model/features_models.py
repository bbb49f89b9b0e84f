"""What `mqn features` is given: checkpoints, and exported models with the float networks that they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.options import parse_model
from mqn.errors import UsageError
from mqn.records import Plan

if TYPE_CHECKING:
    from mqn.features.attention import AttendedModel
    from mqn.features.quantized import ComparedModel
    from mqn.infer.exported import Exported
    from mqn.search.artifacts import ArtifactStore

EXPORTED = "model"
"""Where a checkpoint that is given alone is exported to, inside the output folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was given, opened.

    Attributes:
        names: what each is called, by its path.
        checkpoints: of the networks, in the order given.
        trained: the networks.
        exported: exported models by their folder, in the order given.
        size: side of the models' square input in pixels, the same for all.
        virtual_camera: whether the first model was mostly trained on the virtual camera's pictures.
    """

    names: Mapping[Path, str]
    checkpoints: tuple[Path, ...]
    trained: tuple[AttendedModel, ...]
    exported: Mapping[Path, Exported]
    size: int
    virtual_camera: bool


def open_models(words: Sequence[str], plan: Plan | None) -> Given:
    """Open the models that a user named.

    Raises:
        UsageError: something else was given, a plan that has no use, or models of different sizes.
        WeightsError: a checkpoint cannot be read.
        ModelFileError: an exported model is not whole, or does not say where it comes from.
    """
    from mqn.data.pairs.evaluation import inputs_of
    from mqn.features.attention import AttendedModel
    from mqn.infer.exported import open_exported
    from mqn.models.checkpoint import load
    from mqn.search.origin import origin_of

    paths = list(dict.fromkeys(_model(word) for word in words))
    if plan is not None and (len(paths) > 1 or paths[0].is_dir()):
        raise UsageError("--set says how a checkpoint is exported; give one checkpoint alone, or leave --set out")
    names = _names(paths)
    opened = {path: load(path) for path in paths if path.is_file()}
    exported = {path: open_exported(path) for path in paths if path.is_dir()}
    shares = [training.virtual_camera for _, training, _ in opened.values()]
    shares += [origin_of(model).virtual_camera for model in exported.values()]
    sizes = {names[path]: arch.input_size for path, (arch, _, _) in opened.items()}
    return Given(
        names=names,
        checkpoints=tuple(opened),
        trained=tuple(
            AttendedModel(name=names[path], arch=arch, codec=training.codec, network=network)
            for path, (arch, training, network) in opened.items()
        ),
        exported=exported,
        size=_one_size(sizes | {names[path]: model.input_size for path, model in exported.items()}),
        virtual_camera=inputs_of(shares[0]) == "virtual",
    )


def find_quantized(
    given: Given, plan: Plan | None, data: str | None, out: Path, store: ArtifactStore
) -> list[ComparedModel]:
    """Find the float networks of exported models; a checkpoint that was given alone is exported first.

    Raises:
        ModelFileError: a float network is not found.
        CandidateError: the plan cannot be carried out.
    """
    from mqn.features.quantized import ComparedModel
    from mqn.search.origin import find_float_model, origin_of

    exported = given.exported
    if len(given.checkpoints) == 1 and not exported:
        exported = {given.checkpoints[0]: _export(given.checkpoints[0], plan or Plan(), data, out, store)}
    found = []
    with output.progress() as bar:
        for path, model in bar.track(exported.items(), description="float networks"):
            origin = origin_of(model)
            found.append(
                ComparedModel(
                    name=given.names[path],
                    plan=origin.plan,
                    cut=origin.cut,
                    codec=model.codec,
                    files=model.files,
                    float_model=find_float_model(model, given.checkpoints, store),
                )
            )
    return found


def _model(word: str) -> Path:
    """A checkpoint's file, also by its training's folder; an exported model's folder, also by one of its files."""
    path = parse_model(word, "checkpoint or exported model")
    if path.suffix == ".tflite":
        return path.parent
    if path.is_dir():
        return path
    if path.suffix != ".pt":
        raise UsageError(f"{word} is no model; give a training's checkpoint.pt, or a folder that `mqn export` wrote")
    return path


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """A model is called by its folder, or by its whole path where two folders have the same name."""
    folders = {path: (path.parent if path.suffix == ".pt" else path).resolve().name for path in paths}
    shared = Counter(folders.values())
    return {path: name if shared[name] == 1 else str(path) for path, name in folders.items()}


def _one_size(sizes: Mapping[str, int]) -> int:
    first, *_ = sizes
    other = next((name for name, size in sizes.items() if size != sizes[first]), None)
    if other is not None:
        raise UsageError(
            f"{first} takes {sizes[first]} x {sizes[first]} pixels and {other} {sizes[other]} x {sizes[other]}: their "
            "features lie on different pixels; give models of one input size"
        )
    return sizes[first]


def _export(checkpoint: Path, plan: Plan, data: str | None, out: Path, store: ArtifactStore) -> Exported:
    from mqn.data.location import locate
    from mqn.search.checkpoint import export_checkpoint

    output.note(f"exporting {checkpoint} as {plan.label} to {out / EXPORTED}")
    return export_checkpoint(checkpoint, plan, locate(data), out / EXPORTED, store)
