"""HDRUNet's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class HDRUNetArch(Arch):
    """HDRUNet at any width.

    Attributes:
        features: channels at every scale of the U-Net, even; the paper's are 64. Conditions have half as many.
        weights: `random`, or the path of its authors' state dict, which has 64 features.
    """

    stride: ClassVar[int] = 4

    family: str = "hdrunet"
    features: int = ranged(64, 2, 1024, even=True)
    weights: str = weights_file()


def _build(arch: HDRUNetArch) -> nn.Module:
    from mqn.families.hdrunet.network import HDRUNet

    return HDRUNet(arch.features)


FAMILY = Family(
    name="hdrunet",
    title="HDRUNet",
    arch=HDRUNetArch,
    label=lambda arch: f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=load_whole,
    cut="SFT_layer2",
    codecs=("gamma", "light"),
)
