"""A network of a team's own, outside the package: the smallest that keeps the contract, and some that do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from mqn.families.contract import Arch, Family
from mqn.families.fields import weights_file

NAME = "tests.support.own_family:FAMILY"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnArch(Arch):
    """Fields of the network.

    Attributes:
        channels: between the two blocks.
    """

    stride: ClassVar[int] = 2

    family: str = NAME
    channels: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLoadedArch(OwnArch):
    """Fields of the network, and where its weights are.

    Attributes:
        weights: `random`, or the path of a state dict.
    """

    weights: str = weights_file()


class Own(nn.Module):
    """Two blocks at half resolution, and the picture added back."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.ReLU())
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.last = nn.ModuleDict({"conv": nn.Conv2d(channels, 3, 3, padding=1), "gate": nn.Sigmoid()})

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last["gate"](x + self.last["conv"](self.up(self.body(x))))
        return y


def _build(arch: OwnArch) -> nn.Module:
    return Own(arch.channels)


FAMILY = Family(
    name=NAME,
    title="a network of two blocks",
    arch=OwnArch,
    label=lambda arch: f"c{arch.channels}",
    labelled=frozenset({"channels"}),
    build=_build,
    cut="body",
    codecs=("log", "pq"),
)

ALIAS = FAMILY


class HalfSize(Own):
    """Forgets its last upsampling."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[..., ::2, ::2]


class Branching(Own):
    """Decides by what it sees."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.mean() > 0 else x


class Idle(Own):
    """Has a layer that nothing goes through."""

    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Conv2d(3, 3, 1)


def build_half_size(_arch: OwnArch) -> nn.Module:
    return HalfSize()


def build_branching(_arch: OwnArch) -> nn.Module:
    return Branching()


def build_idle(_arch: OwnArch) -> nn.Module:
    return Idle()


def build_unseeded(_arch: OwnArch) -> nn.Module:
    network = Own()
    with torch.no_grad():
        network.body[0].weight.normal_(generator=torch.Generator().manual_seed(torch.seed() % 2**31))  # type: ignore[operator]
    return network


BROKEN_NAME = "tests.support.own_family:BROKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenArch(OwnArch):
    """Fields of a network with an idle layer."""

    family: str = BROKEN_NAME


BROKEN = replace(FAMILY, name=BROKEN_NAME, arch=BrokenArch, build=build_idle)
