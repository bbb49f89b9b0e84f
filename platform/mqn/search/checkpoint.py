"""One trained checkpoint, taken through the steps of a trial in this process: what `mqn export` and its kin do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mqn.parsing import file_hash, read_json
from mqn.profile import Profile
from mqn.records import Candidate, Plan, Sensitivity, Training, Tuning
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.pipeline import CONVERT, QUANTIZE, TrialPipeline
from mqn.search.space.goals import Scoring
from mqn.search.space.trained import Trained
from mqn.search.stages.choose.rank import SENSITIVITY, STAGE
from mqn.search.stages.choose.tune import STAGE as TUNE
from mqn.search.stages.choose.tune import TUNING
from mqn.search.stages.convert import convert_job, converted_network
from mqn.search.stages.data_view import DataView
from mqn.search.work.jobs import Job
from mqn.search.work.steps import Step, run_steps

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.infer.exported import Exported


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A trained network, and where the work on it is kept: a further plan does not convert again.

    Attributes:
        network: the candidate with the network and its training; its plan does not count.
        view: the data as the network sees them.
        pipeline: the steps of a trial, with the checkpoint in place of a training.
        store: keeps what each step makes.
    """

    network: Candidate
    view: DataView
    pipeline: TrialPipeline
    store: ArtifactStore

    @classmethod
    def open(cls, path: Path, dataset: Dataset, store: ArtifactStore) -> Self:
        """Read a training's `checkpoint.pt`.

        Training pictures of `dataset` calibrate, and its validation pictures judge. `store` keeps what each step makes.

        Raises:
            WeightsError: the checkpoint cannot be read.
        """
        known = store.find(*convert_job(path).id)
        if known is None:
            from mqn.models.checkpoint import load

            arch, training, _ = load(path)
        else:
            arch, training = converted_network(known)
        view = DataView.of(dataset, arch.input_size, training)
        return cls(
            network=Candidate(arch=arch, training=training),
            view=view,
            pipeline=TrialPipeline(
                dataset,
                Profile(),
                Scoring(inputs=view.judged_on),
                trained=Trained(checkpoint=str(path.absolute()), sha256=file_hash(path)),
            ),
            store=store,
        )

    @property
    def training(self) -> Training:
        """How the network was trained."""
        return self.network.training

    def steps(self, plan: Plan) -> tuple[Step, ...]:
        """The steps of a trial with this plan."""
        return self.pipeline.steps(Candidate(arch=self.network.arch, training=self.training, plan=plan))

    def run(
        self, plan: Plan, *goals: str, more: tuple[Step, ...] = (), tell: Callable[[str], None] = lambda _: None
    ) -> dict[str, Artifact]:
        """Do what some steps need, and these steps themselves.

        Args:
            plan: the plan.
            goals: names of the steps that are wanted.
            more: steps that follow those of a trial.
            tell: told what is done, before each step.

        Returns:
            The artifacts by step.

        Raises:
            CandidateError: a step cannot be done as asked.
        """
        return run_steps(self.store, (*self.steps(plan), *more), *goals, tell=tell)

    def tune(self, plan: Plan, make: Callable[[Artifact], Job], tell: Callable[[str], None] = lambda _: None) -> Tuning:
        """Find the rewrites with which a plan's files are fastest on a device; `plan.lowering` does not count.

        `make` makes the job (`mqn.search.stages.choose.tune`) from the quantized files without rewrites.
        """
        step = Step(name=TUNE, needs=(QUANTIZE,), make=lambda made: make(made[QUANTIZE]))
        made = self.run(replace(plan, lowering="none"), TUNE, more=(step,), tell=tell)
        return read_json(Tuning, made[TUNE].path(TUNING))

    def rank(self, plan: Plan, make: Callable[[Artifact], Job]) -> Sensitivity:
        """Measure what every layer loses alone.

        `make` makes the job (`mqn.search.stages.choose.rank`) from the float network.
        """
        step = Step(name=STAGE, needs=(CONVERT,), make=lambda made: make(made[CONVERT]))
        made = self.run(plan, STAGE, more=(step,))
        return read_json(Sensitivity, made[STAGE].path(SENSITIVITY))


def export_checkpoint(
    path: Path,
    plan: Plan,
    dataset: Dataset,
    output: Path,
    store: ArtifactStore,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export a training's `checkpoint.pt` as a plan says, and copy the model to `output`.

    Raises:
        WeightsError: the checkpoint cannot be read.
        CandidateError: it cannot be exported as asked.
        UsageError: the output cannot be written to.
    """
    from mqn.infer.exported import place

    made = Checkpoint.open(path, dataset, store).run(plan, QUANTIZE, tell=tell)
    return place(made[QUANTIZE].whole(), output)
