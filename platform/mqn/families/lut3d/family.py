"""The record of image-adaptive 3D look-up tables, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class LUT3DArch(Arch):
    """Any number of tables of any fineness.

    Attributes:
        luts: learned tables whose weighted sum a picture goes through, 1 to 32; the paper's are 3.
        bins: entries of a table along each of its three axes, 2 to 65; the paper's are 33.
        weights: `random`, or the path of a state dict of this network. The authors' two files are none.
    """

    family: str = "lut3d"
    luts: int = ranged(3, 1, 32)
    bins: int = ranged(33, 2, 65)
    weights: str = weights_file()


def _build(arch: LUT3DArch) -> nn.Module:
    from mqn.families.lut3d.network import ImageAdaptiveLUT

    return ImageAdaptiveLUT(arch.luts, arch.bins)


FAMILY = Family(
    name="lut3d",
    title="3D LUT",
    arch=LUT3DArch,
    label=lambda arch: f"{arch.luts} x {arch.bins}^3",
    labelled=frozenset({"luts", "bins"}),
    build=_build,
    load_weights=load_whole,
    cut="classifier",
    codecs=("gamma", "light"),
)
