"""A float file and a plan -> the quantized files, with their recipe and their distance from the float network."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_quantizer import quantizer

from mqn.errors import PlanError
from mqn.export.calibration import as_quantizer_ranges, measure_statistics, share_ranges, weight_ranges
from mqn.export.correction import correct_biases
from mqn.export.cutting import INPUT, cut, cut_tensor, upstream
from mqn.export.flatbuffer import Network
from mqn.export.lowering import lower
from mqn.export.parity import measure_parity
from mqn.export.recipe import build_recipe, needs_calibration
from mqn.parsing import write_json
from mqn.records import Plan

FUSED_FILE, BACKBONE_FILE, HEAD_FILE = "model.tflite", "backbone.tflite", "head.tflite"
RECIPE_FILE, PARITY_FILE = "recipe.json", "parity.json"


def quantize(float_model: Path, plan: Plan, calibration: np.ndarray, directory: Path) -> tuple[Path, ...]:
    """Carry out a plan.

    Args:
        float_model: what `convert` wrote, with `cuts.json` beside it.
        plan: where to cut, the scheme of each side, how many files.
        calibration: (N, S, S, 3) float32 LDR inputs in [0, 1], of the file's input size. Static schemes take their
            ranges from them; all schemes are compared with the float network on the first of them. N may be 0 where
            no side is static.
        directory: where `model.tflite` (fused) or `backbone.tflite` and `head.tflite` (pair), `recipe.json` and
            `parity.json` go.

    Returns:
        The files in the order they run.

    Raises:
        PlanError: the plan cannot be carried out on this network, or not with these pictures.
        ModelFileError: the float file is missing or damaged.
    """
    network = Network.read(float_model)
    tensor = cut_tensor(float_model, plan.cut)
    rules = build_recipe(network, tensor, plan.backbone, plan.head)
    _check_pictures(network, calibration, needs_calibration(rules))
    ranges, ready = None, network
    if needs_calibration(rules):
        statistics = measure_statistics(network, calibration)
        shared = share_ranges(network, statistics.ranges)
        bounds = weight_ranges(network, shared)
        ranges, ready = as_quantizer_ranges(shared, bounds), network.copy()
        correct_biases(ready, _static_operators(ready, tensor, plan), statistics.means, bounds)

    sources = [ready] if plan.layout == "fused" else list(cut(ready, tensor))
    parts = [_apply(source, rules, ranges, plan) for source in sources]
    directory.mkdir(parents=True, exist_ok=True)
    names = (FUSED_FILE,) if plan.layout == "fused" else (BACKBONE_FILE, HEAD_FILE)
    files = tuple(part.write(directory / name) for part, name in zip(parts, names, strict=True))
    write_json(directory / RECIPE_FILE, rules)
    write_json(directory / PARITY_FILE, measure_parity(network, tensor, parts, calibration))
    return files


def _static_operators(network: Network, tensor: str, plan: Plan) -> list[Any]:
    """The operators of the sides whose scheme is static."""
    before = upstream(network, tensor)
    return [
        operator
        for position, operator in enumerate(network.operators)
        if (plan.backbone if position in before else plan.head) == "static_wi8_ai8"
    ]


def _apply(network: Network, rules: list[dict[str, Any]], ranges: dict[str, Any] | None, plan: Plan) -> Network:
    """Quantize one file, and write its operators as the delegate takes them."""
    try:
        content = apply_recipe(network.to_bytes(), rules, ranges)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PlanError(f"the plan {plan.label} cut at {plan.cut!r} cannot be carried out: {reason}") from error
    quantized = Network.from_bytes(content)
    lower(quantized)
    return quantized


def apply_recipe(content: bytes, rules: list[dict[str, Any]], ranges: dict[str, Any] | None) -> bytes:
    """The quantizer's work, without the progress bars and warnings that it cannot be asked to leave out.

    Args:
        content: of a float file.
        rules: a recipe; with no rules nothing changes.
        ranges: of activations and kernels, where the recipe needs calibration.

    Returns:
        Content of the quantized file.

    Raises:
        ValueError: the quantizer cannot follow the recipe.
        RuntimeError: likewise.
    """
    if not rules:
        return content
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore", UserWarning)
        task = quantizer.Quantizer(bytearray(content), rules)
        return bytes(task.quantize(ranges, enable_progress_bar=False, enable_progress_report=False).quantized_model)


def _check_pictures(network: Network, pictures: np.ndarray, needed: bool) -> None:
    expected = tuple(network.tensors[network.inputs()[INPUT]].shape[1:])
    if pictures.ndim != 4 or pictures.shape[1:] != expected or pictures.dtype != np.float32:
        raise PlanError(
            f"calibration pictures of shape {pictures.shape} and type {pictures.dtype} do not fit the file; it "
            f"takes (N, {', '.join(map(str, expected))}) float32"
        )
    if needed and not len(pictures):
        raise PlanError(
            "static_wi8_ai8 needs calibration pictures, and there is none; give some, or take dynamic_wi8_afp32"
        )
    if len(pictures) and not (np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= 1):
        raise PlanError(f"calibration pictures lie in [{pictures.min()}, {pictures.max()}]; they must lie in [0, 1]")
