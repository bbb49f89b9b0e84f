"""Half of the channels inside inverted residuals taken out: what that brings in time.

Both files are quantized alike (8-bit backbone, dynamic head) and run in turns in one process. Weights are random and
nothing is fine-tuned: neither changes the time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.family import FAMILY
from mqn.families.mqn.network import assemble
from mqn.infer.interpreter import open_interpreter
from mqn.records import Plan

SIZE, RUNS = 256, 60
SHARES = (0.25, 0.5, 0.75)


def run() -> dict[str, Any]:
    """Time the whole network against pruned ones."""
    from mqn.export.quantize.quantization import quantize
    from mqn.export.tune.pruning import prune
    from mqn.export.twin.convert import convert_network

    torch.manual_seed(0)
    arch = MQNArch(encoder_weights="random", input_size=SIZE)
    whole = assemble(arch).eval()
    pictures = np.random.default_rng(0).random((4, SIZE, SIZE, 3), dtype=np.float32)
    with tempfile.TemporaryDirectory() as name:
        files = {}
        for share in (0.0, *SHARES):
            folder = Path(name) / str(share)
            float_model = convert_network(prune(whole, FAMILY, share, pictures), arch, folder)
            (files[share],) = quantize(float_model, Plan(), pictures, folder / "quantized")
        sizes = {share: file.stat().st_size for share, file in files.items()}
        medians = _time(files, pictures[:1])
    ratios = {share: medians[share] / medians[0.0] for share in SHARES}
    return {
        "name": "half of the channels inside inverted residuals pruned, against none",
        "ratio": ratios[0.5],
        "limit": 0.9,
        "detail": {"ms": medians, "ratios": ratios, "size_bytes": sizes},
    }


def _time(files: dict[float, Path], picture: np.ndarray) -> dict[float, float]:
    """Median milliseconds of each, in turns."""
    interpreters = {share: open_interpreter(file) for share, file in files.items()}
    samples: dict[float, list[float]] = {share: [] for share in files}
    for interpreter in interpreters.values():
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
        interpreter.invoke()
    for _ in range(RUNS):
        for share, interpreter in interpreters.items():
            begin = time.perf_counter()
            interpreter.invoke()
            samples[share].append(1000 * (time.perf_counter() - begin))
    return {share: float(np.median(found)) for share, found in samples.items()}


if __name__ == "__main__":
    print(run())
