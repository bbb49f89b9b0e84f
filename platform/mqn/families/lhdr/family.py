"""LHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import RANDOM, Arch, Family

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
    weights: str = RANDOM


def _build(_arch: LHDRArch) -> nn.Module:
    from mqn.families.lhdr.network import LHDR

    return LHDR()


def _load_weights(network: nn.Module, arch: LHDRArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="lhdr",
    title="LHDR",
    arch=LHDRArch,
    label=lambda _: "",
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="mlp",
    codecs=("gamma",),
)
