"""Quantization-aware fine-tuning: a trained network learns to live with a plan's integers, taught by itself in float.

Needs no truth, only LDR pictures: the float network's features at the cut and its output are what is learnt. What comes
out is a float file again, with the grid that its weights were trained on, and goes the way of every other plan:
quantized by the same quantizer, lowered by the same rewrites, in one file or two.

Where it pays: kernels of 4 bits. 200 steps with an int4 backbone and a dynamic head brought the output of one network
(CA, 256 pixels) from 33.0 to 42.7 dB of its float network, PSNR-TM on 43 photographs from 19.86 to 20.78 (float 20.75);
of another (128 pixels) PSNR-TM from 17.25 to 17.80 (float 18.10). With 8 bits outputs come nearer to float too, by 0.2
to 2 dB, but calibration loses next to nothing in PSNR-TM, and fine-tuning moved it by -0.09 to +0.01 dB, which 43
photographs cannot tell from nothing. What rounding the head's activations costs no weight takes back: of 0.48 dB that
int8 on both sides cost a network of width 0.2, it recovered 0.01. `python -m tests.lab.recovery` measures all this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from mqn.errors import PlanError
from mqn.export.quantize.calibration import check_pictures
from mqn.export.quantize.correction import shift_of_rounding
from mqn.export.quantize.equalization import channel_factors
from mqn.export.quantize.rules import assign
from mqn.export.quantize.schemes import lowest_weight
from mqn.export.quantize.weight_ranges import bias_bounds
from mqn.export.tune.qat_grid import (
    KERAS_FROM_TFLITE,
    TFLITE_FROM_KERAS,
    Grids,
    LayerGrid,
    Ranges,
    convolutions,
    find_grids,
    write_weights,
)
from mqn.export.tune.qat_layers import PREFIX, simulate
from mqn.export.tune.qat_training import LEARNING_RATE, RESUME, Distillation
from mqn.export.tune.qat_tuned import Tuned, write_tuned
from mqn.export.tune.qat_weights import (
    Followers,
    Weights,
    assign_weights,
    check_same,
    followers_of,
    weights_of,
    with_layer,
)
from mqn.export.twin.twin import build_twin
from mqn.models.checkpoint import load
from mqn.records import Plan
from mqn.tflite.cutting import cut_tensor
from mqn.tflite.flatbuffer import Network


def finetune(
    checkpoint: Path,
    float_model: Path,
    plan: Plan,
    calibration: np.ndarray,
    pictures: np.ndarray,
    directory: Path,
    teacher: Path | None = None,
) -> Path:
    """Fine-tune a trained network for a plan of method `qat`.

    Args:
        checkpoint: what training wrote, or pruning.
        float_model: what `convert` made of it, with `cuts.json` beside it.
        plan: the plan.
        calibration: (N, S, S, 3) float32 LDR inputs in [0, 1]: they fix the ranges, as for any plan.
        pictures: (M, S, S, 3) uint8 LDR inputs to train on; the last ones only tell how far it is.
        directory: gets `tuned.float32.tflite` and `grid.json`, and `history.json` that tells how it went. Called again
            after it was cut short, fine-tuning goes on and comes to the same weights.
        teacher: checkpoint of the network that a pruned one was made from; None: the network is its own teacher.

    Returns:
        The fine-tuned file.

    Raises:
        PlanError: no scheme of the plan is static, or the plan cannot be carried out on this network.
        WeightsError: a checkpoint is missing or damaged.
        ModelFileError: the float file is.
        TrainingError: fine-tuning came to nothing.
        ExportError: the fine-tuned file is not the network that was trained.
    """
    if not plan.static:
        raise PlanError(
            f"method qat trains with fixed ranges, and {plan.label} has none: give a side or a rule a static scheme, "
            "or take method ptq"
        )
    student, taught_by = _twin(checkpoint), None if teacher is None else _twin(teacher)
    return finetune_twin(student, float_model, plan, calibration, pictures, directory, taught_by)


def _twin(checkpoint: Path) -> Any:
    arch, _, network = load(checkpoint)
    return build_twin(network, arch.input_size, batch_size=None).model


def finetune_twin(
    twin: Any,
    float_model: Path,
    plan: Plan,
    calibration: np.ndarray,
    pictures: np.ndarray,
    directory: Path,
    teacher: Any | None = None,
) -> Path:
    """Fine-tune a Keras twin as `finetune` does a checkpoint. It has the trained weights in the end.

    The twin takes any number of pictures, and its layers are named like the file's tensors. The teacher is a twin that
    may have other numbers of channels; without one, the twin teaches as it is at the start.
    """
    tensor = cut_tensor(float_model, plan.cut)
    network = Network.read(float_model)
    check_pictures(network, calibration, plan)
    schemes = assign(network, tensor, plan)
    followers = followers_of(twin)
    grids = find_grids(network, schemes, plan, calibration, convolutions(network, followers))
    student, trained = make_student(twin, tensor, grids)
    Distillation(
        student,
        with_layer(teacher or twin, tensor),
        pictures,
        scaled=_scaled(trained, grids, followers),
        steps=plan.qat_steps,
        learning_rate=LEARNING_RATE,
    ).run(directory)
    tuned = grids.network.copy()
    ranges = _take_back(tuned, trained, grids, followers, schemes)
    assign_weights(weights_of(twin, followers), tuned, convolutions(tuned, followers))
    check_same(twin, tuned)
    path = write_tuned(Tuned(network=tuned, ranges=ranges, report=grids.report), plan, directory)
    (directory / RESUME).unlink(missing_ok=True)
    return path


def make_student(twin: Any, tensor: str, grids: Grids) -> tuple[Any, Weights]:
    """Make the student, from which fine-tuning starts: it simulates the integers of a plan that was only calibrated.

    Calibration changed weights, and with them features, to get better ranges. The student's interface is as the float
    twin has it.

    Returns:
        The Keras model of (N, S, S, 3) -> [interface, output], and its weights that have a grid.
    """
    followers = followers_of(twin)
    simulated = simulate(with_layer(twin, tensor), grids.layers)
    trained = weights_of(simulated, followers, PREFIX)
    calibrated = convolutions(grids.network, followers)
    for weights in (trained, weights_of(simulated, followers)):
        assign_weights(weights, grids.network, calibrated)
    features, output = simulated.output
    restored = features * channel_factors(grids.network, tensor)
    return tf_keras.Model(simulated.input, [restored, output]), trained


def _scaled(trained: Weights, grids: Grids, followers: Followers) -> list[tuple[Any, np.ndarray]]:
    """Every weight that is trained, with the width of its grid: a bias's is that of the output that it shifts."""
    pairs = []
    for name, (kernel, bias) in trained.items():
        grid = grids.layers[name]
        steps = np.asarray(grid.bounds, np.float32) / grid.weight_levels
        pairs.append((kernel, steps.reshape(1, 1, -1, 1) if kernel.shape[-1] == 1 < len(steps) else steps))
        outputs = [grids.layers[one] for one in (name, *followers[name]) if one in grids.layers]
        widths = [(one.high - one.low) / 2**one.bits for one in outputs if one.has_output]
        pairs.append((bias, np.asarray(widths[0] if widths else steps)))
    return pairs


