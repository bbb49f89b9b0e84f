"""A pipeline of trivial stages. Each stage appends a line to a log, so that what ran how often can be counted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.errors import ExportError, TrainingError
from mqn.records import Candidate, stage_key
from mqn.search.artifacts import Artifact
from mqn.search.census import count_states
from mqn.search.evaluation import Figures, Step
from mqn.search.jobs import Job, Resources
from mqn.search.study import Study

PLANS = [("static_wi8_ai8", "dynamic_wi8_afp32"), ("static_wi8_ai8", "float32"), ("float32", "float32")]


def grid_definition(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tiny",
        "sampler": "grid",
        "trials": 12,
        "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
        "dimensions": {"arch.attention": {"choices": ["none", "sa", "csa", "ca"]}},
        "points": [{"plan.backbone": backbone, "plan.head": head} for backbone, head in PLANS],
        **changes,
    }


def nonzero(study: Study) -> dict[str, int]:
    """How many trials are in each state that any is in."""
    return {state: count for state, count in count_states(study).items() if count}


def pause(seconds: Mapping[str, float], stage: str) -> None:
    time.sleep(seconds.get(stage, 0.0))


def work(
    folder: Path, *, log: Path, stage: str, name: str, seconds: Mapping[str, float], value: float
) -> dict[str, Any]:
    """Begin, take some time, end; each leaves a line of its own."""
    _note(log, "begin", stage, name)
    pause(seconds, stage)
    if name.startswith("sa") and stage == "train" and value < 0:
        raise TrainingError("the loss is not finite")
    if stage == "convert" and value < 0:
        raise ExportError("not the same network")
    (folder / "out.json").write_text(json.dumps(value))
    _note(log, "end", stage, name)
    return {"value": value}


def _note(log: Path, what: str, stage: str, name: str) -> None:
    # One write of a short line with O_APPEND is atomic.
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{what} {stage} {name}\n".encode())
    os.close(handle)


class FakePipeline:
    """train -> convert -> quantize -> score and measure, as the real one."""

    def __init__(
        self,
        log: Path,
        seconds: Mapping[str, float] | None = None,
        *,
        sick: Mapping[str, float] | None = None,
        alike: tuple[str, ...] = ("arch.attention",),
    ) -> None:
        """How trivial stages behave.

        `sick`: stage to the value it works with. `alike`: keys in which candidates agree that share a training.
        """
        self.log, self.seconds, self.sick, self.alike = log, seconds or {}, sick or {}, alike

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        network = "/".join(str(candidate.flat()[key]) for key in self.alike)
        plan = f"{network}/{candidate.plan.backbone}/{candidate.plan.head}"
        cost = len(candidate.plan.backbone) + 10.0 * len(candidate.arch.attention)
        return (
            Step(name="train", needs=(), make=self._make("train", network, cost)),
            Step(name="convert", needs=("train",), make=self._make("convert", network, cost)),
            Step(name="quantize", needs=("convert",), make=self._make("quantize", plan, cost)),
            Step(name="score", needs=("quantize",), make=self._make("score", plan, 1 / cost)),
            *self._measure_steps(plan, cost),
        )

    def figures(self, candidate: Candidate, artifacts: Mapping[str, Artifact]) -> Figures:
        names = {"psnr_tm": "score", "latency_ms": "measure/local"}
        figures = {name: artifacts[step].manifest.details["value"] for name, step in names.items() if step in artifacts}
        return Figures(figures=figures)

    def logged(self, artifacts: Mapping[str, Artifact]) -> tuple[list[dict[str, float]], dict[str, Path]]:
        return [], {}

    def _measure_steps(self, plan: str, cost: float) -> tuple[Step, ...]:
        measure = self._make("measure", plan, cost, exclusive=True)
        return (Step(name="measure/local", needs=("quantize",), make=measure),)

    def _make(self, stage: str, name: str, value: float, *, exclusive: bool = False) -> Any:
        inputs = {"name": name}
        return lambda artifacts: Job(
            stage=stage,
            key=stage_key(stage, inputs),
            inputs=inputs,
            function=work,
            arguments={
                "log": self.log,
                "stage": stage,
                "name": name,
                "seconds": self.seconds,
                "value": self.sick.get(stage, value),
            },
            resources=Resources(cpus=1, exclusive=exclusive),
        )
