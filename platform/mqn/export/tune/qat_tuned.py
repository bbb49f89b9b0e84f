"""What fine-tuning hands to quantizing: a float file with other weights, and the grid that they were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import ConfigError, ModelFileError, PlanError
from mqn.export.quantize.calibration import CalibrationReport
from mqn.export.tune.qat_grid import Ranges
from mqn.files.publishing import publish_file
from mqn.parsing import read_json, write_json
from mqn.records import Plan
from mqn.tflite.flatbuffer import Network

TUNED_FILE, GRID_FILE = "tuned.float32.tflite", "grid.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A fine-tuned network.

    Attributes:
        network: float, with tensors named as in the file it came from.
        ranges: of activations and kernels, as ai-edge-quantizer takes them.
        report: how the ranges were found.
    """

    network: Network
    ranges: Ranges
    report: CalibrationReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """As it lies on disk."""

    plan: dict[str, Any]
    ranges: dict[str, dict[str, Any]]
    report: CalibrationReport | None


def write_tuned(tuned: Tuned, plan: Plan, directory: Path) -> Path:
    """Write the file and its grid, the file last and at once, and return the file."""
    ranges = {name: {end: value.tolist() for end, value in ends.items()} for name, ends in tuned.ranges.items()}
    write_json(directory / GRID_FILE, _Grid(plan=plan.numbers, ranges=ranges, report=tuned.report))
    target = directory / TUNED_FILE
    return publish_file(tuned.network.write(directory / f".{TUNED_FILE}.new"), target)


def read_tuned(path: Path, plan: Plan) -> Tuned:
    """Read what `write_tuned` wrote, to use it for a plan; the grid lies beside the file.

    Raises:
        ModelFileError: a file is missing or damaged.
        PlanError: it was fine-tuned for another plan.
    """
    network = Network.read(path)
    try:
        stored = read_json(_Grid, path.parent / GRID_FILE)
    except ConfigError as error:
        raise ModelFileError(f"{error}; fine-tune again") from error
    wanted = plan.numbers
    if stored.plan != wanted:
        key = next(key for key in wanted if stored.plan.get(key) != wanted[key])
        raise PlanError(
            f"{path.name} was fine-tuned with plan.{key} = {stored.plan.get(key)!r}, not {wanted[key]!r}; "
            "fine-tune for this plan"
        )
    ranges = {name: {end: _array(value) for end, value in ends.items()} for name, ends in stored.ranges.items()}
    return Tuned(network=network, ranges=ranges, report=stored.report)


def _array(value: list[Any]) -> np.ndarray:
    """As calibration gives them: an activation's one number in double precision, a kernel's bounds in single."""
    return np.asarray(value, np.float64 if np.ndim(value) == 1 else np.float32)
