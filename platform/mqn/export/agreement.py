"""Whether torch network, Keras twin and float TFLite file are one and the same network: all three on one picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mqn.export.cutting import INPUT, OUTPUT, expose
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.twin import Twin
from mqn.models.graph import INTERFACE, cut_nodes

TOLERANCE = 1e-4
"""Of a distance, as `distance` measures it."""

_ROUNDING_SPREAD = 10
"""Single values may differ by so much more than `TOLERANCE`, and all together by so much less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the three are apart.

    Attributes:
        torch_vs_twin: distance of outputs between 0 and 1.
        twin_vs_tflite: likewise.
        cuts: the cuts that conversion left a tensor of, front to back, to the tensor's name. A cut is one of them when
            the file computes the torch module's features under that name, to `TOLERANCE` of their largest value.
    """

    torch_vs_twin: float
    twin_vs_tflite: float
    cuts: dict[str, str]


def compare(network: nn.Module, twin: Twin, converted: Network) -> Agreement:
    """Run the three on the same picture of seeded noise.

    Args:
        network: the torch network, in eval mode.
        twin: its Keras model.
        converted: its float file, with tensors named for the twin's layers.
    """
    height, width = converted.tensors[converted.inputs()[INPUT]].shape[1:3]
    picture = np.random.default_rng(0).random((1, height, width, 3), dtype=np.float32)
    cuts = {cut: twin.layers[node.name] for cut, node in cut_nodes(network).items()}
    computed = {converted.tensors[index].name for index in converted.computed()}
    cuts = {cut: layer for cut, layer in cuts.items() if layer in computed}

    expected, features = _run_torch(network, picture, cuts)
    twin_output = np.asarray(twin.model(picture))
    found = run(open_interpreter(expose(converted, cuts).to_bytes()), {INPUT: picture})
    return Agreement(
        torch_vs_twin=distance(expected, twin_output),
        twin_vs_tflite=distance(twin_output, found[OUTPUT]),
        cuts={cut: layer for cut, layer in cuts.items() if _same(features[cut], found[cut])},
    )


def distance(expected: np.ndarray, found: np.ndarray) -> float:
    """How far two outputs are apart: at single values and on the whole.

    Random networks with spatial attention differ by up to 1.1e-4 at single pixels, and by 4e-6 on the whole, by nothing
    but rounding, which their norms blow up. A wrong layer shows on the whole, a wrong border or corner at its pixels.

    Args:
        expected: values between 0 and 1.
        found: of the same shape.

    Returns:
        The largest difference over `_ROUNDING_SPREAD`, or that times the root mean square, whichever is more.
    """
    difference = np.abs(expected.astype(np.float64) - found)
    root_mean_square = float(np.sqrt(np.square(difference).mean()))
    return max(float(difference.max()) / _ROUNDING_SPREAD, root_mean_square * _ROUNDING_SPREAD)


def _same(expected: np.ndarray, found: np.ndarray) -> bool:
    if expected.shape != found.shape:
        return False
    return bool(np.abs(expected - found).max() <= TOLERANCE * max(1.0, float(np.abs(expected).max())))


def _run_torch(
    network: nn.Module, picture: np.ndarray, cuts: Iterable[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Output and features at the cuts, all (1, H, W, C)."""
    features: dict[str, np.ndarray] = {}

    def keep(cut: str) -> torch.utils.hooks.RemovableHandle:
        module = network.get_submodule("backbone" if cut == INTERFACE else cut)
        return module.register_forward_hook(lambda _m, _i, output: features.update({cut: _nhwc(output)}))

    hooks = [keep(cut) for cut in cuts]
    try:
        with torch.no_grad():
            output = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
    finally:
        for hook in hooks:
            hook.remove()
    return _nhwc(output), features


def _nhwc(values: Tensor) -> np.ndarray:
    return values.detach().numpy().transpose(0, 2, 3, 1)
