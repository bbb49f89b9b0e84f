"""Whether torch network, Keras twin and float TFLite file are one and the same network: all three on one picture."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from mqn.families.contract import INTERFACE
from mqn.infer.interpreter import open_interpreter, run
from mqn.networks.graph import cut_nodes
from mqn.tflite.cutting import INPUT, OUTPUT, expose
from mqn.tflite.flatbuffer import Network

if TYPE_CHECKING:
    from mqn.export.twin.twin import Twin

TOLERANCE = 1e-4
"""Of a distance, as `distance` measures it."""

_ROUNDINGS, _MOST = 5, 10
"""A network that rounding moves further may differ by so many times that distance, and by so many `TOLERANCE` at most.

Its float32 outputs are compared with its own in float64. Untrained networks of width 0.2 with spatial attention are
moved by up to 2e-4 (norms amplify rounding), and differ from their export by up to 1.7 times of it. Of 390 layers of
two such networks, each made wrong in turn, none moved the output by less than 5.8e-3.
"""

_ROUNDING_SPREAD = 10
"""Single values may differ by so much more than `TOLERANCE`, and all together by so much less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the three are apart.

    Attributes:
        torch_vs_twin: distance of outputs between 0 and 1.
        twin_vs_tflite: likewise.
        tolerance: what both may be: `TOLERANCE`, or more for a network that rounding alone moves further.
        cuts: the cuts that conversion left a tensor of, front to back, to the tensor's name. A cut is one of them when
            the file computes the torch module's features under that name, to `TOLERANCE` of their largest value.
    """

    torch_vs_twin: float
    twin_vs_tflite: float
    tolerance: float
    cuts: dict[str, str]


def compare(network: nn.Module, default_cut: str, twin: Twin, converted: Network) -> Agreement:
    """Run the three on the same picture of seeded noise.

    Args:
        network: the torch network, in eval mode.
        default_cut: its submodule whose output is the default cut.
        twin: its Keras model.
        converted: its float file, with tensors named for the twin's layers.
    """
    height, width = converted.tensors[converted.inputs()[INPUT]].shape[1:3]
    picture = np.random.default_rng(0).random((1, height, width, 3), dtype=np.float32)
    cuts = {cut: twin.layers[node.name] for cut, node in cut_nodes(network, default_cut).items()}
    computed = {converted.tensors[index].name for index in converted.computed()}
    cuts = {cut: layer for cut, layer in cuts.items() if layer in computed}

    expected, features = _run_torch(network, picture, {cut: default_cut if cut == INTERFACE else cut for cut in cuts})
    twin_output = np.asarray(twin.model(picture))
    found = run(open_interpreter(expose(converted, cuts).to_bytes()), {INPUT: picture})
    apart = distance(expected, twin_output), distance(twin_output, found[OUTPUT])
    return Agreement(
        torch_vs_twin=apart[0],
        twin_vs_tflite=apart[1],
        tolerance=TOLERANCE if all(one <= TOLERANCE for one in apart) else allowed(network, picture, expected),
        cuts={cut: layer for cut, layer in cuts.items() if _same(features[cut], found[cut])},
    )


def distance(expected: np.ndarray, found: np.ndarray) -> float:
    """Measure how far two outputs between 0 and 1 are apart, at single values and on the whole.

    Rounding alone moves random networks with spatial attention by up to 1.1e-4 at single pixels and by 4e-6 on the
    whole, because norms amplify it. A wrong layer shows on the whole, a wrong border or corner at its pixels.

    Returns:
        The larger of two figures: the largest difference divided by `_ROUNDING_SPREAD`, and the root mean square times
        `_ROUNDING_SPREAD`.
    """
    difference = np.abs(expected.astype(np.float64) - found)
    root_mean_square = float(np.sqrt(np.square(difference).mean()))
    return max(float(difference.max()) / _ROUNDING_SPREAD, root_mean_square * _ROUNDING_SPREAD)


def allowed(network: nn.Module, picture: np.ndarray, found: np.ndarray) -> float:
    """How far apart rounding may bring a network and its export.

    Args:
        network: in eval mode.
        picture: (1, H, W, 3) float32.
        found: what it makes of the picture in float32, (1, H, W, C).
    """
    exact, _ = _run_torch(copy.deepcopy(network).double(), picture.astype(np.float64), {})
    return min(max(TOLERANCE, _ROUNDINGS * distance(exact, found)), _MOST * TOLERANCE)


def _same(expected: np.ndarray, found: np.ndarray) -> bool:
    if expected.shape != found.shape:
        return False
    return bool(np.abs(expected - found).max() <= TOLERANCE * max(1.0, float(np.abs(expected).max())))


def _run_torch(
    network: nn.Module, picture: np.ndarray, modules: Mapping[str, str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Output and features at the cuts (name to submodule), all (1, H, W, C)."""
    features: dict[str, np.ndarray] = {}

    with contextlib.ExitStack() as hooks, torch.no_grad():
        for cut, path in modules.items():
            module = network.get_submodule(path)
            hooks.enter_context(
                module.register_forward_hook(lambda _m, _i, output, cut=cut: features.update({cut: _nhwc(output)}))
            )
        output = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy()))
    return _nhwc(output), features


def _nhwc(values: Tensor) -> np.ndarray:
    """Features as the file has them; a vector (N, C) is a picture of one pixel there."""
    if values.ndim == 2:
        values = values[..., None, None]
    return values.detach().numpy().transpose(0, 2, 3, 1)
