"""HDRCNN's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class HDRCNNArch(Arch):
    """HDRCNN, as wide as its paper has it or otherwise.

    Attributes:
        width: multiplies the channels of all layers but the last two; 1 is the paper's.
        weights: `random`, or the path of a state dict of the network of this width.
    """

    stride: ClassVar[int] = 32

    family: str = "hdrcnn"
    width: float = ranged(1.0, 0, 2)
    weights: str = weights_file()


def _build(arch: HDRCNNArch) -> nn.Module:
    from mqn.families.hdrcnn.network import HDRCNN

    return HDRCNN(arch.width)


FAMILY = Family(
    name="hdrcnn",
    title="HDRCNN",
    arch=HDRCNNArch,
    label=lambda arch: f"w{arch.width:g}",
    labelled=frozenset({"width"}),
    build=_build,
    load_weights=load_whole,
    cut="backbone",
    codecs=("light",),
)
