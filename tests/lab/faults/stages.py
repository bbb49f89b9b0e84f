"""The steps of a trial that takes seconds: pretended but for measurements, which real agents make of real files.

Each stage leaves lines in a log: when it began and ended by the kernel's clock, and under which attempt. An artifact
holds its attempt, so that one can tell who made it. A training goes on from the epochs that a killed predecessor did.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.profile import Profile
from mqn.records import Candidate, stage_key
from mqn.search.artifacts import Artifact
from mqn.search.stages.measure import measure_job
from mqn.search.stages.quantize import FUSED
from mqn.search.work.devices import Devices
from mqn.search.work.jobs import Job, Resources
from mqn.search.work.steps import Figures, Step
from tests.lab.faults.clock import kernel_time
from tests.support.tflite_models import convolutions

EPOCHS, MADE, EPOCH = 4, "made.json", "epoch"
LEASE_SECONDS = 12.0
"""A driver that gives no sign of life for so long loses its lease; usually it has half a minute."""

CHANNELS = {"none": 2, "sa": 3, "csa": 4, "ca": 5}
HEADS = {"dynamic_wi8_afp32": 8, "float32": 12}


def value_of(candidate: Candidate) -> float:
    """What its score must be, in dB."""
    return 20 + CHANNELS[candidate.arch.attention] + len(candidate.plan.backbone) / 10 + candidate.training.seed / 1000


def space(name: str, sampler: str, trials: int, seeds: range) -> str:
    """The space file of a study: four networks, a training of each with every seed, three plans or four."""
    sections = [
        f'name = "{name}"\nsampler = "{sampler}"\ntrials = {trials}',
        '[[objectives]]\nmetric = "psnr_tm"',
        '[[objectives]]\nmetric = "latency_ms"',
        '[fixed]\n"arch.encoder_weights" = "random"\n"training.lambda_features" = 0.0',
        '[dimensions."arch.attention"]\nchoices = ["none", "sa", "csa", "ca"]',
        f'[dimensions."training.seed"]\nchoices = {list(seeds)}',
    ]
    if sampler == "grid":
        plans = (("static_wi8_ai8", "dynamic_wi8_afp32"), ("static_wi8_ai8", "float32"), ("float32", "float32"))
        sections += [f'[[points]]\n"plan.backbone" = "{backbone}"\n"plan.head" = "{head}"' for backbone, head in plans]
    else:
        sections.append('[dimensions."plan.backbone"]\nchoices = ["static_wi8_ai8", "float32"]')
        sections.append('[dimensions."plan.head"]\nchoices = ["dynamic_wi8_afp32", "float32"]')
    return "\n\n".join(sections) + "\n"


def work(
    folder: Path, *, log: Path, stage: str, name: str, seconds: float, value: float, channels: int = 0
) -> dict[str, Any]:
    """Take some time, and leave what the stage leaves."""
    attempt = uuid.uuid4().hex[:8]
    done = int((folder / EPOCH).read_text()) if (folder / EPOCH).exists() else 0
    _note(log, "begin", stage, name, attempt, epochs=done)
    for epoch in range(done, EPOCHS if stage == "train" else 1):
        time.sleep(seconds / EPOCHS if stage == "train" else seconds)
        if stage == "train":
            # A worker that is killed meanwhile must not leave half of it.
            (folder / "next").write_text(str(epoch + 1))
            (folder / "next").rename(folder / EPOCH)
    if channels:
        (folder / FUSED[0]).write_bytes(convolutions(8, channels))
    (folder / MADE).write_text(json.dumps({"attempt": attempt, "value": value}))
    _note(log, "end", stage, name, attempt)
    return {"value": value, "attempt": attempt}


def _note(log: Path, what: str, stage: str, name: str, attempt: str, **more: Any) -> None:
    line = {"what": what, "stage": stage, "name": name, "attempt": attempt, "at": kernel_time(), "pid": os.getpid()}
    # One write of a short line with O_APPEND is atomic.
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{json.dumps({**line, **more})}\n".encode())
    os.close(handle)


class LabPipeline:
    """train -> convert -> quantize -> score and measure, as `mqn.search.pipeline.TrialPipeline`."""

    def __init__(self, log: Path, seconds: float, profile: Profile, devices: Devices) -> None:
        """Stages take `seconds`, a training four times as long."""
        self._log, self._seconds, self._profile, self._devices = log, seconds, profile, devices

    def steps(self, candidate: Candidate) -> tuple[Step, ...]:
        """The candidate's steps."""
        attention, plan = candidate.arch.attention, candidate.plan
        network = f"{attention}/{candidate.training.seed}"
        exported = f"{network}/{plan.backbone}/{plan.head}"
        value = value_of(candidate)
        # Plans of one kind of network come to one file, whatever the seed: its measurement serves several trials.
        channels = CHANNELS[attention] + HEADS[plan.head] + 8 * (plan.backbone == "float32")
        return (
            self._step("train", (), network, 4 * self._seconds, CHANNELS[attention], pool="training"),
            self._step("convert", ("train",), network, self._seconds, CHANNELS[attention]),
            self._step("quantize", ("convert",), exported, self._seconds, value, channels=channels),
            self._step("score", ("quantize",), exported, self._seconds, value),
            *(
                Step(
                    name=f"measure/{target}",
                    needs=("quantize",),
                    make=lambda made, target=target: self._measure_job(made["quantize"], target),
                )
                for target in self._devices.targets
            ),
        )

    def rungs(self, candidate: Candidate) -> tuple[Step, ...]:
        """None: each training is made in one go."""
        return ()

    def curve(self, artifacts: Any) -> tuple[float, ...]:
        """Trainings have no curve here."""
        return ()

    def figures(self, candidate: Candidate, artifacts: Mapping[str, Artifact]) -> Figures:
        """What finished artifacts say."""
        score = artifacts["score"].manifest.details["value"] if "score" in artifacts else None
        measured = {
            target: artifacts[f"measure/{target}"].manifest.details
            for target in self._devices.targets
            if f"measure/{target}" in artifacts
        }
        return Figures(
            figures={} if score is None else {"psnr_tm": score},
            device_figures={
                target: {"latency_ms": told["figures"]["latency_ms"]} if "figures" in told else {}
                for target, told in measured.items()
            },
            verdicts={target: told["verdict"] for target, told in measured.items()},
        )

    def logged(self, candidate: Candidate, artifacts: Any) -> tuple[list[dict[str, float]], dict[str, Path]]:
        """A curve and a file, so that the tracking server has something to lose."""
        curves = [{"epoch": epoch, "total": 1 / (epoch + 1)} for epoch in range(EPOCHS)]
        return curves, {MADE: artifacts["score"].path(MADE)} if "score" in artifacts else {}

    def _measure_job(self, model: Artifact, target: str) -> Job:
        return measure_job(
            model,
            target,
            self._devices.identity(target),
            self._profile.measure,
            holder=self._devices.holder,
            max_age_hours=self._profile.max_age_hours,
        )

    def _step(
        self,
        stage: str,
        needs: tuple[str, ...],
        name: str,
        seconds: float,
        value: float,
        *,
        channels: int = 0,
        pool: Any = "plain",
    ) -> Step:
        inputs = {"name": name}
        work_on = {"stage": stage, "name": name, "seconds": seconds, "value": value, "channels": channels}
        job = Job(
            stage=stage,
            key=stage_key(stage, inputs),
            inputs=inputs,
            function=work,
            arguments={"log": self._log, **work_on},
            resources=Resources(cpus=1, pool=pool),
            resumable=stage == "train",
        )
        return Step(name=stage, needs=needs, make=lambda _: job)
