"""Quantization-aware fine-tuning: a trained network learns to live with a plan's integers, taught by itself in float.

Needs no truth, only LDR pictures: the float network's features at the cut and its output are what is learnt. What comes
out is a float file again, with the grid that its weights were trained on, and goes the way of every other plan:
quantized by the same quantizer, lowered by the same rewrites, in one file or two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from mqn.errors import ExportError, PlanError
from mqn.export.agreement import TOLERANCE
from mqn.export.cutting import INPUT, OUTPUT, cut_tensor
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.qat_grid import KERAS_FROM_TFLITE, Grids, Ranges, convolutions, find_grids, write_weights
from mqn.export.qat_layers import PREFIX, simulate
from mqn.export.qat_training import Distillation
from mqn.export.qat_tuned import Tuned, write_tuned
from mqn.export.rules import assign
from mqn.export.twin import build_twin
from mqn.export.weights import weight_bounds
from mqn.models.checkpoint import load
from mqn.records import Plan

Followers = Mapping[str, Sequence[str]]
Trained = Mapping[str, tuple[Any, Any | None]]
_CONVOLUTIONS = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D)


def finetune(
    checkpoint: Path,
    float_model: Path,
    plan: Plan,
    calibration: np.ndarray,
    pictures: np.ndarray,
    directory: Path,
) -> Path:
    """Fine-tune a trained network for a plan.

    Args:
        checkpoint: what training wrote.
        float_model: what `convert` made of it, with `cuts.json` beside it.
        plan: of method `qat`.
        calibration: (N, S, S, 3) float32 LDR inputs in [0, 1]: they fix the ranges, as for any plan.
        pictures: (M, S, S, 3) uint8 LDR inputs to train on; the last eight only tell how far it is.
        directory: gets `tuned.float32.tflite` and `grid.json`, and on the way `history.json` and `resume.npz`: called
            again after it was cut short, fine-tuning goes on and comes to the same weights.

    Returns:
        The fine-tuned file.

    Raises:
        PlanError: no scheme of the plan is static, or the plan cannot be carried out on this network.
        WeightsError: the checkpoint is missing or damaged.
        ModelFileError: the float file is.
        TrainingError: fine-tuning came to nothing.
        ExportError: the fine-tuned file is not the network that was trained.
    """
    if not plan.static:
        raise PlanError(
            f"method qat trains with fixed ranges, and {plan.label} has none: give a side or a rule a static scheme, "
            "or take method ptq"
        )
    arch, _, torch_network = load(checkpoint)
    twin = build_twin(torch_network.eval(), arch.input_size, batch_size=None).model
    return finetune_twin(twin, float_model, plan, calibration, pictures, directory)


def finetune_twin(
    twin: Any, float_model: Path, plan: Plan, calibration: np.ndarray, pictures: np.ndarray, directory: Path
) -> Path:
    """Fine-tune a Keras twin; see `finetune`.

    Args:
        twin: the float network for any number of pictures, its layers named like the file's tensors. It teaches, and
            has the trained weights in the end.
        float_model: as in `finetune`.
        plan: as in `finetune`.
        calibration: as in `finetune`.
        pictures: as in `finetune`.
        directory: as in `finetune`.
    """
    network, tensor = Network.read(float_model), cut_tensor(float_model, plan.cut)
    schemes = assign(network, tensor, plan)
    followers = _followers(twin)
    grids = find_grids(network, schemes, plan, calibration, convolutions(network, followers))
    teacher = tf_keras.Model(twin.input, [twin.get_layer(tensor).output, twin.output])
    student = simulate(teacher, grids.layers)
    trained = _trained(student, followers)
    corrected = convolutions(grids.network, followers)
    for name, (_, bias) in trained.items():
        if bias is not None:
            bias.assign(grids.network.constant(corrected[name].inputs[2]))
    directory.mkdir(parents=True, exist_ok=True)
    pairs = _scaled(trained, grids, followers)
    Distillation(
        student,
        teacher,
        pictures,
        variables=[variable for variable, _ in pairs],
        scales=[scale for _, scale in pairs],
        steps=plan.qat_steps,
    ).run(directory)
    tuned = network.copy()
    ranges = _take_back(tuned, trained, grids, followers, schemes)
    _check_same(teacher, trained, tuned)
    return write_tuned(Tuned(network=tuned, ranges=ranges, report=grids.report), plan, directory)


def _followers(twin: Any) -> Followers:
    """Every convolution's name to the names of the layers that read it."""
    return {
        layer.name: [node.outbound_layer.name for node in layer.outbound_nodes]
        for layer in twin.layers
        if isinstance(layer, _CONVOLUTIONS)
    }


