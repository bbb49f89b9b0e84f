"""IRNet's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class IRNetArch(Arch):
    """IRNet at any width and with any number of blocks.

    Attributes:
        features: channels, even, 16 to 1024; those of IRNet-2 are 64.
        blocks: improved residual blocks, 1 to 16; the paper's IRNet-2 has 2, its IRNet-1 one.
        weights: `random`, or the path of a state dict of this network.
    """

    family: str = "irnet"
    features: int = ranged(64, 16, 1024, even=True)
    blocks: int = ranged(2, 1, 16)
    weights: str = weights_file()


def _build(arch: IRNetArch) -> nn.Module:
    from mqn.families.irnet.network import IRNet

    return IRNet(arch.features, arch.blocks)


FAMILY = Family(
    name="irnet",
    title="IRNet",
    arch=IRNetArch,
    label=lambda arch: f"f{arch.features} x{arch.blocks}",
    labelled=frozenset({"features", "blocks"}),
    build=_build,
    load_weights=load_whole,
    cut="c",
    codecs=("gamma", "light"),
)
