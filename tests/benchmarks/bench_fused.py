"""One fused file against the authors' two: the same weights, the same core, the same run.

CA at 256 x 256, 8-bit backbone and dynamic-range head on both sides. `python -m tests.benchmarks.bench_fused FILE`
takes a trained checkpoint, at the size that it was trained at. Without one the network is random, with batch norm
statistics of pictures: features that vanish have scales that no trained network has. What the authors' way costs
between its files (uint8 to float, by the caller) is not counted.

What the convolutions of the fused file take by themselves, over the authors' whole time, is the bound that no other way
of writing the rest of the graph gets below. The fused file has the default rewrites. Beside it stands the file that
this machine chose (`mqn export --tune`), for as many threads. Whatever is measured here is true of one kind of
processor, so the result names it.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.machine import affinity, describe, read_state
from mqn.device.science.intervals import analyse_comparison
from mqn.device.science.yardsticks import Yardsticks
from mqn.device.session import SessionFile, compare, profile
from mqn.export.choose.tuning import tune
from mqn.export.lower.lowering import lower
from mqn.export.process import ExportProcess
from mqn.export.quantize.quantization import apply_plan
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import MQN, assemble
from mqn.hdr.scenes import scene
from mqn.hdr.tonemap import reinhard
from mqn.models.checkpoint import load, save
from mqn.parsing import to_plain
from mqn.records import MeasureSettings, Plan, Ratio, Training
from mqn.records.plan import DEFAULT_LOWERINGS, LOWERINGS
from mqn.search.stages.choose.tune import LIMIT_SECONDS
from mqn.tflite.cutting import cut_tensor
from mqn.tflite.flatbuffer import Network
from tests.benchmarks.authors_way import BACKBONE, HEAD

SIZE, PICTURES = 256, 12
CONVOLUTIONS = ("Convolution", "Fully Connected", "Depthwise")
"""How the delegate's names of convolutions begin: it runs those of 1 x 1 as products of matrices."""

IN_A_ROW, LOADINGS = 4, 6
# Samples of every model, and the longest that they are waited for.
SAMPLES, PATIENCE_SECONDS = 120, 150
LIMIT = 0.75
AUTHORS, FUSED, UNLOWERED, TUNED = "authors", "fused", "unlowered", "tuned"
_PEAK = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

before = peak()
interpreters = [Interpreter(path, num_threads=1) for path in sys.argv[1:]]
for interpreter in interpreters:
    interpreter.allocate_tensors()
for _ in range(3):
    for interpreter in interpreters:
        interpreter.invoke()
print(peak() - before)
"""


def run(checkpoint: Path | None = None) -> dict[str, Any]:
    """Make all files, then time them in turns with one thread and with two."""
    device, before = describe(), read_state(affinity())
    with tempfile.TemporaryDirectory() as name:
        quantized, files = _make_files(checkpoint, Path(name))
        threads = [1, 2] if len(os.sched_getaffinity(0)) > 1 else [1]
        tunings = {count: _tune(quantized, Path(name), count) for count in threads}
        medians = {count: _time_in_turns(files | {TUNED: tunings[count].files}, count) for count in threads}
        peaks = {side: _peak_mb(files[side]) for side in (AUTHORS, FUSED)}
        convolving = {count: _convolutions_share(files[FUSED], count, Path(name)) for count in threads}
    ratios = {count: p50[FUSED] / p50[AUTHORS] for count, p50 in medians.items()}
    return {
        "name": "one fused file int8+dynamic, against the authors' two files of TensorFlow's converter",
        "ratio": max(ratios.values()),
        "limit": LIMIT,
        "detail": {
            "processor": device.soc,
            "features": device.features,
            "runtime": device.runtime,
            "load_1m_before": before.load_1m,
            "ratio_by_threads": ratios,
            "tuned_ratio_by_threads": {count: p50[TUNED] / p50[AUTHORS] for count, p50 in medians.items()},
            "convolutions_alone_by_threads": {count: convolving[count] * ratio for count, ratio in ratios.items()},
            "tuning_by_threads": {count: one.told for count, one in tunings.items()},
            "p50_ms_by_threads": medians,
            "fused_over_another_choice": {
                count: {side: p50[FUSED] / p50[side] for side in p50 if side not in (AUTHORS, FUSED, TUNED)}
                for count, p50 in medians.items()
            },
            "peak_memory_mb": peaks,
        },
    }


def _make_files(checkpoint: Path | None, folder: Path) -> tuple[Network, dict[str, tuple[Path, ...]]]:
    """The network as the quantizer wrote it, and files by side.

    These are the authors' pair; the fused file unlowered, lowered, and lowered without each one rewrite.
    """
    size = SIZE if checkpoint is None else load(checkpoint)[0].input_size
    pictures = np.stack([_ldr(size, seed) for seed in range(PICTURES)])
    np.save(folder / "pictures.npy", pictures)
    if checkpoint is None:
        checkpoint = folder / "checkpoint.pt"
        arch = MQNArch(encoder_weights="random", input_size=size)
        save(checkpoint, arch, Training(), _settled(arch, pictures))
    command = [sys.executable, "-m", "tests.benchmarks.authors_way", checkpoint, folder / "pictures.npy", folder]
    made = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if made.returncode:
        raise RuntimeError(made.stderr[-2000:])
    with ExportProcess() as worker:
        converted = worker.run("convert", checkpoint=checkpoint, directory=folder / "float")
    tensor = cut_tensor(converted, Plan().cut)
    (quantized,), _, _ = apply_plan(Network.read(converted), tensor, Plan(), pictures)
    choices: dict[str, tuple[str, ...]] = {UNLOWERED: (), FUSED: DEFAULT_LOWERINGS}
    for name in LOWERINGS:
        word = "without" if name in DEFAULT_LOWERINGS else "with"
        choices[f"{word}_{name}"] = tuple(one for one in LOWERINGS if (one in DEFAULT_LOWERINGS) != (one == name))
    files: dict[str, tuple[Path, ...]] = {AUTHORS: (folder / BACKBONE, folder / HEAD)}
    for label, rewrites in choices.items():
        network = quantized.copy()
        lower(network, rewrites)
        files[label] = (network.write(folder / f"{label}.tflite"),)
    return quantized, files


@dataclass(frozen=True, slots=True, kw_only=True)
class _TunedFile:
    files: tuple[Path, ...]
    told: dict[str, Any]


def _tune(quantized: Network, folder: Path, threads: int) -> _TunedFile:
    """The file that this machine runs fastest, as it finds out by itself."""
    own = folder / f"tuned-{threads}"
    own.mkdir()
    settings, yardsticks = MeasureSettings(threads=threads), Yardsticks(own / "yardsticks.json")

    def ratio(first: Sequence[Path], second: Sequence[Path]) -> Ratio:
        sides = [[SessionFile(part="model", sha256="0" * 64, path=path) for path in side] for side in (first, second)]
        switch = KillSwitch()
        found = compare(LocalBackend(), *sides, settings, folder=own, switch=switch, yardsticks=yardsticks)
        told = analyse_comparison(found).p50
        assert told is not None, found.reasons
        return told

    began = time.monotonic()
    found = tune([quantized], own, ratio, seconds_left=lambda: began + LIMIT_SECONDS - time.monotonic())
    network = quantized.copy()
    lower(network, found.rewrites)
    told = {
        "rewrites": found.rewrites,
        "seconds": time.monotonic() - began,
        "over_default": to_plain(found.over_default),
        "over_none": to_plain(found.over_none),
    }
    return _TunedFile(files=(network.write(own / "model.tflite"),), told=told)


def _convolutions_share(files: Sequence[Path], threads: int, folder: Path) -> float:
    """The share of a model's operators' time that convolutions take, as the delegate's profiler tells it."""
    model = [SessionFile(part="model", sha256="0" * 64, path=path) for path in files]
    settings = MeasureSettings(threads=threads)
    found = profile(LocalBackend(), model, settings, folder=folder, switch=KillSwitch())
    return sum(one.share for one in found.ops if one.kind.startswith(CONVOLUTIONS))


