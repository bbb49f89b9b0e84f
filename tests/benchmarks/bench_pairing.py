"""Models in turns with the reference model, on a machine that is quiet and on one that is busy.

Two sizes of MQN in three plans each, in turns with the reference through a real agent as a study measures on a paired
device, quiet and beside a busy loop on every processor. The figure is how far the busy ratios lie from the quiet ones:
the median over all repeats of a model, the worst model. `python -m tests.benchmarks.bench_pairing 4` makes do with four
repeats.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mqn.device.client import Client
from mqn.device.machine import affinity, describe, read_state
from mqn.device.pairing import in_any_state, time_beside, write_reference
from mqn.device.pool.pool import Pool
from mqn.errors import UnsteadyError
from mqn.export.process import ExportProcess
from mqn.export.quantize.quantization import quantize
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models.checkpoint import save
from mqn.profile import DeviceProfile
from mqn.records import MeasureSettings, Plan, Ratio, Scheme, Training
from tests.benchmarks.busy import busy_processors

REPEATS, LIMIT = 20, 0.03
SIDES = (64, 96)
PLANS: tuple[tuple[Scheme, Scheme], ...] = (
    ("static_wi8_ai8", "dynamic_wi8_afp32"),
    ("dynamic_wi8_afp32", "dynamic_wi8_afp32"),
    ("float32", "float32"),
)
SETTINGS = MeasureSettings(processes=8, runs=50, seconds=0.3)
OFF = 0.05


def run(repeats: int = REPEATS) -> dict[str, Any]:
    """Every model quiet and busy, as often as said; the worst difference of the two medians over its limit."""
    device, before = describe(), read_state(affinity())
    with tempfile.TemporaryDirectory() as name, Pool({"local": DeviceProfile()}) as pool, pool.open("local") as (_, to):
        models, reference = _make_models(Path(name)), write_reference(Path(name))
        quiet = _measure(to, models, reference, repeats)
        with busy_processors():
            busy = _measure(to, models, reference, repeats)
    settled = {model: statistics.median(one.value for one in found) for model, found in quiet.items()}
    apart = {model: statistics.median(one.value for one in found) / settled[model] - 1 for model, found in busy.items()}
    every = [(one, settled[model]) for model, found in busy.items() for one in found]
    orders = [sorted(models, key=lambda model, side=side: _settled(side, model)) for side in (quiet, busy)]
    return {
        "name": "six models in turns with the reference, busy over quiet: the worst difference",
        "ratio": max(map(abs, apart.values())),
        "limit": LIMIT,
        "detail": {
            "processor": device.soc,
            "features": device.features,
            "load_1m_before": before.load_1m,
            "repeats": repeats,
            "busy_over_quiet": {model: 1 + value for model, value in apart.items()},
            "ranges_that_hold_the_quiet_ratio": _share(_holds(one, ratio) for one, ratio in every),
            "of_20_nineteen_no_farther_off_than": _nineteenth([abs(one.value / ratio - 1) for one, ratio in every]),
            "accepted": len(every) / (repeats * len(models)),
            "farther_off_than_5_percent": _share(abs(one.value / ratio - 1) > OFF for one, ratio in every),
            "same_order": orders[0] == orders[1],
        },
    }


def _holds(busy: Ratio, quiet: float) -> bool:
    found = in_any_state(busy)
    return found.low <= quiet <= found.high


def _nineteenth(off: Sequence[float]) -> float:
    return float(np.quantile(off, 0.95))


def _settled(side: dict[str, list[Ratio]], model: str) -> float:
    """A model's median ratio."""
    return statistics.median(one.value for one in side[model])


def _measure(
    client: Client, models: dict[str, Path], reference: Sequence[Path], repeats: int
) -> dict[str, list[Ratio]]:
    """The ratios of every model that were accepted."""
    found: dict[str, list[Ratio]] = {model: [] for model in models}
    for _ in range(repeats):
        for model, file in models.items():
            with contextlib.suppress(UnsteadyError):
                ratio = time_beside(client, [file], reference, SETTINGS).p50
                assert ratio is not None
                found[model].append(ratio)
    return found


def _make_models(folder: Path) -> dict[str, Path]:
    models = {}
    with ExportProcess() as worker:
        for side in SIDES:
            torch.manual_seed(0)
            arch, own = MQNArch(encoder_weights="random", input_size=side), folder / str(side)
            own.mkdir()
            save(own / "checkpoint.pt", arch, Training(), assemble(arch).eval())
            converted = worker.run("convert", checkpoint=own / "checkpoint.pt", directory=own)
            pictures = np.random.default_rng(0).random((4, side, side, 3), dtype=np.float32)
            for backbone, head in PLANS:
                plan = Plan(backbone=backbone, head=head)
                (file,) = quantize(converted, plan, pictures, own / plan.label)
                models[f"{side} {plan.label}"] = file
    return models


def _share(held: Iterator[bool]) -> float:
    found = list(held)
    return sum(found) / len(found)


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:])), indent=1))
