"""TwoStage's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStageArch(Arch):
    """TwoStage can be made narrower.

    Attributes:
        features: channels of both stages, even, 2 to 256; 64 is the paper's. Dense blocks grow by half as many.
        weights: `random`, or the path of a state dict of this network.
    """

    family: str = "twostage"
    features: int = ranged(64, 2, 256, even=True)
    weights: str = weights_file()


def _build(arch: TwoStageArch) -> nn.Module:
    from mqn.families.twostage.network import TwoStage

    return TwoStage(arch.features)


FAMILY = Family(
    name="twostage",
    title="TwoStage",
    arch=TwoStageArch,
    label=lambda arch: f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=load_whole,
    cut="enhance",
    codecs=("light", "gamma"),
)
