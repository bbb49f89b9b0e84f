"""What a stage would have left, without its work: small files with the real names, and drawn figures.

Every file is JSON that carries the network and the plan on to the next stage, as the real files do. So keys, hashes and
shared artifacts are as in a real study. Every artifact's details say that it is simulated.
"""

from __future__ import annotations

import base64
import functools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mqn.infer.exported import FUSED, SPLIT
from mqn.parsing import file_hash, to_plain, write_json
from mqn.records import (
    Arch,
    DeviceInfo,
    Interval,
    Latency,
    MachineState,
    Measurement,
    MeasureSettings,
    PartMeasurement,
    Plan,
    Range,
    Ratio,
    RewriteTime,
    RewriteTimes,
    Scores,
    Training,
    Tuning,
)
from mqn.records.plan import DEFAULT_LOWERINGS
from mqn.search.simulation import landscape
from mqn.search.simulation.draws import Draws
from mqn.search.space.goals import Scoring
from mqn.search.stages import convert, finetune, measure, prune, quantize, score, train, untrained
from mqn.search.stages.choose import rewrite_times, tune
from mqn.search.stages.data_view import DataView
from mqn.search.work.jobs import MADE_AT, Job

SIMULATED = "simulated"
"""In the details of every artifact and in every file that a simulation made."""

_PICTURES = 8
_SAMPLES = 50
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
_FASTER = Ratio(value=0.98, range=Range(low=0.97, high=0.99), confidence=0.99, different=True)
_NO_STATE = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)


def stand_in(job: Job, draws: Draws) -> Callable[..., dict[str, Any]]:
    """What is called in place of a job's function, with the same arguments. Parts of a training draw the same."""
    return functools.partial(_FUNCTIONS[job.stage], draws.of("figures", *job.whole).gauss(0.0, 1.0))


def device_info(name: str) -> DeviceInfo:
    """Who a simulated device says it is."""
    return DeviceInfo(
        id=name,
        model="simulated device",
        soc=SIMULATED,
        os=SIMULATED,
        kernel="",
        cores=8,
        memory_mb=8192,
        runtime=SIMULATED,
        agent_version="",
        backend=SIMULATED,
    )


def _train(
    noise: float, folder: Path, *, arch: Arch, training: Training, until: int | None = None, **_: Any
) -> dict[str, Any]:
    network, how, last = to_plain(arch), to_plain(training), until or training.epochs
    good = landscape.quality(network, how, noise)
    _write(folder / train.CHECKPOINT, {"arch": network, "training": how, "quality": good})
    if until is not None:
        _write(folder / train.RESUME, {"epochs": until})
    shares = [(epoch, epoch / training.epochs) for epoch in range(1, last + 1)]
    epochs = [
        {
            "epoch": epoch,
            "loss": 1.0 - good * share,
            train.VALIDATION: landscape.figure("psnr_tm", good * (1 - math.exp(-5 * share))),
            "seconds": 0.0,
        }
        for epoch, share in shares
    ]
    (folder / train.HISTORY).write_text(json.dumps(epochs), encoding="utf-8")
    return _network_details(network, last)


def _untrained(_noise: float, folder: Path, *, arch: Arch, training: Training) -> dict[str, Any]:
    network = to_plain(arch)
    _write(folder / train.CHECKPOINT, {"arch": network, "training": to_plain(training), "quality": 0.0})
    return _network_details(network, training.epochs)


def _prune(noise: float, folder: Path, *, checkpoint: Path, sparsity: float, steps: int, **_: Any) -> dict[str, Any]:
    network = _read(checkpoint)
    good = max(0.0, network["quality"] - 0.2 * sparsity**2 + 0.002 * noise)
    _write(folder / train.CHECKPOINT, {**network, "sparsity": sparsity, "quality": good})
    _write(folder / finetune.HISTORY, {"steps": steps})
    epochs = network["training"]["epochs"]
    return {**_network_details(network["arch"], epochs), "kept": _kept(steps)}


def _convert(_noise: float, folder: Path, *, checkpoint: Path) -> dict[str, Any]:
    network = _read(checkpoint)
    told = {"arch": network["arch"], "training": network["training"]}
    _write(folder / convert.FLOAT_MODEL, network)
    _write(folder / convert.NETWORK, told)
    _write(folder / convert.PARITY, {})
    return {"parity": {}, **told, SIMULATED: True}


def _finetune(
    noise: float, folder: Path, *, checkpoint: Path, float_model: Path, plan: Plan, **_: Any
) -> dict[str, Any]:
    network = _read(float_model)
    good = min(1.0, network["quality"] + 0.01 + 0.002 * noise)
    _write(folder / finetune.TUNED_MODEL, {**network, "quality": good, "tuned_from": file_hash(checkpoint)})
    _write(folder / finetune.GRID, {})
    _write(folder / finetune.HISTORY, {"steps": plan.qat_steps})
    return {"kept": _kept(plan.qat_steps), SIMULATED: True}


def _quantize(
    _noise: float, folder: Path, *, float_model: Path, tuned: Path | None, plan: Plan, view: DataView
) -> dict[str, Any]:
    network = _read(tuned or float_model)
    for name in FUSED if plan.layout == "fused" else SPLIT:
        _write(folder / name, {**network, "file": name, "plan": to_plain(plan)})
    return {"codec": view.codec, "input_size": view.size, "plan": plan.label, "parity": {}, SIMULATED: True}


