"""ExpandNet's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandNetArch(Arch):
    """ExpandNet has one size.

    Attributes:
        weights: `random`, or the path of its authors' state dict.
    """

    family: str = "expandnet"
    weights: str = RANDOM


def _build(_arch: ExpandNetArch) -> nn.Module:
    from mqn.families.expandnet.network import ExpandNet

    return ExpandNet()


def _load_weights(network: nn.Module, arch: ExpandNetArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="expandnet",
    title="ExpandNet",
    arch=ExpandNetArch,
    label=lambda _: "",
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="end_net.0",
    codecs=("light",),
)
