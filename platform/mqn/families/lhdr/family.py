"""LHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import Arch, Family
from mqn.families.fields import weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class LHDRArch(Arch):
    """LHDR has one size.

    Attributes:
        weights: `random`, or the path of its authors' state dict.
    """

    stride: ClassVar[int] = 4

    family: str = "lhdr"
    weights: str = weights_file()


def _build(_arch: LHDRArch) -> nn.Module:
    from mqn.families.lhdr.network import LHDR

    return LHDR()


FAMILY = Family(
    name="lhdr",
    title="LHDR",
    arch=LHDRArch,
    label=lambda _: "",
    build=_build,
    load_weights=load_whole,
    cut="mlp",
    codecs=("gamma",),
)
