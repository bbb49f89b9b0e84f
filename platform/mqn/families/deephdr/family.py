"""DeepHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepHDRArch(Arch):
    """DeepHDR can be made narrower.

    Attributes:
        features: channels of the finest scale, 1 to 256; 64 is the paper's. Coarser scales have up to 8 times as many.
        weights: `random`, or the path of a state dict of this network.
    """

    stride: ClassVar[int] = 128

    family: str = "deephdr"
    features: int = ranged(64, 1, 256)
    weights: str = weights_file()


def _build(arch: DeepHDRArch) -> nn.Module:
    from mqn.families.deephdr.network import DeepHDR

    return DeepHDR(arch.features)


FAMILY = Family(
    name="deephdr",
    title="DeepHDR",
    arch=DeepHDRArch,
    label=lambda arch: f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=load_whole,
    cut="body",
    codecs=("light",),
)
