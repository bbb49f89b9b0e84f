"""Plans that a search can start from: allocated by what layers lose alone, then exported, scored and compared.

The halves of the validation pictures are kept apart: layers are looked at on one, plans are checked on the other. All
work is artifacts: a suggestion that was cut short goes on, and a search that starts from it finds its plans exported
and scored already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mqn.errors import CandidateError, UsageError
from mqn.export.choose.suggestion import suggest
from mqn.metrics.intervals import mean_interval
from mqn.parsing import read_json
from mqn.records import Plan, Scores, SuggestedPlan, Suggestion
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.checkpoint import Checkpoint
from mqn.search.pipeline import QUANTIZE, SCORE, SCORE_FLOAT
from mqn.search.stages.choose.rank import split_in_halves
from mqn.search.stages.choose.side_times import Bench
from mqn.search.stages.quantize import size_figures
from mqn.search.stages.score import SCORES
from mqn.search.suggest.losing_alone import Progress, lose_alone
from mqn.search.suggest.side_timing import time_sides

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

_METRIC = "psnr_tm"


def suggest_plans(
    checkpoint: Path,
    base: Plan,
    dataset: Dataset,
    budget: float,
    store: ArtifactStore,
    *,
    progress: Progress,
    bench: Bench | None = None,
) -> Suggestion:
    """Find plans and check them.

    Args:
        checkpoint: a training's.
        base: gives cut, layout and calibration; its schemes and rules do not count.
        dataset: its training pictures calibrate, its validation pictures judge.
        budget: PSNR-TM in dB that a plan may lose.
        store: of artifacts.
        progress: told what goes on.
        bench: a device, on which each side is timed under each scheme; plans are then chosen by that. None: by rates
            of one x86-64 processor.

    Raises:
        DeviceError: the device went away, or nothing could be timed.
        UsageError: the budget is not above 0, or the plan wants fine-tuning.
        DataError: all validation pictures show the same place.
        CandidateError: no plan loses as little as the budget asks for, or the cut does not fit.
    """
    if not budget > 0:
        raise UsageError(f"--budget {budget:g} must be above 0: the PSNR-TM in dB that a plan may lose")
    if base.tuned:
        raise UsageError(f"{base.label}: suggestions are made of plain quantization; leave method and sparsity out")
    sources = dataset.sources("val")
    _, on = split_in_halves(sources)
    progress("conversion", 0, 1)
    network = Checkpoint.open(checkpoint, dataset, store)
    times = None if bench is None else time_sides(network, base, bench, lambda what: progress(what, 0, 1))
    alone = lose_alone(network, base, progress)
    times = times and alone.beside(times)
    ratios = None if times is None else times.ratios
    predictions = suggest(alone.graph, alone.tensor, base, alone.losses, budget, ratios)
    if not predictions:
        raise CandidateError(f"no quantized plan loses as little as --budget {budget:g} dB asks for; allow more")
    values = _per_picture(network.run(base, SCORE_FLOAT)[SCORE_FLOAT])
    checked = [sources[position] for position in on]
    tried = []
    for number, prediction in enumerate(predictions):
        progress("plans", number, len(predictions))
        made = network.run(prediction.plan, SCORE)
        lost = (values - _per_picture(made[SCORE]))[list(on)]
        tried.append(
            SuggestedPlan(
                plan=prediction.plan,
                predicted_loss=prediction.loss,
                measured_loss=mean_interval(lost[:, None], checked)[0],
                time=prediction.time,
                size_bytes=int(size_figures(made[QUANTIZE])["size_bytes"]),
            )
        )
    return Suggestion(
        budget=budget,
        psnr_tm_float=float(np.mean(values[list(on)])),
        allocated_on=len(values) - len(on),
        checked_on=len(on),
        plans=mark_beaten(tried),
        times=times,
    )


def mark_beaten(plans: Sequence[SuggestedPlan]) -> tuple[SuggestedPlan, ...]:
    """Note with each plan which other one is as good in measured loss, time and bytes, and better in one of them.

    A plan is as good in loss if it loses no more on average and no more at the upper end of its range. The average
    alone is chance for a plan by which some pictures gain much and others lose much.
    """

    def figures(one: SuggestedPlan) -> tuple[float, float, float, float]:
        return one.measured_loss.mean, one.measured_loss.high, one.time, one.size_bytes

    def beats(other: SuggestedPlan, one: SuggestedPlan) -> bool:
        return figures(other) != figures(one) and all(
            theirs <= own for theirs, own in zip(figures(other), figures(one), strict=True)
        )

    return tuple(
        replace(one, beaten_by=next((other.plan.label for other in plans if beats(other, one)), None)) for one in plans
    )


def _per_picture(scored: Artifact) -> np.ndarray:
    return np.array(read_json(Scores, scored.path(SCORES)).per_picture[_METRIC], dtype=float)