def _score(_noise: float, folder: Path, *, files: Sequence[Path], view: DataView, scoring: Scoring) -> dict[str, Any]:
    good = 0.2  # of the input left as it is
    if files:
        network = _read(files[-1])
        plan = network.get("plan")
        good = network["quality"] - (landscape.quantized_loss(_schemes(plan)) if plan else 0.0)
    means = {metric: landscape.figure(metric, max(0.0, good)) for metric in scoring.metrics}
    scores = Scores(
        pictures=_PICTURES,
        scores={metric: Interval(mean=mean, low=mean, high=mean, n=_PICTURES) for metric, mean in means.items()},
        per_picture={},
        names=(),
        protocol={SIMULATED: True, "data": view.hash},
    )
    write_json(folder / score.SCORES, scores)
    (folder / score.STRIP).write_bytes(_PIXEL)
    return {"pictures": _PICTURES, "scores": means, SIMULATED: True}


def _measure(
    noise: float,
    folder: Path,
    *,
    files: Sequence[Path],
    target: str,
    settings: MeasureSettings,
    device: str,
    device_id: str,
    **_: Any,
) -> dict[str, Any]:
    network = _read(files[0])
    latency = landscape.latency_ms(network["arch"], _schemes(network["plan"]), noise)
    spread = Latency(n=_SAMPLES, min=latency, p50=latency, p90=latency, p99=latency, mean=latency, std=0.0)
    parts = tuple(
        PartMeasurement(
            part=path.stem,
            sha256=file_hash(path),
            size_bytes=path.stat().st_size,
            init_ms=0.0,
            first_ms=latency,
            warmup_ms=latency,
            latency_ms=spread,
            samples_ns=(),
            output_sha256="",
        )
        for path in files
    )
    memory = landscape.parameters(network["arch"]) * 4e-6
    measurement = Measurement(
        device=device_info(device_id),
        settings=settings,
        verdict="ok",
        reasons=(),
        parts=parts,
        latency_ms=spread,
        peak_memory_mb=memory,
        memory_baseline_mb=0.0,
        memory_method=SIMULATED,
        cpu_wall_ratio=None,
        affinity=(),
        before=_NO_STATE,
        after=_NO_STATE,
        started_at="",
    )
    write_json(folder / measure.MEASUREMENT, measurement)
    return {
        "target": target,
        "device": device,
        "device_id": device_id,
        "model": measurement.device.model,
        "verdict": "ok",
        "figures": {"latency_ms": latency, "latency_ms.p90": latency, "peak_memory_mb": memory},
        MADE_AT: time.time(),
        SIMULATED: True,
    }


def _reference(_noise: float, folder: Path, *, device: str, device_id: str, **_: Any) -> dict[str, Any]:
    _write(folder / "reference.tflite", {})
    told = dict.fromkeys(("p50", "p90", "low", "high"), 1.0)
    return {"device": device, "device_id": device_id, "reference": told, SIMULATED: True}


def _tune(noise: float, folder: Path, *, settings: MeasureSettings, device_id: str, **_: Any) -> dict[str, Any]:
    slower = noise < 0  # Half of the networks are faster without the last rewrite.
    tuning = Tuning(
        device=device_info(device_id),
        settings=settings,
        rewrites=DEFAULT_LOWERINGS[:-1] if slower else DEFAULT_LOWERINGS,
        tried=(),
        over_default=_FASTER if slower else None,
        over_none=_FASTER,
        seconds=0.0,
    )
    write_json(folder / tune.TUNING, tuning)
    return {"device": tuning.device.model, "rewrites": tuning.rewrites, SIMULATED: True}


def _time_rewrites(
    _noise: float, folder: Path, *, choices: Mapping[str, Any], settings: MeasureSettings, device_id: str, **_: Any
) -> dict[str, Any]:
    device = device_info(device_id)
    tried = tuple(RewriteTime(rewrites=tuple(one), over_none=_FASTER) for one in choices["tried"])
    write_json(folder / rewrite_times.TIMES, RewriteTimes(device=device, settings=settings, tried=tried))
    return {"device": device.model, SIMULATED: True}


def _network_details(arch: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    return {
        "parameters": {"total": landscape.parameters(arch)},
        "macs": {"total": landscape.macs(arch)},
        "family": arch["family"],
        "epochs": epochs,
        "notes": [],
        SIMULATED: True,
    }


def _kept(steps: int) -> dict[str, Any]:
    return {"step": steps, "output": 0.0, "interface": 0.0, "loss": 1.0}


def _schemes(plan: Mapping[str, Any]) -> dict[str, str]:
    return {side: plan[side] for side in ("backbone", "head")}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps({SIMULATED: True, **content}, sort_keys=True), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


_FUNCTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    train.STAGE: _train,
    untrained.STAGE: _untrained,
    convert.STAGE: _convert,
    prune.STAGE: _prune,
    finetune.STAGE: _finetune,
    quantize.STAGE: _quantize,
    score.STAGE: _score,
    measure.STAGE: _measure,
    measure.REFERENCE_STAGE: _reference,
    tune.STAGE: _tune,
    rewrite_times.STAGE: _time_rewrites,
}
