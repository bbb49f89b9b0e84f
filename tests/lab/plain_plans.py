"""Does every exported file run in a plain LiteRT interpreter, with nothing but the lines that a bundle's README gives?

python -m tests.lab.plain_plans CHECKPOINT --data PHOTOS [--count 40] [--seed 0] [--output RESULT.json]

Draws legal plans over cut, schemes, rules, calibration and layout, exports each, brings some of the files to another
size, and runs the README's code on them in a fresh process that cannot import this project. Its picture must be the
project's own. Exits with 1 where one is not.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from mqn.data.location import locate
from mqn.data.pairs.calibration import calibration_inputs
from mqn.data.pairs.evaluation import evaluation_pictures
from mqn.errors import PlanError
from mqn.export.process import ExportProcess
from mqn.export.quantize.quantization import quantize
from mqn.infer.runner import Runner
from mqn.models.checkpoint import load
from mqn.networks.cost import cuts, pair_cuts
from mqn.records import Calibration, Plan, Scheme
from mqn.report.bundle.readme import readme
from mqn.tflite.resize import retarget
from tests.support.readme_code import check_outside, code_of, run_readme

MOST_LINES = 10
TOLERANCE = 1e-5
"""Largest difference of linear light, as a share of the level: of single-precision arithmetic in another order."""

_PATTERNS = (
    "*.attention",
    "*.depthwise",
    "*.expand",
    "decoder.*",
    "decoder.conv2",
    "encoder.block_3",
    "head.conv1",
    "head.conv3",
)
_MOST_RULES = 2
_CALIBRATION_PICTURES = 4
_SIZES = (64, 96, 160, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network whose plans are drawn."""

    float_model: Path
    codec: Any
    size: int
    cuts: tuple[str, ...]
    pair_cuts: tuple[str, ...]
    calibration: np.ndarray
    picture: np.ndarray


def draw_plan(generator: random.Random, network: Network) -> Plan:
    """Any plan; not every one is legal."""
    layout = generator.choice(("fused", "pair"))
    schemes = get_args(Scheme)
    rules = generator.choices(_PATTERNS, k=generator.randint(0, _MOST_RULES))
    return Plan(
        cut=generator.choice(network.cuts if layout == "fused" else network.pair_cuts),
        backbone=generator.choice(schemes),
        head=generator.choice(schemes),
        layout=layout,  # type: ignore[arg-type]
        rules=tuple((pattern, generator.choice(schemes)) for pattern in rules),
        calibration=generator.choice(get_args(Calibration)),
        calibration_pictures=_CALIBRATION_PICTURES,
    )


def try_plan(network: Network, plan: Plan, size: int, folder: Path) -> float:
    """Export a plan and run it both ways.

    Returns:
        The largest difference, as a share of the level.

    Raises:
        PlanError: the plan is not legal.
    """
    files = quantize(network.float_model, plan, network.calibration, folder)
    if size != network.size:
        for file in files:
            retarget(file, file, size, size)
    text = readme(plan.label, [file.name for file in files], network.codec, size)
    lines = [line for line in code_of(text).splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES, f"{len(lines)} lines of code"
    found = run_readme(text, folder, network.picture)
    resized = Image.fromarray(network.picture).resize((size, size))
    expected = Runner(files, network.codec).predict(np.asarray(resized, dtype=np.float32) / 255)
    assert np.isfinite(found).all()
    assert found.shape == expected.shape
    return float((np.abs(found - expected) / np.maximum(expected, 1e-3)).max())


def prepare(checkpoint: Path, data: str, folder: Path) -> Network:
    """Convert the checkpoint, and read a few pictures."""
    arch, training, model = load(checkpoint)
    dataset = locate(data)
    with ExportProcess() as worker:
        float_model = Path(worker.run("convert", checkpoint=checkpoint, directory=folder))
    camera = training.virtual_camera
    (first, *_) = evaluation_pictures(dataset, arch.input_size, "val", "virtual" if camera >= 0.5 else "operators")
    return Network(
        float_model=float_model,
        codec=training.codec,
        size=arch.input_size,
        cuts=tuple(cuts(model, arch)),
        pair_cuts=tuple(pair_cuts(model, arch)),
        calibration=calibration_inputs(dataset, arch.input_size, _CALIBRATION_PICTURES, virtual_camera=camera),
        picture=np.rint(first.ldr * 255).astype(np.uint8),
    )


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.plain_plans", description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", required=True, help="folder of HDR pictures, or a prepared dataset")
    parser.add_argument("--count", type=int, default=40, help="of plans that are legal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="gets the outcome as JSON")
    given = parser.parse_args()
    generator, tried, refused, failures = random.Random(given.seed), [], Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="mqn-plain-") as name:
        check_outside(Path(name))
        network = prepare(given.checkpoint, given.data, Path(name))
        while len(tried) < given.count:
            plan = draw_plan(generator, network)
            size = generator.choice((network.size, *_SIZES))
            try:
                difference, fault = try_plan(network, plan, size, Path(name) / f"{len(tried)}"), ""
            except PlanError as error:
                refused[str(error).split(";")[0]] += 1
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this plan's failure, and is told
                difference, fault = float("nan"), f"{type(error).__name__}: {error}"
            bad = bool(fault) or not difference <= TOLERANCE
            failures += bad
            tried.append({"plan": plan.label, "size": size, "difference": difference, "fault": fault})
            print(f"{'FAILS' if bad else 'runs '} {size:4d} px  off by {difference:.1e}  {plan.label} {fault}")
    print(
        f"{len(tried) - failures} of {len(tried)} plans run outside the project; {refused.total()} drawn ones refused:"
    )
    for reason, count in refused.most_common():
        print(f"  {count} x {reason}")
    if given.output is not None:
        found = {"seed": given.seed, "failures": failures, "refused": dict(refused), "plans": tried}
        given.output.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
