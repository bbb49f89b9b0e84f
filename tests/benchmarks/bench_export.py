"""One training and one float conversion serve every plan: a further plan costs a fraction of a new architecture.

The project's own limits are 15 s of one core for a new architecture, from checkpoint to float file with every import,
and 2 s for each further plan, fine-tuning apart. Seconds of a processor depend on the machine, so they stand in the
detail, with peak memory; the ratio is that of the slowest scheme to the conversion. Both sides are programs of their
own with one processor each: `python -m tests.benchmarks.bench_export convert|plans FOLDER`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from mqn.families.mqn.arch import MQNArch
from mqn.records import Calibration, Plan, Scheme, Training

CHECKPOINT, PICTURES = "checkpoint.pt", "pictures.npy"
LIMIT = 0.33


def run() -> dict[str, Any]:
    """Convert a network in one process, then carry out every kind of plan in another."""
    from mqn.families.mqn.network import assemble
    from mqn.models.checkpoint import save

    arch = MQNArch(encoder_weights="random")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / CHECKPOINT, arch, Training(), assemble(arch))
        size = (Plan().calibration_pictures, arch.input_size, arch.input_size, 3)
        np.save(folder / PICTURES, np.random.default_rng(0).random(size, dtype=np.float32))
        conversion = _in_a_process("convert", folder)
        plans = _in_a_process("plans", folder)
    slowest = max(plans["further_s"].values())
    return {
        "name": "a further plan of a converted network, the slowest scheme, against the conversion",
        "ratio": slowest / conversion["cpu_s"],
        "limit": LIMIT,
        "detail": {
            "new_architecture": conversion,
            "first_plan_s": plans["first_s"],
            "further_plans_s": plans["further_s"],
            "slowest_further_s": slowest,
            "plans_peak_memory_mb": plans["peak_memory_mb"],
            "limits_s": {"new_architecture": 15, "further_plan": 2},
        },
    }


def _in_a_process(step: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_export", step, str(folder)]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _convert(folder: Path) -> dict[str, Any]:
    from mqn.export.twin.convert import convert

    convert(folder / CHECKPOINT, folder)
    return {"cpu_s": time.process_time(), "peak_memory_mb": _peak_mb()}


def _plans(folder: Path) -> dict[str, Any]:
    from mqn.export.quantize.quantization import quantize

    (float_model,) = folder.glob("*.float32.tflite")

    def carry_out(plan: Plan) -> float:
        begin = time.process_time()
        quantize(float_model, plan, np.load(folder / PICTURES), folder / "plan")
        return time.process_time() - begin

    carry_out(Plan())
    first = time.process_time()
    schemes = [Plan(backbone=scheme, head=scheme) for scheme in get_args(Scheme)]
    others = [Plan(head="float32"), Plan(layout="pair"), *(Plan(calibration=one) for one in get_args(Calibration))]
    return {
        "first_s": first,
        "further_s": {plan.label: carry_out(plan) for plan in (*schemes, *others)},
        "peak_memory_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(json.dumps({"convert": _convert, "plans": _plans}[sys.argv[1]](Path(sys.argv[2]))))
