"""One row: a candidate is trained, exported and scored by the product's own steps, in a process with one thread."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mqn.data.dataset import Dataset
from mqn.errors import CandidateError
from mqn.profile import Profile
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.pipeline import QUANTIZE, SCORE, SCORE_BASELINE, SCORE_FLOAT, TRAIN, TrialPipeline
from mqn.search.space.dimensions import Params
from mqn.search.stages.quantize import size_figures
from mqn.search.stages.train import HISTORY
from mqn.search.work.steps import Step, run_steps
from tests.benchmarks.wisdom.candidates import KINDS, candidate, plan_label, plans, wisdom_space
from tests.benchmarks.wisdom.table import PlanFigures, Row

DECIMALS = 4
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
"""The environment of a process that makes rows: weights are the same bit for bit only with as many threads."""


def make_row(data: Path, kind: str, number: int, network: Params) -> Row:
    """Train a network, and score it in float and with every plan; artifacts are thrown away.

    Args:
        data: the prepared photographs.
        kind: name of the table.
        number: of the row.
        network: by dimension its value.
    """
    began = time.perf_counter()
    dataset = Dataset.open(data)
    pipeline = TrialPipeline(dataset, Profile(), wisdom_space().scoring)
    with tempfile.TemporaryDirectory(prefix="mqn-wisdom-") as folder:
        store = ArtifactStore(Path(folder))
        first = candidate(network, plans()[0], KINDS[kind])
        found: dict[str, Any] = {}
        figures: dict[str, PlanFigures] = {}
        error = ""
        try:
            made = run_steps(store, pipeline.steps(first), TRAIN, SCORE_FLOAT)
            found = {name: made[TRAIN].manifest.details[name]["total"] for name in ("macs", "parameters")}
            found["scores"] = scores_of(made[SCORE_FLOAT])
            for plan in plans():
                steps = pipeline.steps(candidate(network, plan, KINDS[kind]))
                figures[plan_label(plan)] = _plan_figures(store, steps)
        except CandidateError as failure:
            error = str(failure)
        history = _history(Path(folder))
    return Row(
        number=number,
        network=network,
        seed=KINDS[kind].training_seed,
        curve=tuple(round(epoch["val_psnr_tm"], DECIMALS) for epoch in history),
        plans=figures,
        epoch_seconds=round(statistics.median(epoch["seconds"] for epoch in history), 3) if history else None,
        seconds=round(time.perf_counter() - began, 1),
        error=error,
        **found,
    )


def score_doing_nothing(data: Path) -> dict[str, float]:
    """How the input scores as it is, by measure."""
    pipeline = TrialPipeline(Dataset.open(data), Profile(), wisdom_space().scoring)
    with tempfile.TemporaryDirectory(prefix="mqn-wisdom-") as folder:
        made = run_steps(ArtifactStore(Path(folder)), pipeline.steps(wisdom_space().base), SCORE_BASELINE)
        return scores_of(made[SCORE_BASELINE])


def scores_of(artifact: Artifact) -> dict[str, float]:
    """Every measure's mean, rounded."""
    return {name: round(value, DECIMALS) for name, value in artifact.manifest.details["scores"].items()}


def _plan_figures(store: ArtifactStore, steps: Sequence[Step]) -> PlanFigures:
    try:
        made = run_steps(store, steps, QUANTIZE, SCORE)
    except CandidateError as failure:
        return PlanFigures(error=str(failure))
    return PlanFigures(scores=scores_of(made[SCORE]), size_bytes=int(size_figures(made[QUANTIZE])["size_bytes"]))


def _history(folder: Path) -> list[dict[str, Any]]:
    """The epochs of the only training in a store, finished or not."""
    found: list[dict[str, Any]] = []
    for file in folder.glob(f"train/*/{HISTORY}"):
        found = json.loads(file.read_text(encoding="utf-8"))
    return found
