"""Find out what every layer of a network loses alone under a scheme; kept, for it takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mqn.errors import DataError
from mqn.parsing import write_json
from mqn.records import Plan, Scheme
from mqn.search.artifacts import Artifact
from mqn.search.stages import quantize
from mqn.search.stages.convert import FLOAT_MODEL
from mqn.search.stages.data_view import DataView
from mqn.search.stages.keys import file_identity
from mqn.search.work.jobs import Job

STAGE, REVISION = "rank", 1
SENSITIVITY = "sensitivity.json"

LayerProgress = Callable[[int, int], None]
"""Told how many layers are done, and how many there are."""


def rank_job(
    converted: Artifact, plan: Plan, view: DataView, *, every: bool, progress: LayerProgress | None = None
) -> Job:
    """Every layer alone under the scheme that a plan gives it.

    Args:
        converted: the float file.
        plan: gives schemes, cut and calibration; how many files it makes has no effect.
        view: the pictures that calibrate, and those that judge.
        every: judge on every validation picture; else on those that choices are made by.
        progress: told after each layer; no part of the key.
    """
    plan = replace(plan, layout="fused")
    curves = file_identity(view.training.response_curves)
    inputs = {
        "float_model": converted.manifest.files[FLOAT_MODEL],
        "plan": plan.numbers | {"layout": plan.layout},  # As keys of earlier versions have it.
        "data": view.hash,
        "codec": view.codec,
        "inputs": {"share": view.training.virtual_camera, "curves": curves},
        "revision": [REVISION, quantize.REVISION],
        **({"pictures": "all"} if every else {}),
    }
    float_model = converted.file(FLOAT_MODEL)
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=rank,
        arguments={"float_model": float_model, "plan": plan, "view": view, "every": every, "progress": progress},
        packages=("ai-edge-quantizer", "ai-edge-litert", "numpy"),
    )


def alone(base: Plan, scheme: Scheme) -> Plan:
    """The plan that gives every layer the same scheme, and whose cut and calibration are those of `base`."""
    return replace(base, backbone="float32", head="float32", rules=f"*={scheme}", layout="fused")


def rank(
    folder: Path, *, float_model: Path, plan: Plan, view: DataView, every: bool, progress: LayerProgress | None
) -> dict[str, Any]:
    """Measure, and write `sensitivity.json` into `folder`; the other arguments are those of `rank_job`.

    Returns:
        `pictures` and `layers`: how many.

    Raises:
        PlanError: the plan quantizes no layer.
        DataError: all validation pictures show the same place.
    """
    from mqn.data.pairs.evaluation import evaluation_picture
    from mqn.export.choose.sensitivity import measure_sensitivity

    dataset = view.open()
    by = range(dataset.count("val")) if every else split_in_halves(dataset.sources("val"))[0]
    pictures = [evaluation_picture(dataset, index, view.size, "val", view.judged_on) for index in by]
    found = measure_sensitivity(float_model, plan, view.calibration(plan), pictures, view.codec, progress=progress)
    write_json(folder / SENSITIVITY, found)
    return {"pictures": found.pictures, "layers": len(found.layers)}


def split_in_halves(sources: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Validation pictures in two halves: positions of those to choose by, and of those to check the choice on.

    No place (`sources` names each picture's) is in both. Raises `DataError` if all show the same place.
    """
    places = sorted(set(sources))
    if len(places) < 2:
        raise DataError(
            f"the validation split shows {len(places)} place; a suggestion needs two at least, one to choose by and "
            "one to check on: name sources in manifest.csv, or give more pictures"
        )
    chosen = set(places[::2])
    by = tuple(position for position, source in enumerate(sources) if source in chosen)
    on = tuple(position for position, source in enumerate(sources) if source not in chosen)
    return by, on
