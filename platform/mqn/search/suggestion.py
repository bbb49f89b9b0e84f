"""Plans that a search can start from: allocated by what layers lose alone, then exported, scored and compared.

The halves of the validation pictures are kept apart: layers are looked at on one, plans are checked on the other. All
work is artifacts: a suggestion that was cut short goes on, and a search that starts from it finds its plans exported
and scored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mqn.errors import CandidateError, UsageError
from mqn.metrics.intervals import mean_interval
from mqn.parsing import read_json
from mqn.records import Interval, Plan, Prediction, Scores, Sensitivity, SuggestedPlan, Suggestion, Training
from mqn.search import stages
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.goals import Scoring
from mqn.search.halves import validation_halves
from mqn.search.jobs import complete
from mqn.search.ranking import SENSITIVITY, judged_on, rank_job
from mqn.search.stage_jobs import convert_job, model_names, quantize_job, score_job

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

_METRIC = "psnr_tm"

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


def suggest_plans(
    checkpoint: Path, base: Plan, dataset: Dataset, budget: float, store: ArtifactStore, *, progress: Progress
) -> Suggestion:
    """Find plans and check them.

    Args:
        checkpoint: a training's.
        base: gives cut, layout and calibration; its schemes and rules do not count.
        dataset: its training pictures calibrate, its validation pictures judge.
        budget: PSNR-TM in dB that a plan may lose.
        store: of artifacts.
        progress: told what goes on.

    Raises:
        UsageError: the budget is not above 0, or the plan wants fine-tuning.
        DataError: all validation pictures show the same place.
        CandidateError: no plan loses as little as the budget asks for, or the cut does not fit.
    """
    from mqn.models.checkpoint import load

    if not budget > 0:
        raise UsageError(f"--budget {budget:g} must be above 0: the PSNR-TM in dB that a plan may lose")
    if base.tuned:
        raise UsageError(f"{base.label}: suggestions are made of plain quantization; leave method and sparsity out")
    _, on = validation_halves(dataset)
    arch, training, _ = load(checkpoint)
    progress("conversion", 0, 1)
    converted = complete(store, convert_job(checkpoint))
    work = _Work(store=store, dataset=dataset, size=arch.input_size, training=training, converted=converted)
    predictions = work.allocate(base, budget, progress)
    if not predictions:
        raise CandidateError(f"no quantized plan loses as little as --budget {budget:g} dB asks for; allow more")
    reference = work.score(converted, (stages.FLOAT_MODEL,))
    tried = []
    for number, prediction in enumerate(predictions):
        progress("plans", number, len(predictions))
        tried.append(work.check(prediction, reference, on))
    values = _per_picture(reference)
    return Suggestion(
        budget=budget,
        psnr_tm_float=float(np.mean([values[position] for position in on])),
        allocated_on=len(values) - len(on),
        checked_on=len(on),
        plans=mark_beaten(tried),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One network's artifacts, made where they are not there yet."""

    store: ArtifactStore
    dataset: Dataset
    size: int
    training: Training
    converted: Artifact

    def allocate(self, base: Plan, budget: float, progress: Progress) -> tuple[Prediction, ...]:
        from mqn.export.cutting import cut, cut_tensor
        from mqn.export.flatbuffer import Network
        from mqn.export.suggest import layer_losses, suggest
        from mqn.export.suggest_costs import SCHEMES

        float_model = self.converted.folder / stages.FLOAT_MODEL
        network = Network.read(float_model)
        tensor = cut_tensor(float_model, base.cut)
        if base.layout == "pair":
            cut(network, tensor)  # A cut that makes no two files is told before minutes of work, like one that is none.
        found = []
        for scheme in SCHEMES[1:]:

            def on_layer(done: int, total: int, name: str = f"layers in {scheme}") -> None:
                progress(name, done, total)

            job = rank_job(self.converted, base, scheme, self.dataset, self.size, self.training, progress=on_layer)
            found.append(read_json(Sensitivity, complete(self.store, job).folder / SENSITIVITY))
        return suggest(network, tensor, base, layer_losses(found), budget)

    def score(self, model: Artifact, names: tuple[str, ...]) -> Scores:
        files = tuple(model.folder / name for name in names)
        scoring = Scoring(inputs=judged_on(self.training))
        job = score_job(files, model, self.training.codec, self.size, self.dataset, scoring)
        return read_json(Scores, complete(self.store, job).folder / stages.SCORES)

    def check(self, prediction: Prediction, reference: Scores, on: Sequence[int]) -> SuggestedPlan:
        job = quantize_job(self.converted, prediction.plan, self.dataset, self.size, self.training)
        model = complete(self.store, job)
        names = model_names(model)
        lost = _per_picture(reference) - _per_picture(self.score(model, names))
        return SuggestedPlan(
            plan=prediction.plan,
            predicted_loss=prediction.loss,
            measured_loss=_interval(lost[list(on)], [self.dataset.sources("val")[position] for position in on]),
            time=prediction.time,
            size_bytes=sum((model.folder / name).stat().st_size for name in names),
        )


def mark_beaten(plans: Sequence[SuggestedPlan]) -> tuple[SuggestedPlan, ...]:
    """Note with each plan which other one is as good in measured loss, time and bytes, and better in one of them.

    As good in loss is what loses no more on average, nor at the upper end of its range: where pictures gain and lose
    much, a mean below that of a plan that hardly changes them is chance.
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


def _per_picture(scores: Scores) -> np.ndarray:
    return np.array(scores.per_picture[_METRIC], dtype=float)


def _interval(values: np.ndarray, sources: Sequence[str]) -> Interval:
    return mean_interval(values[:, None], sources)[0]