def _ldr(size: int, seed: int) -> np.ndarray:
    return np.clip(reinhard(scene(size, seed)), 0, 1).astype(np.float32)


def _settled(arch: MQNArch, pictures: np.ndarray) -> MQN:
    """A random network whose batch norms have the statistics of pictures."""
    torch.manual_seed(0)
    network = assemble(arch)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momentum = norms[0].momentum
    for norm in norms:
        norm.momentum = None  # an average over all batches
    with torch.no_grad():
        for batch in torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).split(4):
            network(batch)
    for norm in norms:
        norm.momentum = momentum
    return network.eval()


def _time_in_turns(files: dict[str, tuple[Path, ...]], threads: int) -> dict[str, float]:
    """Median of a model's wall time in ms; every model a few times in a row, then the next one, over and over.

    Where its memory comes to lie moves a model by 1 or 2 %, so all are loaded anew several times, in another order.
    A run in which another program took the processor away counts only where there are too few others.
    """
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(cores)[-threads:]))
    calm: dict[str, list[float]] = {label: [] for label in files}
    disturbed: dict[str, list[float]] = {label: [] for label in files}
    generator = random.Random(0)
    try:
        for loading in range(LOADINGS):
            shuffled = generator.sample(sorted(files), len(files))
            models = {label: [_open(path, threads) for path in files[label]] for label in shuffled}
            wanted = SAMPLES * (loading + 1) // LOADINGS
            end = time.monotonic() + PATIENCE_SECONDS / LOADINGS
            while time.monotonic() < end and min(map(len, calm.values())) < wanted:
                for label, parts in models.items():
                    _run_in_a_row(parts, calm[label], disturbed[label])
    finally:
        os.sched_setaffinity(0, cores)
    enough = min(map(len, calm.values())) >= SAMPLES // 4
    return {label: statistics.median(calm[label] if enough else calm[label] + disturbed[label]) for label in files}


def _run_in_a_row(parts: list[Interpreter], calm: list[float], disturbed: list[float]) -> None:
    for position in range(IN_A_ROW):
        switches, begin = _switches(), time.perf_counter()
        for part in parts:
            part.invoke()
        passed = 1000 * (time.perf_counter() - begin)
        # The first of a row finds the caches full of another model.
        if position:
            (calm if _switches() == switches else disturbed).append(passed)


def _switches() -> int:
    """How often this process was made to wait for the processor."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _open(path: Path, threads: int) -> Interpreter:
    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        values = generator.random(detail["shape"], dtype=np.float32)
        whole = detail["dtype"] == np.uint8
        interpreter.set_tensor(detail["index"], (255 * values).astype(np.uint8) if whole else values)
    return interpreter


def _peak_mb(paths: Sequence[Path]) -> float:
    """What a fresh process needs at most on top of the runtime itself."""
    command = [sys.executable, "-c", _PEAK, *map(str, paths)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024


if __name__ == "__main__":
    print(run(*map(Path, sys.argv[1:])))
