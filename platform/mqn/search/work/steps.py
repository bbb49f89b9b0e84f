"""The steps of a trial as plain data: what each needs, the job that it is, and what its artifact says."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from mqn.records import Candidate, Verdict
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.work.jobs import Job, complete

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a trial.

    Attributes:
        name: as it stands in `TrialRecord.artifacts`: `train`, `score/float`, `measure/<target>`, ... Steps of the gate
            begin with `gate/`; the others are asked for only when the gate has let the trial pass.
        needs: steps whose artifacts it reads.
        make: from those artifacts, by step, to the job.
        figures: from its artifact to figures of the trial. A later step's figure takes the place of an earlier one's.
    """

    name: str
    needs: tuple[str, ...] = ()
    make: Callable[[Mapping[str, Artifact]], Job]
    figures: Callable[[Artifact], Mapping[str, float]] = lambda _: {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a trial's artifacts say, in the words of `TrialRecord`."""

    figures: dict[str, float] = field(default_factory=dict)
    device_figures: dict[str, dict[str, float]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    gate: dict[str, float] = field(default_factory=dict)
    lowering: dict[str, str] = field(default_factory=dict)


TRAIN, RUNG = "train", "train/rung-"
"""The step of a whole training; with a number behind it, those of the parts that end at a rung: `train/rung-1`, ..."""


class Pipeline(Protocol):
    """How a candidate is evaluated."""

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        """Its steps, every one behind those it needs."""

    def rungs(self, candidate: Candidate) -> tuple[Step, ...]:
        """The parts of its training that end at a rung, in order; none where it is trained in one go.

        Where they are made, the step `train` is the part that follows the last of them.
        """

    def curve(self, artifacts: Mapping[str, Artifact]) -> tuple[float, ...]:
        """Accuracy in dB after epoch 1, epoch 2, ... of the training, as far as there are artifacts of it."""

    def figures(self, candidate: Candidate, artifacts: Mapping[str, Artifact]) -> Figures:
        """What finished artifacts say; steps may be missing."""

    def logged(
        self, candidate: Candidate, artifacts: Mapping[str, Artifact]
    ) -> tuple[Sequence[Mapping[str, float]], dict[str, Path]]:
        """What is tracked of a trial: epoch curves, and files by their path within the run."""


def last_part(made: Mapping[str, T]) -> T | None:
    """What there is of a training by step: the whole, else the part that ends at the last rung; None: nothing."""
    rungs = [name for name in made if name.startswith(RUNG)]
    name = TRAIN if TRAIN in made else max(rungs, key=rung_of, default=None)
    return None if name is None else made[name]


def rung_of(step: str) -> int:
    """The number of the rung that a part of a training ends at: 1 of `train/rung-1`."""
    return int(step.removeprefix(RUNG))


def ready(steps: Sequence[Step], begun: Container[str], made: Container[str]) -> Iterator[tuple[int, Step]]:
    """Yield the steps that can begin now, each with the number of steps that stand behind it.

    `begun` and `made` are names of steps. The fewer stand behind a step, the sooner its trial is over.
    """
    for behind, step in zip(reversed(range(len(steps))), steps, strict=True):
        if step.name not in begun and all(name in made for name in step.needs):
            yield behind, step


def run_steps(
    store: ArtifactStore, steps: Sequence[Step], *goals: str, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Artifact]:
    """Do here and now what some steps need, and these steps themselves; what is done already is not done again.

    Args:
        store: keeps what each step makes.
        steps: those of a trial, every one behind those it needs.
        goals: names of the steps that are wanted.
        tell: told what is done, before each step.

    Returns:
        The artifacts of all steps that were needed, by step.

    Raises:
        MqnError: what a step failed with.
    """
    wanted = set(goals)
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= set(step.needs)
    made: dict[str, Artifact] = {}
    for step in steps:
        if step.name in wanted:
            job = step.make(made)
            tell(job.words)
            made[step.name] = complete(store, job)
    return made
