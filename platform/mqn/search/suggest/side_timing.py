"""What each scheme takes on each side of a network on a device: sides are exported as files of their own, and timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mqn.errors import CandidateError
from mqn.infer.exported import SPLIT
from mqn.parsing import read_json
from mqn.records import Plan, Scheme, SideTimes
from mqn.records.suggestion import SIDES, Side
from mqn.search.artifacts import ArtifactFile
from mqn.search.checkpoint import Checkpoint
from mqn.search.pipeline import QUANTIZE
from mqn.search.stages.choose.side_times import SIDE_TIMES, STAGE, Bench, side_times_job
from mqn.search.work.steps import Step, run_steps

SCHEMES: dict[Side, tuple[Scheme, ...]] = {
    "backbone": ("float32", "static_wi8_ai8", "static_wi4_ai8", "dynamic_wi8_afp32"),
    "head": ("float32", "static_wi8_ai8", "dynamic_wi8_afp32"),
}
"""What suggested plans begin with, by side."""


def time_sides(network: Checkpoint, base: Plan, bench: Bench, tell: Callable[[str], object]) -> SideTimes:
    """Time the sides; what was timed before is not timed again.

    Args:
        network: the trained network.
        base: gives cut and calibration.
        bench: the device and how it times.
        tell: told which side is exported.

    Raises:
        DeviceError: the device went away, or nothing could be timed.
        CandidateError: the network cannot be cut there.
    """
    files: dict[tuple[Side, Scheme], ArtifactFile] = {}
    for side, scheme, plan in _plans(base):
        tell(f"{side} in {scheme}")
        try:
            made = network.run(plan, QUANTIZE)[QUANTIZE]
        except CandidateError:
            if scheme == "float32":
                raise
            continue  # There is no kernel of that scheme for any layer of the side.
        files[side, scheme] = made.file(SPLIT[SIDES.index(side)])
    made = run_steps(network.store, (Step(name=STAGE, make=lambda _: side_times_job(files, bench)),), STAGE)[STAGE]
    return read_json(SideTimes, made.path(SIDE_TIMES))


def _plans(base: Plan) -> Iterator[tuple[Side, Scheme, Plan]]:
    whole = replace(base, backbone="float32", head="float32", rules="", layout="pair")
    for scheme in SCHEMES["backbone"]:
        yield "backbone", scheme, replace(whole, backbone=scheme)
    for scheme in SCHEMES["head"]:
        yield "head", scheme, replace(whole, head=scheme)