def _trained(student: Any, names: Mapping[str, Any]) -> Trained:
    """Kernel and bias of the convolutions that integers are simulated in, by their name in the twin."""
    found = {}
    for layer in student.layers:
        name = layer.name.removeprefix(PREFIX)
        if layer.name.startswith(PREFIX) and name in names:
            variables = {variable.name.rpartition("/")[2].split(":")[0]: variable for variable in layer.weights}
            kernel = next(variable for own, variable in variables.items() if own.endswith("kernel"))
            found[name] = (kernel, variables.get("bias"))
    return found


def _scaled(trained: Trained, grids: Grids, followers: Followers) -> list[tuple[Any, np.ndarray]]:
    """Every weight that is trained, with the width of its grid: a bias's is that of the output that it shifts."""
    pairs = []
    for name, (kernel, bias) in trained.items():
        grid = grids.layers[name]
        steps = np.asarray(grid.bounds, np.float32) / grid.weight_levels
        pairs.append((kernel, steps.reshape(1, 1, -1, 1) if kernel.shape[-1] == 1 < len(steps) else steps))
        if bias is not None:
            outputs = [grids.layers[one] for one in (name, *followers[name]) if one in grids.layers]
            widths = [(one.high - one.low) / 2**one.bits for one in outputs if one.has_output]
            pairs.append((bias, np.asarray(widths[0] if widths else steps)))
    return pairs


def _take_back(
    tuned: Network,
    trained: Mapping[str, tuple[Any, Any | None]],
    grids: Grids,
    followers: Followers,
    schemes: Sequence[str],
) -> Ranges:
    """Write the trained weights into the float file; gives the ranges, with kernels under their new names."""
    ranges = dict(grids.ranges)
    operators = convolutions(tuned, followers)
    for name, (kernel, bias) in trained.items():
        operator = operators[name]
        old = grids.ranges[tuned.tensors[operator.inputs[1]].name]
        bias_value = tuned.constant(operator.inputs[2]) if bias is None else bias.numpy()
        assert bias_value is not None
        # Beyond the grid's ends no integer stands for a weight.
        bound = old["max"].transpose(KERAS_FROM_TFLITE)
        kernel.assign(np.clip(kernel.numpy(), -bound, bound))
        write_weights(tuned, name, operator, kernel.numpy(), bias_value)
        ranges[tuned.tensors[operator.inputs[1]].name] = old
    activations = {name: (float(r["min"].min()), float(r["max"].max())) for name, r in ranges.items()}
    for name, bound in weight_bounds(tuned, schemes, activations).items():  # A bias that grew wants coarser steps.
        wide = np.maximum(bound, ranges[name]["max"])
        ranges[name] = {"min": -wide, "max": wide}
    return ranges


def _check_same(teacher: Any, trained: Trained, tuned: Network) -> None:
    """Make sure that the file computes what the twin computes with the trained weights, both in float.

    Raises:
        ExportError: it does not.
    """
    for name, (kernel, bias) in trained.items():
        layer = teacher.get_layer(name)
        layer.set_weights([kernel.numpy()] if bias is None else [kernel.numpy(), bias.numpy()])
    size = tuned.tensors[tuned.inputs()[INPUT]].shape[1]
    picture = np.random.default_rng(0).random((1, size, size, 3), dtype=np.float32)
    expected = np.asarray(teacher(picture)[1])
    found = run(open_interpreter(tuned.to_bytes()), {INPUT: picture})[OUTPUT]
    worst = float(np.abs(expected - found).max())
    if not worst <= TOLERANCE:
        raise ExportError(f"the fine-tuned file differs from the network that was trained by {worst:.2e}")
