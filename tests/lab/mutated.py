"""Damaged models against a real agent.

    python -m tests.lab.mutated --count 500 --seed 0 --output mutated.json

Every job must end with a verdict. A verdict with figures is false where the file cannot be run by a plain interpreter
in a process of its own, or where the figures make no sense. The agent stays up, and its memory flat.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.lab.mutations import MUTATIONS
from tests.lab.running import Agent, start_agent
from tests.support.tflite_models import convolutions

SETTINGS = {
    "runs": 5,
    "seconds": 0,
    "processes": 1,
    "warmup_seconds": 0,
    "warmup_limit_seconds": 0.1,
    "timeout_seconds": 15,
    "memory_limit_mb": 512,
}
WITH_FIGURES = ("ok", "contended", "unsteady", "throttled")
VERDICTS = (*WITH_FIGURES, "crashed", "timeout", "rejected")
FLAT_MB = 8.0
TRIES = 3

# The delegate by default, and none: what either runs can be run.
_CHECK = """
import resource, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
kind = OpResolverType.AUTO if sys.argv[2] == "delegate" else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
it = Interpreter(sys.argv[1], num_threads=1, experimental_op_resolver_type=kind)
it.allocate_tensors()
for found in it.get_input_details():
    it.set_tensor(found["index"], np.zeros(found["shape"], found["dtype"]))
it.invoke()
"""


def runs(model: Path) -> bool:
    """Whether a plain interpreter can run a file; damaged memory may show only now and then, hence some tries."""
    for _ in range(TRIES):
        for how in ("plain", "delegate"):
            command = [sys.executable, "-c", _CHECK, str(model), how]
            try:
                if subprocess.run(command, capture_output=True, timeout=60).returncode == 0:
                    return True
            except subprocess.TimeoutExpired:
                continue
    return False


def implausible(measurement: dict[str, Any], model: bytes, name: str, wall_seconds: float) -> str:
    """What makes no sense in a measurement with figures; empty if nothing."""
    latency, (part,) = measurement["latency_ms"], measurement["parts"]
    samples, peak = part["samples_ns"], measurement["peak_memory_mb"]
    figures = [latency[key] for key in ("min", "p50", "p90", "p99", "mean", "std")]
    doubts = {
        "another file": (part["sha256"], part["size_bytes"]) != (name, len(model)),
        "not finite": not all(map(math.isfinite, figures)),
        "out of order": not 0 < latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"],
        "too few samples": len(samples) < SETTINGS["runs"] or latency["n"] != len(samples),
        "more time than there was": sum(samples) / 1e9 > wall_seconds,
        "no memory": peak is None or not 0 <= peak <= SETTINGS["memory_limit_mb"],
        "no output": len(part["output_sha256"]) != 64,
    }
    return ", ".join(doubt for doubt, found in doubts.items() if found)


def bases(extra: list[Path]) -> list[bytes]:
    """What is damaged."""
    made = [
        convolutions(8, 3),
        convolutions(16, 4, layers=3),
        convolutions(8, 2, dtype="int8"),
        convolutions(4, 8, layers=2, kernel=1),
    ]
    return [*made, *(path.read_bytes() for path in extra)]


def assail(agent: Agent, models: list[bytes], count: int, seed: int, keep: Path) -> dict[str, Any]:
    """Send so many damaged models; returns what came of them.

    Args:
        agent: gets them.
        models: are damaged.
        count: how many.
        seed: of the damage.
        keep: folder for the models whose verdict is false.
    """
    chance, lease = random.Random(seed), agent.lease("mutated")["id"]
    by_verdict: collections.Counter[str] = collections.Counter()
    by_mutation: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    failures: list[str] = []
    resident_mb: list[float] = []
    for number in range(count):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        model = mutation(chance.choice(models), chance) or b"\0"
        began = time.monotonic()
        name = agent.upload(model)
        status = agent.finish(agent.post(name, lease, SETTINGS).json()["id"])
        measurement = status["measurement"]
        verdict = measurement["verdict"] if measurement else f"none ({status['state']}: {status['error']})"
        by_verdict[verdict] += 1
        by_mutation[mutation.__name__][verdict] += 1
        told = f"{number} {mutation.__name__} {name[:12]}: {verdict}"
        path = keep / f"{number}-{mutation.__name__}.tflite"
        path.write_bytes(model)
        wrong = "" if verdict in VERDICTS else "no verdict"
        if verdict in WITH_FIGURES:
            wrong = implausible(measurement, model, name, time.monotonic() - began)
            wrong = wrong or ("" if runs(path) else "it cannot be run")
        if wrong:
            failures.append(f"{told}: {wrong}")
        else:
            path.unlink()
        if number % max(1, count // 20) == 0:
            resident_mb.append(round(agent.resident_mb, 1))
            print(f"{number} of {count}: agent {resident_mb[-1]} MB, {dict(by_verdict)}", file=sys.stderr)
    # The first jobs load what is loaded once.
    resident_mb.append(round(agent.resident_mb, 1))
    growth = resident_mb[-1] - resident_mb[min(len(resident_mb) - 1, 4)]
    if growth > FLAT_MB:
        failures.append(f"the agent's memory grew by {growth:.1f} MB: {resident_mb}")
    if agent.process.poll() is not None or "Traceback" in agent.log.read_text():
        failures.append(f"the agent's log: {agent.log.read_text()[-500:]}")
    return {
        "count": count,
        "seed": seed,
        "by_verdict": dict(by_verdict),
        "by_mutation": {name: dict(counts) for name, counts in by_mutation.items()},
        "resident_mb": resident_mb,
        "failures": failures,
    }


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.mutated", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, action="append", default=[], help="damage this file too; may be repeated")
    parser.add_argument("--keep", type=Path, help="folder for models with a false verdict")
    parser.add_argument("--output", type=Path, help="gets the outcome as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mqn-mutated-") as name:
        keep = given.keep or Path(name) / "kept"
        keep.mkdir(parents=True, exist_ok=True)
        with start_agent(Path(name) / "agent") as agent:
            found = assail(agent, bases(given.model), given.count, given.seed, keep)
    text = json.dumps(found, indent=1)
    print(text)
    if given.output is not None:
        given.output.write_text(text + "\n")
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
