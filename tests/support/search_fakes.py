"""A pipeline of trivial stages. Each stage appends a line to a log, so that what ran how often can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.records import Candidate, stage_key
from mqn.search.artifacts import Artifact
from mqn.search.space.tables.rungs import Rungs
from mqn.search.study.study import Study
from mqn.search.study.trials import count_states
from mqn.search.work.jobs import Job, Part, Resources
from mqn.search.work.steps import Figures, Step, last_part
from tests.support.trivial_work import work

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


class FakePipeline:
    """train -> convert -> quantize -> score and measure, as the real one."""

    def __init__(
        self,
        log: Path,
        seconds: Mapping[str, float] | None = None,
        *,
        sick: Mapping[str, float] | None = None,
        alike: tuple[str, ...] = ("arch.attention",),
        epochs: int = 0,
        gate: bool = False,
        tune: bool = False,
        rungs: Rungs | None = None,
    ) -> None:
        """How trivial stages behave.

        `sick`: stage to the value it works with. `alike`: keys in which candidates agree that share a training.
        `epochs`: of each training; 0: it is not told that it is one. `gate`: whether untrained networks are measured
        first; their files do not depend on the plan's head. `tune`: whether their graph is tuned before that. `rungs`:
        where trainings may be stopped; a network's curve rises to its `quality`.
        """
        self.log, self.seconds, self.sick, self.alike = log, seconds or {}, sick or {}, alike
        self.epochs, self.gate, self.parts = epochs, gate, rungs
        self.chosen = ("gate/tune/local",) if tune else ()

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        network, cost = self._network(candidate), self._cost(candidate)
        plan = f"{network}/{candidate.plan.backbone}/{candidate.plan.head}"
        return (
            *(self._gate_steps(network, candidate.plan.backbone, cost) if self.gate else ()),
            Step(
                name="train", needs=(), make=self._make("train", network, self.quality(candidate), epochs=self.epochs)
            ),
            Step(name="convert", needs=("train",), make=self._make("convert", network, cost)),
            Step(name="quantize", needs=("convert", *self.chosen), make=self._make("quantize", plan, cost)),
            Step(name="score", needs=("quantize",), make=self._make("score", plan, 1 / cost)),
            *self._measure_steps(plan, cost),
        )

    def rungs(self, candidate: Candidate) -> tuple[Step, ...]:
        ends = () if self.parts is None else self.parts.of(self.epochs)
        name, good = self._network(candidate), self.quality(candidate)
        return tuple(
            Step(
                name=f"train/rung-{number}",
                needs=(f"train/rung-{number - 1}",) if number > 1 else (),
                make=self._make("train", name, good, epochs=end),
            )
            for number, end in enumerate(ends, start=1)
        )

    def curve(self, artifacts: Mapping[str, Artifact]) -> tuple[float, ...]:
        part = last_part(artifacts)
        if part is None or not self.epochs:
            return ()
        value, epochs = part.manifest.details["value"], part.manifest.inputs["until"]
        return tuple(value * epoch / self.epochs for epoch in range(1, epochs + 1))

    def figures(self, candidate: Candidate, artifacts: Mapping[str, Artifact]) -> Figures:
        found = {step: artifact.manifest.details.get("value") for step, artifact in artifacts.items()}
        told = {"local": {"latency_ms": found["measure/local"]}} if "measure/local" in found else {}
        gate = {"latency_ms/local": found["gate/measure/local"]} if "gate/measure/local" in found else {}
        return Figures(figures={"psnr_tm": found["score"]} if "score" in found else {}, device_figures=told, gate=gate)

    def logged(self, candidate: Candidate, artifacts: Any) -> tuple[list[dict[str, float]], dict[str, Path]]:
        return [], {}

    def _network(self, candidate: Candidate) -> str:
        flat = candidate.flat()
        return "/".join(str(flat[key]) for key in self.alike)

    def quality(self, candidate: Candidate) -> float:
        """The accuracy that a training comes to, in dB."""
        return self._cost(candidate)

    @staticmethod
    def _cost(candidate: Candidate) -> float:
        return len(candidate.plan.backbone) + 10.0 * len(candidate.arch.attention)

    def _gate_steps(self, network: str, backbone: str, cost: float) -> tuple[Step, ...]:
        file = f"untrained {network}/{backbone}"
        measure = self._make("measure", file, cost, exclusive=True)
        tune, plain = self._make("tune", file, cost, exclusive=True), self._make("quantize", f"plain {file}", cost)
        chosen = (
            Step(name="gate/quantize/unlowered", needs=("gate/untrained",), make=plain),
            Step(name="gate/tune/local", needs=("gate/quantize/unlowered",), make=tune),
        )
        return (
            Step(name="gate/untrained", make=self._make("untrained", network, cost)),
            *(chosen if self.chosen else ()),
            Step(
                name="gate/quantize",
                needs=("gate/untrained", *self.chosen),
                make=self._make("quantize", file, cost),
            ),
            Step(name="gate/measure/local", needs=("gate/quantize",), make=measure),
        )

    def _measure_steps(self, plan: str, cost: float) -> tuple[Step, ...]:
        measure = self._make("measure", plan, cost, exclusive=True)
        return (Step(name="measure/local", needs=("quantize",), make=measure),)

    def _part(self, whole: str, artifacts: Mapping[str, Artifact], epochs: int) -> Part | None:
        """Without rungs a training is whole."""
        earlier = last_part(artifacts)
        after = 0 if earlier is None else earlier.manifest.inputs["until"]
        return Part(whole=whole, after=after, until=epochs) if self.parts is not None else None

    def _make(self, stage: str, name: str, value: float, *, exclusive: bool = False, epochs: int = 0) -> Any:
        inputs: dict[str, Any] = {"name": name}
        whole = stage_key(stage, inputs)
        if epochs and epochs < self.epochs:
            inputs["until"] = epochs
        trains = stage == "train" and self.epochs > 0
        return lambda artifacts: Job(
            stage=stage,
            key=stage_key(stage, inputs),
            inputs={**inputs, "training": {"epochs": self.epochs}, "until": epochs} if trains else inputs,
            part=self._part(whole, artifacts, epochs) if trains else None,
            function=work,
            arguments={
                "log": self.log,
                "stage": stage,
                "name": f"{name}@{epochs}" if "until" in inputs else name,
                "seconds": self.seconds,
                "value": self.sick.get(stage, value),
            },
            resources=Resources(cpus=1, exclusive=exclusive, pool="training" if trains else "plain"),
        )
