"""One fused file against the authors' two: the same weights, the same core, the same run.

CA at 256 x 256, 8-bit backbone and dynamic-range head on both sides. `python -m tests.benchmarks.bench_fused FILE`
takes a trained checkpoint, at the size that it was trained at. Without one the network is random, with batch norm
statistics of pictures: features that vanish have scales that no trained network has. What the authors' way costs
between its files (uint8 to float, by the caller) is not counted.
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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from mqn.export.lower.lowering import REWRITES, lower
from mqn.export.process import ExportProcess
from mqn.export.quantize.quantization import apply_plan
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import MQN, assemble
from mqn.hdr.scenes import scene
from mqn.hdr.tonemap import reinhard
from mqn.models.checkpoint import load, save
from mqn.records import Plan, Training
from mqn.tflite.cutting import cut_tensor
from mqn.tflite.flatbuffer import Network
from tests.benchmarks.authors_way import BACKBONE, HEAD

SIZE, PICTURES = 256, 12
IN_A_ROW, LOADINGS = 4, 6
# Samples of every model, and the longest that they are waited for.
SAMPLES, PATIENCE_SECONDS = 120, 150
LIMIT = 0.75
AUTHORS, FUSED, UNLOWERED = "authors", "fused", "unlowered"
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
    with tempfile.TemporaryDirectory() as name:
        files = _make_files(checkpoint, Path(name))
        threads = [1, 2] if len(os.sched_getaffinity(0)) > 1 else [1]
        medians = {count: _time_in_turns(files, count) for count in threads}
        peaks = {side: _peak_mb(files[side]) for side in (AUTHORS, FUSED)}
    ratios = {count: p50[FUSED] / p50[AUTHORS] for count, p50 in medians.items()}
    return {
        "name": "one fused file int8+dynamic, against the authors' two files of TensorFlow's converter",
        "ratio": max(ratios.values()),
        "limit": LIMIT,
        "detail": {
            "ratio_by_threads": ratios,
            "p50_ms_by_threads": medians,
            "fused_over_without_a_rewrite": {
                count: {side: p50[FUSED] / p50[side] for side in p50 if side not in (AUTHORS, FUSED)}
                for count, p50 in medians.items()
            },
            "peak_memory_mb": peaks,
        },
    }


def _make_files(checkpoint: Path | None, folder: Path) -> dict[str, tuple[Path, ...]]:
    """The authors' pair; the fused file as the quantizer wrote it, lowered, and lowered without each one rewrite."""
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
    left_out = {UNLOWERED: tuple(REWRITES), FUSED: (), **{f"without_{name}": (name,) for name in REWRITES}}
    files: dict[str, tuple[Path, ...]] = {AUTHORS: (folder / BACKBONE, folder / HEAD)}
    for label, without in left_out.items():
        network = quantized.copy()
        lower(network, [name for name in REWRITES if name not in without])
        files[label] = (network.write(folder / f"{label}.tflite"),)
    return files


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
