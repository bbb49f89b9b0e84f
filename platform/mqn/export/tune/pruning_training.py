"""A pruned network learns to compute what the whole one computes, and is a checkpoint of its own from then on.

So it goes the way of every network: it is converted, fine-tuned on a grid, quantized, ranked by sensitivity. And all
plans of one sparsity share it, whatever their schemes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras
import torch
from torch import Tensor, nn

from mqn.errors import ExportError
from mqn.export.tune.pruning import prune
from mqn.export.tune.qat_training import PRUNED_LEARNING_RATE, RESUME, Distillation
from mqn.export.tune.qat_weights import Weights, followers_of, weights_of, with_layer
from mqn.export.twin.agreement import TOLERANCE, distance
from mqn.export.twin.twin import Twin, build_twin
from mqn.families.contract import INTERFACE, find_family
from mqn.models.checkpoint import load, save
from mqn.networks.graph import cut_nodes, norms_behind

PRUNED_FILE = "checkpoint.pt"
_LOOKED_AT = 32
"""Pictures by which channels are judged."""
_LEVELS, _SMALLEST_WIDTH = 127, 1e-6

Norms = Mapping[str, nn.BatchNorm2d]
"""Batch norms by the path of the convolution that they follow."""


def prune_checkpoint(checkpoint: Path, sparsity: float, steps: int, pictures: np.ndarray, directory: Path) -> Path:
    """Prune a trained network, and train what is left in float, taught by the whole network.

    Args:
        checkpoint: what training wrote.
        sparsity: share of the channels inside narrowable blocks, above 0 and below 1.
        steps: of training, four pictures each.
        pictures: (M, S, S, 3) uint8 LDR inputs; the last ones only tell how far it is.
        directory: gets `checkpoint.pt`, and `history.json` that tells how it went. Called again after it was cut short,
            it goes on and comes to the same weights.

    Returns:
        The pruned network's checkpoint, its batch norms folded into weights and biases.

    Raises:
        WeightsError: the checkpoint is missing or damaged.
        CandidateError: networks of its family cannot be pruned.
        TrainingError: the training came to nothing.
        ExportError: what was trained is not what was written.
    """
    arch, training, whole = load(checkpoint)
    family = find_family(arch.family)
    pruned = prune(whole, family, sparsity, pictures[:_LOOKED_AT] / np.float32(255))
    norms = norms_behind(pruned)
    teacher, student = (build_twin(network, arch.input_size, batch_size=None) for network in (whole, pruned))
    weights = weights_of(student.model, followers_of(student.model))
    Distillation(
        with_layer(student.model, _interface(pruned, family.cut, student)),
        with_layer(teacher.model, _interface(whole, family.cut, teacher)),
        pictures,
        scaled=_scaled(pruned, norms, student.model, weights),
        steps=steps,
        learning_rate=PRUNED_LEARNING_RATE,
    ).run(directory)
    _put_back(pruned, norms, weights)
    _check_same(pruned, student.model, arch.input_size)
    save(directory / PRUNED_FILE, arch, training, pruned)
    (directory / RESUME).unlink(missing_ok=True)
    return directory / PRUNED_FILE


def _interface(network: nn.Module, default_cut: str, twin: Twin) -> str:
    return twin.layers[cut_nodes(network, default_cut)[INTERFACE].name]


def _scaled(network: nn.Module, norms: Norms, twin: Any, weights: Weights) -> list[tuple[Any, np.ndarray]]:
    """Every weight with a 127th of its channel's largest: what an 8-bit step would be."""
    pairs = []
    for name, (kernel, bias) in weights.items():
        depthwise = isinstance(twin.get_layer(name), tf_keras.layers.DepthwiseConv2D)
        axes = (0, 1, 3) if depthwise else (0, 1, 2)
        widths = np.maximum(np.abs(kernel.numpy()).max(axis=axes, keepdims=True) / _LEVELS, _SMALLEST_WIDTH)
        pairs.append((kernel, widths))
        if _bias(network, norms, name) is not None:
            pairs.append((bias, widths.ravel()))
    return pairs


def _bias(network: nn.Module, norms: Norms, name: str) -> Tensor | None:
    """What a convolution of the twin has its bias from: the batch norm behind it, or its own; None: it is zero."""
    path = name.replace("/", ".")
    conv, norm = network.get_submodule(path), norms.get(path)
    assert isinstance(conv, nn.Conv2d)
    return conv.bias if norm is None else norm.bias


def _put_back(network: nn.Module, norms: Norms, weights: Weights) -> None:
    """Give the torch network the twin's weights; its batch norms, which the twin has folded in, keep only the bias."""
    with torch.no_grad():
        for name, (kernel, bias) in weights.items():
            path = name.replace("/", ".")
            conv = network.get_submodule(path)
            assert isinstance(conv, nn.Conv2d)
            # Keras: (h, w, in, out); depthwise (h, w, channels, 1), where torch has (channels, 1, h, w).
            order = (2, 3, 0, 1) if conv.groups > 1 else (3, 2, 0, 1)
            conv.weight.copy_(torch.from_numpy(kernel.numpy().transpose(order).copy()))
            target = _bias(network, norms, name)
            if target is not None:
                target.copy_(torch.from_numpy(bias.numpy()))
            if (norm := norms.get(path)) is not None:
                assert norm.running_mean is not None
                assert norm.running_var is not None
                norm.weight.fill_(1.0)
                norm.running_mean.zero_()
                norm.running_var.fill_(1.0 - norm.eps)


def _check_same(network: nn.Module, twin: Any, size: int) -> None:
    picture = np.random.default_rng(0).random((1, size, size, 3), dtype=np.float32)
    with torch.no_grad():
        found = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    apart = distance(found, np.asarray(twin(picture)))
    if not apart <= TOLERANCE:
        raise ExportError(f"the pruned checkpoint differs from the network that was trained by {apart:.2e}")
