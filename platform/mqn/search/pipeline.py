"""How a candidate is evaluated: train -> convert -> quantize -> score and measure, each an artifact of its own.

Plans with a sparsity have the trained network pruned and converted again; plans of method `qat` have the weights
fine-tuned between conversion and quantization.

A training is keyed by network, training and data; a conversion by its checkpoint; a quantization by the float file, the
plan and the data; scores and measurements by the files themselves. So plans of one network share its training and its
conversion, and plans that come to the same file share its figures.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.profile import Profile
from mqn.quantities import DEVICE_FIGURES, QUANTITIES
from mqn.records import Candidate
from mqn.search import finetuning, stages
from mqn.search.adoption import trained_job
from mqn.search.artifacts import Artifact
from mqn.search.devices import Devices
from mqn.search.evaluation import Figures, Step
from mqn.search.goals import Scoring
from mqn.search.jobs import Job
from mqn.search.stage_jobs import (
    convert_job,
    model_names,
    quantize_job,
    score_job,
    train_job,
)
from mqn.search.trained import Trained
from mqn.search.tuning_jobs import finetune_job, prune_job

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

_PRUNED = "convert/pruned"
"""The conversion of what pruning left, beside that of the whole network, which is what the losses are told against."""


class MqnPipeline:
    """The real pipeline."""

    def __init__(
        self,
        dataset: Dataset,
        profile: Profile,
        devices: Devices,
        scoring: Scoring,
        *,
        named: bool = False,
        trained: Trained | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            dataset: trains, calibrates and scores.
            profile: what stages may take.
            devices: measure; open.
            scoring: how accuracy is judged.
            named: whether the space asks for a target by name (`latency_ms/board`), so that even the figures of a
                single one have to go by it.
            trained: the network that every trial takes; None: each is trained.
        """
        self._trained = trained
        self._named = named
        self._dataset = dataset
        self._profile = profile
        self._devices = devices
        self._scoring = scoring

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        """The candidate's steps."""
        arch, plan, codec = candidate.arch, candidate.plan, candidate.training.codec
        size, cpus = arch.input_size, self._profile.ray.export_cpus
        converted = _PRUNED if plan.sparsity else "convert"

        def score(artifact: Artifact | None = None, names: tuple[str, ...] = ()) -> Job:
            files = tuple(artifact.folder / name for name in names) if artifact else ()
            return score_job(files, artifact, codec, size, self._dataset, self._scoring)

        return (
            Step(name="train", needs=(), make=lambda _: self._train_job(candidate)),
            Step(
                name="convert",
                needs=("train",),
                make=lambda made: convert_job(made["train"].folder / stages.CHECKPOINT, cpus=cpus),
            ),
            *self._tuning_steps(candidate),
            Step(
                name="quantize",
                needs=(converted, finetuning.FINETUNE) if plan.method == "qat" else (converted,),
                make=lambda made: quantize_job(
                    made[converted],
                    plan,
                    self._dataset,
                    size,
                    candidate.training,
                    tuned=made.get(finetuning.FINETUNE),
                    cpus=cpus,
                ),
            ),
            Step(name="score/baseline", needs=(), make=lambda _: score()),
            Step(
                name="score/float", needs=("convert",), make=lambda made: score(made["convert"], (stages.FLOAT_MODEL,))
            ),
            Step(
                name="score",
                needs=("quantize",),
                make=lambda made: score(made["quantize"], model_names(made["quantize"])),
            ),
            *(
                Step(
                    name=f"measure/{target}",
                    needs=("quantize",),
                    make=functools.partial(self._measure_job, target=target),
                )
                for target in self._devices.targets
            ),
        )

    def _train_job(self, candidate: Candidate) -> Job:
        if self._trained is not None:
            return trained_job(self._trained)
        return train_job(candidate.arch, candidate.training, self._dataset, self._profile.ray)

    def _tuning_steps(self, candidate: Candidate) -> Iterator[Step]:
        """Those of a plan that prunes, and those of one that fine-tunes."""
        plan, training, size = candidate.plan, candidate.training, candidate.arch.input_size
        ray, network = self._profile.ray, finetuning.PRUNE if plan.sparsity else "train"

        def checkpoint(made: Mapping[str, Artifact], step: str) -> Path:
            return made[step].folder / stages.CHECKPOINT

        if plan.sparsity:
            yield Step(
                name=finetuning.PRUNE,
                needs=("train",),
                make=lambda made: prune_job(
                    checkpoint(made, "train"), plan, self._dataset, size, training, cpus=ray.training_cpus
                ),
            )
            yield Step(
                name=_PRUNED,
                needs=(finetuning.PRUNE,),
                make=lambda made: convert_job(checkpoint(made, finetuning.PRUNE), cpus=ray.export_cpus),
            )
        if plan.method == "qat":
            converted = _PRUNED if plan.sparsity else "convert"
            yield Step(
                name=finetuning.FINETUNE,
                needs=tuple(dict.fromkeys(("train", network, converted))),
                make=lambda made: finetune_job(
                    checkpoint(made, network),
                    made[converted],
                    plan,
                    self._dataset,
                    size,
                    training,
                    teacher=checkpoint(made, "train") if plan.sparsity else None,
                    cpus=ray.training_cpus,
                ),
            )

    def figures(self, candidate: Candidate, artifacts: Mapping[str, Artifact]) -> Figures:  # noqa: ARG002
        """What finished artifacts say."""
        details = {name: artifact.manifest.details for name, artifact in artifacts.items()}
        found: dict[str, float] = {}
        for step in ("train", finetuning.PRUNE):  # What is exported is the pruned network.
            if step in details:
                found |= {name: float(details[step][name]["total"]) for name in ("parameters", "macs")}
        if "quantize" in artifacts:
            model = artifacts["quantize"]
            found["size_bytes"] = float(sum((model.folder / name).stat().st_size for name in model_names(model)))
        for step, suffix in (("score", ""), ("score/float", "_float"), ("score/baseline", "_baseline")):
            found |= {f"{name}{suffix}": value for name, value in details.get(step, {}).get("scores", {}).items()}
        for name in [name for name in found if f"{name}_float" in found]:
            lost = found[f"{name}_float"] - found[name]
            found[f"{name}_drop"] = lost if QUANTITIES[name].direction == "maximize" else -lost
        targets = [target for target in self._devices.targets if f"measure/{target}" in details]
        measured = {target: details[f"measure/{target}"] for target in targets}
        first = self._devices.targets[0]
        if first in measured:  # Of several targets the first one's figures stand for the trial, and no other's.
            found |= measured[first]["figures"]
        for target in targets:
            named = measured[target]["figures"].items()
            found |= {f"{name}/{target}": value for name, value in named if self._is_apart(name)}
        return Figures(
            figures=found,
            device_figures={target: dict(entry["figures"]) for target, entry in measured.items()},
            verdicts={target: entry["verdict"] for target, entry in measured.items()},
        )

    def _is_apart(self, name: str) -> bool:
        """Whether a figure stands once for every target."""
        return name in DEVICE_FIGURES and (len(self._devices.targets) > 1 or self._named)

    def logged(self, artifacts: Mapping[str, Artifact]) -> tuple[list[dict[str, float]], dict[str, Path]]:
        """Epoch curves, the model's files with audit and calibration, manifests, scores, measurements, the strip."""
        curves: list[dict[str, float]] = []
        files = {
            f"manifests/{name.replace('/', '-')}.json": a.folder / "manifest.json" for name, a in artifacts.items()
        }
        if "train" in artifacts:
            history = json.loads((artifacts["train"].folder / stages.HISTORY).read_text(encoding="utf-8"))
            curves = [{key: v for key, v in epoch.items() if isinstance(v, (int, float))} for epoch in history]
        if "quantize" in artifacts:
            folder = artifacts["quantize"].folder
            files |= {f"model/{name}": folder / name for name in model_names(artifacts["quantize"])}
            told = (folder / name for name in (stages.AUDIT, stages.CALIBRATION))
            files |= {f"model/{path.name}": path for path in told if path.exists()}
        for step in (finetuning.PRUNE, finetuning.FINETUNE):
            if step in artifacts:
                files[f"tuning/{step}.json"] = artifacts[step].folder / finetuning.HISTORY
        if "score" in artifacts:
            files |= {name: artifacts["score"].folder / name for name in (stages.SCORES, stages.STRIP)}
        for name, artifact in artifacts.items():
            stage, _, target = name.partition("/")
            if stage == "measure":
                files[f"measurements/{target.replace(':', '-')}.json"] = artifact.folder / stages.MEASUREMENT
        return curves, files

    def _measure_job(self, made: Mapping[str, Artifact], *, target: str) -> Job:
        return self._devices.job(made["quantize"], target)
