"""The paper's Figure 3 for any trained networks: features of one block, and what its attention multiplies them by."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mqn.errors import UnknownNameError
from mqn.families.contract import INTERFACE, Arch, Family, find_family
from mqn.features.channels import Choice
from mqn.features.views import AttendedFigures, AttendedMaps, AttentionFigures, AttentionView, ChannelActivity, Shown
from mqn.hdr.codec import decode, in_scale
from mqn.networks.graph import cut_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendedModel:
    """A trained network.

    Attributes:
        name: what it is called.
        arch: its fields.
        codec: how its output stands for linear light.
        network: in eval mode, on the CPU.
    """

    name: str
    arch: Arch
    codec: str
    network: nn.Module

    @property
    def family(self) -> Family:
        """Says where its attention is, if it has any."""
        return find_family(self.arch.family)

    @property
    def attention(self) -> str:
        """Its kind, or `none`."""
        attended = self.family.attended
        return "none" if attended is None else attended.kind(self.arch)


def look_at_attention(
    models: Sequence[AttendedModel], interface: str | None, picture: Shown, choice: Choice
) -> AttentionView:
    """Run networks on the same picture and look at the same block.

    Channels of networks that were trained apart have nothing to do with each other: each shows its own.

    Args:
        models: at least one.
        interface: the block, one of the names that `mqn describe` lists; None: where the first one's family has its
            attention, or its default cut.
        picture: sides are multiples of every family's stride.
        choice: which channels are shown; with nothing to differ from, the most active ones where none is named.

    Raises:
        UnknownNameError: the networks have no such block; names the nearest.
        UsageError: a network has no such channel.
    """
    if interface is None:
        attended = models[0].family.attended
        interface = attended.block if attended else INTERFACE
    for model in models:
        if interface not in (cuts := cut_nodes(model.network, model.family.cut)):
            raise UnknownNameError(INTERFACE, interface, cuts, "`mqn describe` lists them")
    choice = replace(choice, by="active")
    figures, maps = [], []
    for model in models:
        output, features, gates = _run(model, interface, picture.ldr)
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
                light=in_scale(decode(output.transpose(1, 2, 0), model.codec, picture.ldr), model.codec),
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


def _run(model: AttendedModel, interface: str, ldr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Output (3, S, S), features (C, H, W) and gates, see `AttendedMaps`."""
    family = model.family
    block = model.network.get_submodule(family.cut if interface == INTERFACE else interface)
    attention = getattr(block, family.attended.attention, None) if family.attended else None
    features: list[Tensor] = []
    gates: list[Tensor] = []
    sigmoids = [module for module in attention.modules() if isinstance(module, nn.Sigmoid)] if attention else []
    with contextlib.ExitStack() as hooks, torch.inference_mode():
        hooks.enter_context(block.register_forward_hook(lambda _module, _inputs, output: features.append(output)))
        for module in sigmoids:
            hooks.enter_context(module.register_forward_hook(lambda _module, _inputs, output: gates.append(output)))
        output = model.network(torch.from_numpy(np.ascontiguousarray(ldr.transpose(2, 0, 1)))[None])
    gate = functools.reduce(torch.mul, gates)[0].numpy() if gates else None
    return output[0].numpy(), features[0][0].numpy(), gate
