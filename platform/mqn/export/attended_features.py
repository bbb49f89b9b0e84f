"""The paper's Figure 3 for any trained networks: features of one block, and what its attention multiplies them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mqn.errors import UnknownNameError
from mqn.export.feature_choice import Choice
from mqn.export.feature_views import (
    AttendedFigures,
    AttendedMaps,
    AttentionFigures,
    AttentionView,
    ChannelActivity,
    Shown,
)
from mqn.hdr.codec import decode
from mqn.models.graph import INTERFACE, cut_nodes
from mqn.models.mqn import MQN

ATTENDED = "backbone.decoder.irlb_4"
"""The block whose attention is Att. 4, the last and finest one: what the paper's figure shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network.

    Attributes:
        name: what it is called.
        attention: its kind, or `none`.
        codec: how its output stands for linear light.
        network: in eval mode, on the CPU.
    """

    name: str
    attention: str
    codec: str
    network: MQN


def look_at_attention(models: Sequence[Trained], interface: str, picture: Shown, choice: Choice) -> AttentionView:
    """Run networks on the same picture and look at the same block.

    Channels of networks that were trained apart have nothing to do with each other: each shows its own.

    Args:
        models: at least one.
        interface: the block, one of the names that `mqn describe` lists.
        picture: sides are multiples of 32.
        choice: which channels are shown; with nothing to differ from, the most active ones where none is named.

    Raises:
        UnknownNameError: the networks have no such block; names the nearest.
        UsageError: a network has no such channel.
    """
    # Kinds of attention and widths change no block's name.
    if interface not in (cuts := cut_nodes(models[0].network)):
        raise UnknownNameError("interface", interface, cuts, "`mqn describe` lists them")
    choice = replace(choice, by="active")
    figures, maps = [], []
    for model in models:
        output, features, gates = _run(model.network, interface, picture.ldr)
        spread = features.std(axis=(1, 2), dtype=np.float64)
        chosen = choice.of(spread)
        figures.append(
            AttendedFigures(
                model=model.name,
                attention=model.attention,
                shape=(features.shape[1], features.shape[2], features.shape[0]),
                chosen=chosen,
                channels=tuple(
                    ChannelActivity(
                        mean=float(values.mean(dtype=np.float64)),
                        spread=float(spread[channel]),
                        largest=float(np.abs(values).max()),
                        gate=None if gates is None else float(gates[channel % len(gates)].mean(dtype=np.float64)),
                    )
                    for channel, values in enumerate(features)
                ),
            )
        )
        maps.append(
            AttendedMaps(
                light=np.asarray(decode(output.transpose(1, 2, 0), model.codec)),
                features=np.stack([features[channel] for channel in chosen]),
                gates=gates,
            )
        )
    return AttentionView(
        figures=AttentionFigures(
            interface=interface, picture=picture.name, chosen_by=choice.words, models=tuple(figures)
        ),
        ldr=picture.ldr,
        maps=tuple(maps),
    )


def _run(network: MQN, interface: str, ldr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Output (3, S, S), features (C, H, W) and gates, see `AttendedMaps`."""
    block = network.get_submodule("backbone" if interface == INTERFACE else interface)
    attention = getattr(block, "attention", None)
    features: list[Tensor] = []
    gates: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda _module, _inputs, output: features.append(output))]
    if attention is not None:
        # Every kind multiplies by sigmoids and by nothing else.
        hooks += [
            module.register_forward_hook(lambda _module, _inputs, output: gates.append(output))
            for module in attention.modules()
            if isinstance(module, nn.Sigmoid)
        ]
    try:
        with torch.inference_mode():
            output = network(torch.from_numpy(np.ascontiguousarray(ldr.transpose(2, 0, 1)))[None])
    finally:
        for hook in hooks:
            hook.remove()
    gate = None
    for one in gates:
        gate = one if gate is None else gate * one
    return output[0].numpy(), features[0][0].numpy(), None if gate is None else gate[0].numpy()