def _take_back(tuned: Network, trained: Weights, grids: Grids, followers: Followers, schemes: Sequence[str]) -> Ranges:
    """Write the trained weights into the float file; gives the ranges, with kernels under their new names."""
    ranges = dict(grids.ranges)
    operators = convolutions(tuned, followers)
    for name, (kernel, bias) in trained.items():
        operator = operators[name]
        old = grids.ranges[tuned.tensors[operator.inputs[1]].name]
        # Beyond the grid's ends no integer stands for a weight.
        bound, levels = old["max"].transpose(KERAS_FROM_TFLITE), grids.layers[name].weight_levels
        kernel.assign(np.clip(kernel.numpy(), lowest_weight(levels) / levels * bound, bound))
        corrected = bias.numpy() - _shift(kernel.numpy(), grids.layers[name], tuned.kind(operator), old["max"])
        write_weights(tuned, name, operator, kernel.numpy(), corrected)
        ranges[tuned.tensors[operator.inputs[1]].name] = old
    tuned.drop_unused()
    activations = {name: (float(r["min"].min()), float(r["max"].max())) for name, r in ranges.items()}
    for name, bound in bias_bounds(tuned, schemes, activations).items():  # A bias that grew wants coarser steps.
        wide = np.maximum(bound, ranges[name]["max"]).astype(np.float32)
        ranges[name] = {"min": -wide, "max": wide}
    return ranges


def _shift(kernel: np.ndarray, grid: LayerGrid, kind: str, bound: np.ndarray) -> np.ndarray | float:
    """What the student's bias takes back of what rounding its kernel shifts."""
    if grid.means is None:
        return 0.0
    return shift_of_rounding(
        kind, kernel.transpose(TFLITE_FROM_KERAS), bound, np.asarray(grid.means), grid.weight_levels
    )
