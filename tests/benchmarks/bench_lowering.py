"""What rewriting operators for the delegate brings: a network as the quantizer wrote it, and as we ship it."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mqn.export.cutting import cut_tensor
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter
from mqn.export.lowering import lower, lower_nearest
from mqn.export.phases import convolve_in_phases
from mqn.export.process import Worker
from mqn.export.quantize import apply_plan
from mqn.models.checkpoint import save
from mqn.models.mqn import assemble
from mqn.records import Arch, Plan, Training

RUNS = 40


def run() -> dict[str, Any]:
    """Time the variants in turn, one thread, in processor seconds of that thread."""
    arch, plan = Arch(encoder_weights="random"), Plan()
    pictures = np.random.default_rng(0).random((2, arch.input_size, arch.input_size, 3), dtype=np.float32)
    with tempfile.TemporaryDirectory() as name, Worker() as worker:
        checkpoint = Path(name) / "checkpoint.pt"
        save(checkpoint, arch, Training(), assemble(arch))
        file = worker.run("convert", checkpoint=checkpoint, directory=Path(name))
        network, tensor = Network.read(file), cut_tensor(file, plan.cut)
    (quantized,), _, _ = apply_plan(network, tensor, plan, pictures)
    nearest, phases, lowered = quantized.copy(), quantized.copy(), quantized.copy()
    lower_nearest(nearest)
    convolve_in_phases(phases)
    lower_nearest(phases)
    lower(lowered)
    variants = {"as_quantized": quantized, "nearest": nearest, "and_phases": phases, "and_packing": lowered}
    interpreters = {name: open_interpreter(variant.to_bytes()) for name, variant in variants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for interpreter in interpreters.values():
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pictures[:1])
        interpreter.invoke()
    for _ in range(RUNS):
        for name, interpreter in interpreters.items():
            begin = time.thread_time()
            interpreter.invoke()
            seconds[name].append(time.thread_time() - begin)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "name": "a plan's latency lowered for the delegate, against as the quantizer wrote it",
        "ratio": medians["and_packing"] / medians["as_quantized"],
        "limit": 0.95,
        "detail": {f"{name}_ms": 1000 * value for name, value in medians.items()},
    }


if __name__ == "__main__":
    print(run())
