"""FHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class FHDRArch(Arch):
    """FHDR at any width and with any number of iterations.

    Attributes:
        features: channels between the blocks, even; the paper's are 64. Dense blocks grow by half as many.
        iterations: how often the feedback block runs; the paper's best network has 2. They share one set of weights.
        weights: `random`, or the path of its authors' state dict, which has 64 features.
    """

    stride: ClassVar[int] = 2

    family: str = "fhdr"
    features: int = ranged(64, 2, 1024, even=True)
    iterations: int = ranged(2, 1, 16)
    weights: str = weights_file()


def _build(arch: FHDRArch) -> nn.Module:
    from mqn.families.fhdr.network import FHDR

    return FHDR(arch.features, arch.iterations)


FAMILY = Family(
    name="fhdr",
    title="FHDR",
    arch=FHDRArch,
    label=lambda arch: f"f{arch.features} x{arch.iterations}",
    labelled=frozenset({"features", "iterations"}),
    build=_build,
    load_weights=load_whole,
    cut="hrb1",
    codecs=("light", "gamma"),
)
