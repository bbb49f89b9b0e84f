"""SingleHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleHDRArch(Arch):
    """SingleHDR, as wide as its paper has it or otherwise.

    Attributes:
        width: multiplies the channels of all four networks; 1 is the paper's.
        weights: `random`, or the path of a state dict of the network of this width. It holds the curves that response
            curves are made of, too: those that the network starts with are no camera's (`linearization.Response`).
    """

    stride: ClassVar[int] = 64

    family: str = "singlehdr"
    width: float = ranged(1.0, 0, 2)
    weights: str = weights_file()


def _build(arch: SingleHDRArch) -> nn.Module:
    from mqn.families.singlehdr.network import SingleHDR

    return SingleHDR(arch.width)


FAMILY = Family(
    name="singlehdr",
    title="SingleHDR",
    arch=SingleHDRArch,
    label=lambda arch: f"w{arch.width:g}",
    labelled=frozenset({"width"}),
    build=_build,
    load_weights=load_whole,
    cut="reversal",
    codecs=("light",),
)
