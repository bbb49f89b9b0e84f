"""Where an exported model comes from: its plan, and the float file that was quantized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.errors import ConfigError, ModelFileError
from mqn.parsing import from_mapping
from mqn.records import Candidate
from mqn.search.artifacts import GATE, MANIFEST, Artifact, ArtifactStore, stage_of
from mqn.search.stages.convert import FLOAT_MODEL, STAGE, convert_job
from mqn.search.work.jobs import complete

if TYPE_CHECKING:
    from mqn.infer.exported import Exported


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a model's manifest tells.

    Attributes:
        plan: its plan's label.
        cut: where the plan cuts the network.
        virtual_camera: share of the network's training inputs that the virtual camera made.
        float_hash: SHA-256 of the float file; None where the manifest names the conversion instead.
        conversion: key of the conversion's artifact; None where the manifest names the file instead.
    """

    plan: str
    cut: str
    virtual_camera: float
    float_hash: str | None = None
    conversion: str | None = None


def origin_of(model: Exported) -> Origin:
    """Read from a model's manifest what it was made from.

    Raises:
        ModelFileError: the manifest does not tell.
    """
    inputs, details = model.manifest.inputs, model.manifest.details
    try:
        if "candidate" in inputs:  # A bundle, which knows its whole trial.
            candidate = from_mapping(Candidate, inputs["candidate"], source=str(model.folder / MANIFEST))
            return Origin(
                plan=candidate.plan.label,
                cut=candidate.plan.cut,
                virtual_camera=candidate.training.virtual_camera,
                conversion=_conversion(inputs),
            )
        return Origin(
            plan=details["plan"],
            cut=inputs["plan"]["cut"],
            virtual_camera=inputs["calibration"]["virtual_camera"],
            float_hash=inputs["float_model"],
        )
    except (ConfigError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{model.folder / MANIFEST} does not say what the model was made from ({error}); export it again"
        ) from error


def find_float_model(model: Exported, checkpoints: Sequence[Path], store: ArtifactStore) -> Path:
    """Find the float file that a model was quantized from, or make it again.

    Args:
        model: an exported one.
        checkpoints: of trainings that it may come from; one that does is converted where the file is not there.
        store: where conversions lie.

    Returns:
        The file, with its cuts beside it.

    Raises:
        ModelFileError: it is not there, and none of the checkpoints makes it.
        CandidateError: a checkpoint cannot be converted.
    """
    origin = origin_of(model)
    found = _stored(origin, store)
    for checkpoint in () if found else checkpoints:
        job = convert_job(checkpoint)
        if origin.conversion in (None, job.key):
            made = complete(store, job)
            found = made if origin.float_hash in (None, made.manifest.files[FLOAT_MODEL]) else None
        if found:
            break
    if found is None:
        given = ", ".join(map(str, checkpoints))
        raise ModelFileError(
            f"{model.folder} was not exported from {given}, or by another mqn, and its float network is not in "
            f"{store.shown}; give the checkpoint.pt that it was exported from, or export it again"
            if given
            else f"the float network of {model.folder} is not in {store.shown}; give the checkpoint.pt that it was "
            "exported from too"
        )
    return found.whole() / FLOAT_MODEL


def _stored(origin: Origin, store: ArtifactStore) -> Artifact | None:
    if origin.conversion is not None:
        return store.find(STAGE, origin.conversion)
    conversions = store.find_many(store.keys(STAGE))
    return next((one for one in conversions.values() if one.manifest.files.get(FLOAT_MODEL) == origin.float_hash), None)


def _conversion(inputs: Mapping[str, Any]) -> str:
    """The conversion that was quantized: that of the pruned network where there are two."""
    keys = {name: key for name, key in inputs.items() if not name.startswith(GATE) and stage_of(name) == STAGE}
    if not keys:
        raise KeyError(STAGE)
    return str(keys[max(keys, key=len)])
