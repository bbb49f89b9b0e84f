"""The graph of a trial's steps: train -> convert -> quantize -> score and measure, each an artifact of its own.

Plans with a sparsity have the trained network pruned and converted again; plans of method `qat` have the weights
fine-tuned between conversion and quantization. This is the only place where steps are put in order: searches, repairs
and the commands that work on one checkpoint (`mqn.search.checkpoint`) all run what `TrialPipeline.steps` lists.

Before them, where the study has a gate, the untrained network goes the same way: untrained -> convert -> quantize ->
measure, in steps named `gate/...`. Where the gate tunes, devices choose the rewrites of the graph before that
(`mqn.search.stages.choose.device_files`), for the trained network too.

A training is keyed by network, training and data; a conversion by its checkpoint; a quantization by the float file, the
plan and the data; scores and measurements by the files themselves. So plans of one network share its training and its
conversion, and plans that come to the same file share its figures.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mqn.profile import Profile
from mqn.quantities import QUANTITIES, device_figures_in
from mqn.records import Candidate, Plan
from mqn.search.artifacts import GATE, Artifact, ArtifactFile
from mqn.search.gate.untrained import untrained_form
from mqn.search.space.gate import Tune
from mqn.search.space.goals import Scoring
from mqn.search.space.space import Space
from mqn.search.space.tables.rungs import Rungs
from mqn.search.space.trained import Trained
from mqn.search.stages import convert, finetune, measure, prune, quantize, score, train, untrained
from mqn.search.stages.adopt import adopt_job
from mqn.search.stages.choose.device_files import QUANTIZE, DeviceFiles, file_step
from mqn.search.stages.data_view import DataView
from mqn.search.stages.logged import logged
from mqn.search.work.data_place import DataPlace
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import Job
from mqn.search.work.steps import RUNG, TRAIN, Figures, Step, last_part

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

CONVERT, PRUNE, PRUNED, FINETUNE = "convert", "prune", "convert/pruned", "finetune"
"""`convert/pruned` converts what pruning left; losses are told against the conversion of the whole network."""

SCORE, SCORE_FLOAT, SCORE_BASELINE = "score", "score/float", "score/baseline"
MEASURE, REFERENCE = "measure/", "reference/"
UNTRAINED = f"{GATE}untrained"

Made = Mapping[str, Artifact]


class TrialPipeline:
    """How a candidate is evaluated."""

    def __init__(
        self,
        dataset: Dataset,
        profile: Profile,
        scoring: Scoring,
        devices: Devices | None = None,
        *,
        trained: Trained | None = None,
        gate: bool = False,
        tune: Tune = "no",
        rungs: Rungs | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            dataset: trains, calibrates and scores.
            profile: what stages may take.
            scoring: how accuracy is judged.
            devices: measure; open. None: nothing is measured.
            trained: the network that every trial takes; None: each is trained.
            gate: whether the untrained network is exported and measured first.
            tune: whether its graph is tuned then, for each device or for all.
            rungs: where trainings may be stopped; None: they are made in one go.
        """
        self._trained, self._gate, self._rungs = trained, gate, rungs
        self._dataset, self._place = dataset, DataPlace.of(dataset)
        self._profile = profile
        self._devices = devices
        self._targets: tuple[str, ...] = devices.targets if devices is not None else ()
        self._paired = () if devices is None else tuple(target for target in self._targets if devices.paired(target))
        self._scoring = scoring
        self._files = DeviceFiles(tune, devices, profile)

    @classmethod
    def of_space(cls, space: Space, dataset: Dataset, profile: Profile, devices: Devices | None) -> Self:
        """How the candidates of a space are evaluated: with its gate and its rungs."""
        make = functools.partial(cls, dataset, profile, space.scoring, devices, trained=space.trained)
        gate = space.gate
        return make(gate=gate is not None, tune="no" if gate is None else gate.tune, rungs=space.rungs)

    def view(self, candidate: Candidate) -> DataView:
        """The data as the candidate's network sees them."""
        return DataView(data=self._place, size=candidate.arch.input_size, training=candidate.training)

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        """The candidate's steps, every one behind those it needs."""
        gate = self._gate_steps(untrained_form(candidate)) if self._gate else ()
        return (*self._reference_steps(), *gate, *self._steps(candidate))

    def rungs(self, candidate: Candidate) -> tuple[Step, ...]:
        """The parts of its training that end at a rung, in order; none where it is trained in one go."""
        ends = () if self._rungs is None else self._rungs.of(candidate.training.epochs)
        return tuple(
            Step(
                name=f"{RUNG}{number}",
                needs=(f"{RUNG}{number - 1}",) if number > 1 else (),
                make=functools.partial(self._train_job, candidate, until=end),
                figures=train.cost_figures,
            )
            for number, end in enumerate(ends, start=1)
        )

    def curve(self, artifacts: Made) -> tuple[float, ...]:
        """Validation PSNR-TM in dB after each epoch of the training, as far as it has come."""
        part = last_part(artifacts)
        told = [] if part is None else [epoch.get(train.VALIDATION) for epoch in train.curves(part)]
        return tuple(value for value in told if value is not None)

    def _gate_steps(self, candidate: Candidate) -> Iterator[Step]:
        """Of an untrained candidate (`mqn.search.gate.untrained`)."""
        plan, view, ray, network = candidate.plan, self.view(candidate), self._profile.ray, UNTRAINED
        yield Step(
            name=UNTRAINED,
            make=lambda _: untrained.untrained_job(candidate.arch, candidate.training),
            figures=train.cost_figures,
        )
        if plan.sparsity:
            network = GATE + PRUNE
            yield Step(
                name=network,
                needs=(UNTRAINED,),
                make=lambda made: prune.prune_job(_checkpoint(made, UNTRAINED), plan, view, cpus=ray.training_cpus),
                figures=train.cost_figures,
            )
        yield Step(
            name=GATE + CONVERT,
            needs=(network,),
            make=lambda made: convert.convert_job(_checkpoint(made, network), cpus=ray.export_cpus),
        )

        def quantized(made: Made, plan: Plan) -> Job:
            return quantize.quantize_job(made[GATE + CONVERT], plan, view, cpus=ray.export_cpus)

        yield from self._files.gate_steps(plan, (GATE + CONVERT,), quantized)
        yield from self._files.quantize_steps(plan, (GATE + CONVERT,), quantized, GATE)
        yield from self._measure_steps(plan, GATE)

    def _steps(self, candidate: Candidate) -> Iterator[Step]:
        plan, view, ray = candidate.plan, self.view(candidate), self._profile.ray
        network, converted = (PRUNE, PRUNED) if plan.sparsity else (TRAIN, CONVERT)
        tuned = (FINETUNE,) if plan.method == "qat" else ()
        yield Step(name=TRAIN, make=functools.partial(self._train_job, candidate), figures=train.cost_figures)
        yield Step(
            name=CONVERT,
            needs=(TRAIN,),
            make=lambda made: convert.convert_job(_checkpoint(made, TRAIN), cpus=ray.export_cpus),
        )
        if plan.sparsity:
            yield Step(
                name=PRUNE,
                needs=(TRAIN,),
                make=lambda made: prune.prune_job(_checkpoint(made, TRAIN), plan, view, cpus=ray.training_cpus),
                figures=train.cost_figures,  # What is exported is the pruned network.
            )
            yield Step(
                name=PRUNED,
                needs=(PRUNE,),
                make=lambda made: convert.convert_job(_checkpoint(made, PRUNE), cpus=ray.export_cpus),
            )
        if tuned:
            yield Step(
                name=FINETUNE,
                needs=tuple(dict.fromkeys((TRAIN, network, converted))),
                make=lambda made: finetune.finetune_job(
                    _checkpoint(made, network),
                    made[converted],
                    plan,
                    view,
                    teacher=_checkpoint(made, TRAIN) if plan.sparsity else None,
                    cpus=ray.training_cpus,
                ),
            )

        def quantized(made: Made, plan: Plan) -> Job:
            cpus = ray.export_cpus
            return quantize.quantize_job(made[converted], plan, view, tuned=made.get(FINETUNE), cpus=cpus)

        yield from self._files.quantize_steps(plan, (converted, *tuned), quantized)
        yield Step(
            name=SCORE_BASELINE,
            make=lambda _: score.score_job(None, (), view, self._scoring, doing="score doing nothing"),
            figures=lambda done: score.score_figures(done, "_baseline"),
        )
        yield Step(
            name=SCORE_FLOAT,
            needs=(CONVERT,),
            make=lambda made: score.score_job(
                made[CONVERT], (convert.FLOAT_MODEL,), view, self._scoring, doing="score the float network"
            ),
            figures=lambda done: score.score_figures(done, "_float"),
        )
        yield Step(
            name=SCORE,
            needs=(QUANTIZE,),
            make=lambda made: score.score_job(
                made[QUANTIZE],
                quantize.model_names(made[QUANTIZE]),
                view,
                self._scoring,
                doing="score the quantized files",
            ),
            figures=score.score_figures,
        )
        yield from self._measure_steps(plan)

    def _reference_steps(self) -> Iterator[Step]:
        for target in self._paired:
            yield Step(name=f"{REFERENCE}{target}", make=functools.partial(self._reference_job, target=target))

    def _measure_steps(self, plan: Plan, prefix: str = "") -> Iterator[Step]:
        for target in self._targets:
            model = prefix + file_step(target, self._files.names(plan))
            beside = (f"{REFERENCE}{target}",) if target in self._paired else ()
            yield Step(
                name=f"{prefix}{MEASURE}{target}",
                needs=(model, *beside),
                make=functools.partial(self._measure_job, model=model, target=target),
            )

    def figures(self, candidate: Candidate, artifacts: Made) -> Figures:
        """What finished artifacts say."""
        found: dict[str, float] = {}
        gate: dict[str, float] = {}
        for step in (*self.rungs(candidate), *self.steps(candidate)):
            if step.name in artifacts:
                said = gate if step.name.startswith(GATE) else found
                said |= step.figures(artifacts[step.name])
        for name in [name for name in found if f"{name}_float" in found]:
            lost = found[f"{name}_float"] - found[name]
            found[f"{name}_drop"] = lost if QUANTITIES[name].direction == "maximize" else -lost
        told = {target: self._told(artifacts, f"{MEASURE}{target}") for target in self._targets}
        for target in self._targets:
            own = device_figures_in(self._told(artifacts, f"{GATE}{MEASURE}{target}").get("figures", {}))
            gate |= {f"{name}/{target}": value for name, value in own.items()}
        return Figures(
            figures=found,
            device_figures={target: device_figures_in(own.get("figures", {})) for target, own in told.items()},
            verdicts={target: own["verdict"] for target, own in told.items() if own},
            gate=gate,
            lowering=self._files.lowering(candidate.plan, artifacts),
        )

    def logged(self, candidate: Candidate, artifacts: Made) -> tuple[list[dict[str, float]], dict[str, Path]]:
        """What is tracked of a trial (`mqn.search.stages.logged`); its artifacts tell everything."""
        del candidate
        return logged(artifacts)

    def _train_job(self, candidate: Candidate, made: Made, *, until: int | None = None) -> Job:
        if self._trained is not None:
            return adopt_job(self._trained)
        how = candidate.arch, candidate.training, self._dataset, self._profile.ray
        return train.train_job(*how, until=until, earlier=last_part(made))

    def _measure_job(self, made: Made, *, model: str, target: str) -> Job:
        assert self._devices is not None
        return measure.measure_job(
            made[model],
            target,
            self._devices.identity(target),
            self._profile.measure,
            holder=self._devices.holder,
            max_age_hours=self._profile.max_age_hours,
            reference=made.get(f"{REFERENCE}{target}"),
        )

    def _reference_job(self, _: Made, *, target: str) -> Job:
        assert self._devices is not None
        identity, settings = self._devices.identity(target), self._profile.measure
        return measure.reference_job(target, identity, settings, holder=self._devices.holder)

    @staticmethod
    def _told(artifacts: Made, step: str) -> Mapping[str, Any]:
        """What a measurement told; nothing where it was not made."""
        return artifacts[step].manifest.details if step in artifacts else {}


def _checkpoint(made: Made, step: str) -> ArtifactFile:
    return made[step].file(train.CHECKPOINT)
