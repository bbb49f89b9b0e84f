"""A float file and a plan -> the quantized files, with their recipe, audit and distance from the float network."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import quantizer

from mqn.errors import PlanError
from mqn.export.lower.lowering import lower
from mqn.export.quantize.audit import AUDIT_FILE, audit
from mqn.export.quantize.calibration import CalibrationReport, calibrate, check_pictures
from mqn.export.quantize.parity import measure_parity
from mqn.export.quantize.recipe import build_recipe
from mqn.export.quantize.rules import assign
from mqn.export.tune.qat_grid import Ranges
from mqn.export.tune.qat_tuned import Tuned, read_tuned
from mqn.files.publishing import publish_file
from mqn.infer.exported import FUSED, SPLIT
from mqn.parsing import write_json
from mqn.records import Plan
from mqn.tflite.cutting import cut, cut_tensor
from mqn.tflite.flatbuffer import Network

RECIPE_FILE, PARITY_FILE, CALIBRATION_FILE = "recipe.json", "parity.json", "calibration.json"


def quantize(
    float_model: Path, plan: Plan, calibration: np.ndarray, directory: Path, tuned: Path | None = None
) -> tuple[Path, ...]:
    """Carry out a plan.

    Args:
        float_model: what `convert` wrote, with `cuts.json` beside it.
        plan: where to cut, the scheme of each side and of single layers, how many files.
        calibration: (N, S, S, 3) float32 LDR inputs in [0, 1], of the file's input size. Static schemes take their
            ranges from them; all schemes are compared with the float network on the first of them. N may be 0 where
            no scheme is static.
        directory: where `model.tflite` (fused) or `backbone.tflite` and `head.tflite` (pair), `recipe.json`,
            `parity.json`, `audit.json` and, where a scheme is static, `calibration.json` go. The TFLite files come
            last, each under its name only when it is whole.
        tuned: what `mqn.export.tune.qat.finetune` made of the float file for this plan; None where the plan wants none.
            Its weights and ranges are taken; the distance is still that from the float file.

    Returns:
        The files in the order they run.

    Raises:
        PlanError: the plan cannot be carried out on this network, or not with these pictures; it asks for fine-tuned
            weights and there are none, or those of another plan.
        ModelFileError: the float file or the fine-tuned one is missing or damaged.
    """
    if plan.method == "qat" and tuned is None:
        raise PlanError(f"the plan {plan.label} is about fine-tuned weights; fine-tune first, or take method ptq")
    network = Network.read(float_model)
    tensor = cut_tensor(float_model, plan.cut)
    fine_tuned = read_tuned(tuned, plan) if tuned else None
    source = fine_tuned.network if fine_tuned else network
    parts, rules, report = apply_plan(source, tensor, plan, calibration, fine_tuned)
    for part in parts:
        lower(part, plan.rewrites)
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / RECIPE_FILE, rules)
    write_json(directory / PARITY_FILE, measure_parity(network, tensor, parts, calibration))
    names = FUSED if plan.layout == "fused" else SPLIT
    write_json(directory / AUDIT_FILE, [audit(part, name) for part, name in zip(parts, names, strict=True)])
    if report is not None:
        write_json(directory / CALIBRATION_FILE, report)
    return _publish(parts, [directory / name for name in names])


def apply_plan(
    network: Network, tensor: str, plan: Plan, calibration: np.ndarray, tuned: Tuned | None = None
) -> tuple[list[Network], list[dict[str, Any]], CalibrationReport | None]:
    """Quantize a network, in memory, without lowering it. Arguments and errors are those of `quantize`.

    Args:
        network: the float network, whole; stays as it is.
        tensor: name of its interface tensor.
        plan: as in `quantize`.
        calibration: as in `quantize`.
        tuned: how the network was fine-tuned for this plan: on which ranges. None: it is calibrated.

    Returns:
        One network, or backbone and head; the recipe; how ranges were found, None where no scheme is static.
    """
    schemes = assign(network, tensor, plan)
    check_pictures(network, calibration, plan)
    if plan.layout == "pair":
        cut(network, tensor)  # Where it cannot be cut in two, calibration would be in vain.
    if tuned is not None:
        ready, ranges, report = network, tuned.ranges, tuned.report
    else:
        ready, ranges, report = calibrate(network, schemes, plan, calibration)
    rules = build_recipe(network, schemes)
    sources = [ready] if plan.layout == "fused" else list(cut(ready, tensor))
    return [_apply(source, rules, ranges, plan) for source in sources], rules, report


def _apply(network: Network, rules: list[dict[str, Any]], ranges: Ranges, plan: Plan) -> Network:
    """Quantize one file, without the progress bars and warnings that the quantizer cannot be asked to leave out."""
    if not rules:
        return network.copy()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore", UserWarning)
            task = quantizer.Quantizer(bytearray(network.to_bytes()), rules)
            result = task.quantize(dict(ranges) or None, enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PlanError(f"the plan {plan.label} cannot be carried out: {reason}") from error
    quantized = Network.from_bytes(bytes(result.quantized_model))
    _scale_wide_sums_freely(quantized)
    return quantized


def _scale_wide_sums_freely(network: Network) -> None:
    """Allow sums and differences of 16-bit integers any scale: by default the runtime insists on powers of two."""
    for operator in network.operators:
        wide = network.tensors[operator.outputs[0]].type == schema.TensorType.INT16
        if wide and network.kind(operator) in ("ADD", "SUB"):
            operator.builtinOptions.potScaleInt16 = False


def _publish(parts: Sequence[Network], targets: Sequence[Path]) -> tuple[Path, ...]:
    """Write all files under other names first: what is there under its own name is whole."""
    written = [
        (part.write(target.with_name(f".{target.name}.new")), target)
        for part, target in zip(parts, targets, strict=True)
    ]
    for name in (*FUSED, *SPLIT):  # What an earlier plan of the other layout left.
        (targets[0].parent / name).unlink(missing_ok=True)
    for temporary, target in written:
        publish_file(temporary, target)
    return tuple(targets)
