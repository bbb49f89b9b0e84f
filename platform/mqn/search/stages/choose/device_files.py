"""Which file of a network each device of a study runs, and the steps of the gate that choose its rewrites.

Without tuning there is one file. With `tune = "each"` there is one for each target: the first target's is made by the
step `quantize`, and is what scores and bytes are told of; the others' by `quantize/<target>`. With `tune = "all"` one
choice serves all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mqn.parsing import read_json
from mqn.profile import Profile
from mqn.records import Plan, RewriteTimes, Tuning
from mqn.records.plan import DEFAULT_LOWERINGS
from mqn.search.artifacts import GATE, Artifact
from mqn.search.space.gate import Tune
from mqn.search.stages import quantize
from mqn.search.stages.choose import rewrite_times, tune
from mqn.search.stages.choose.timing import Site, network_shape
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import Job
from mqn.search.work.steps import Step

QUANTIZE, UNLOWERED = "quantize", f"{GATE}quantize/unlowered"
TUNE, TIMES = f"{GATE}{tune.STAGE}/", f"{GATE}{rewrite_times.STAGE}/"

Made = Mapping[str, Artifact]
Quantized = Callable[[Made, Plan], Job]
"""From finished artifacts and a plan to the quantization."""


def file_step(target: str, steps: Container[str]) -> str:
    """Which of a trial's steps made the file that runs on a target."""
    own = f"{QUANTIZE}/{target}"
    return own if own in steps else QUANTIZE


class DeviceFiles:
    """Names the steps that make a trial's files, and says with which rewrites."""

    def __init__(self, choice: Tune, devices: Devices | None, profile: Profile) -> None:
        """Nothing is asked of the devices yet. Without any, nothing is tuned."""
        self._choice, self._devices, self._profile = choice, devices, profile
        self._targets: tuple[str, ...] = devices.targets if devices is not None else ()

    def tuned(self, plan: Plan) -> bool:
        """Whether devices choose the rewrites of a plan. Those that it names itself stay."""
        return self._choice != "no" and plan.lowering == "auto" and bool(self._targets)

    def names(self, plan: Plan) -> tuple[str, ...]:
        """The steps that make files, the first target's first."""
        own = self._targets[1:] if self._choice == "each" and self.tuned(plan) else ()
        return (QUANTIZE, *(f"{QUANTIZE}/{target}" for target in own))

    def gate_steps(self, plan: Plan, needs: tuple[str, ...], quantized: Quantized) -> Iterator[Step]:
        """The steps that choose rewrites; none where the plan is not tuned. `needs` are those of `quantized`."""
        if not self.tuned(plan):
            return
        yield Step(name=UNLOWERED, needs=needs, make=lambda made: quantized(made, replace(plan, lowering="none")))
        for target in self._targets:
            yield Step(
                name=f"{TUNE}{target}", needs=(UNLOWERED,), make=functools.partial(self._tune_job, target=target)
            )
        for target in self._targets if self._agreed else ():
            tunings = (f"{TUNE}{target}" for target in self._targets)
            yield Step(
                name=f"{TIMES}{target}",
                needs=(UNLOWERED, *tunings),
                make=functools.partial(self._times_job, target=target),
            )

    def quantize_steps(
        self, plan: Plan, needs: tuple[str, ...], quantized: Quantized, prefix: str = ""
    ) -> Iterator[Step]:
        """The steps that make a trial's files, of the trained network or, with the gate's prefix, of the untrained."""
        for name in self.names(plan):
            yield Step(
                name=prefix + name,
                needs=(*needs, *self._choosing(plan, name)),
                make=functools.partial(self._quantize_job, plan, name, quantized),
                figures=quantize.size_figures if name == QUANTIZE else lambda _: {},
            )

    def lowering(self, plan: Plan, made: Made) -> dict[str, str]:
        """By target, the rewrites of its file as `Plan.lowering` names them, as far as there are files."""
        steps = {target: file_step(target, self.names(plan)) for target in self._targets if self.tuned(plan)}
        files = {target: made.get(name) or made.get(GATE + name) for target, name in steps.items()}
        return {target: _lowering(file) for target, file in files.items() if file is not None}

    @property
    def _agreed(self) -> bool:
        """Whether one choice serves several targets."""
        return self._choice == "all" and len(self._targets) > 1

    def _choosing(self, plan: Plan, name: str) -> tuple[str, ...]:
        """The steps of the gate that say with which rewrites a file is made."""
        if not self.tuned(plan):
            return ()
        if self._agreed:
            return tuple(f"{TIMES}{target}" for target in self._targets)
        return (f"{TUNE}{name.partition('/')[2] or self._targets[0]}",)

    def _quantize_job(self, plan: Plan, name: str, quantized: Quantized, made: Made) -> Job:
        steps = self._choosing(plan, name)
        return quantized(made, self._lowered(plan, [made[step] for step in steps]) if steps else plan)

    def _lowered(self, plan: Plan, found: Sequence[Artifact]) -> Plan:
        """The plan with the rewrites that a file gets, by what the steps before it found."""
        if not self._agreed:
            (tuned,) = found
            return _tuning(tuned).tuned(plan)
        from mqn.export.choose.agreement import agree

        read = [read_json(RewriteTimes, artifact.path(rewrite_times.TIMES)) for artifact in found]
        rewrites = agree([{one.rewrites: one.over_none for one in times.tried} for times in read])
        return plan if rewrites == DEFAULT_LOWERINGS else replace(plan, lowering=",".join(rewrites) or "none")

    def _site(self, target: str) -> Site:
        assert self._devices is not None
        return Site(
            target=target,
            like=self._devices.like(target),
            settings=self._profile.measure,
            holder=self._devices.holder,
        )

    def _shape(self, model: Artifact) -> Any:
        # Simulated files have no operators: what they hold stands for them.
        return dict(model.manifest.files) if self._profile.simulate is not None else network_shape(model)

    def _tune_job(self, made: Made, *, target: str) -> Job:
        return tune.tune_at_job(made[UNLOWERED], self._shape(made[UNLOWERED]), self._site(target))

    def _times_job(self, made: Made, *, target: str) -> Job:
        tunings = [_tuning(made[f"{TUNE}{one}"]) for one in self._targets]
        own = {one.rewrites for one in tunings if one.over_default is not None} - {(), DEFAULT_LOWERINGS}
        choices = (DEFAULT_LOWERINGS, *sorted(own))
        return rewrite_times.rewrite_times_job(
            made[UNLOWERED], self._shape(made[UNLOWERED]), choices, self._site(target)
        )


def _lowering(model: Artifact) -> str:
    """The rewrites of a quantized model by name."""
    plan = Plan(lowering=model.manifest.inputs["plan"].get("lowering", "auto"))
    return ",".join(plan.rewrites) or "none"


def _tuning(artifact: Artifact) -> Tuning:
    return read_json(Tuning, artifact.path(tune.TUNING))
