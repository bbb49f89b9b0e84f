"""TwoStage's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn

_MOST_FEATURES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStageArch(Arch):
    """TwoStage can be made narrower.

    Attributes:
        features: channels of both stages, even, 2 to 256; 64 is the paper's. Dense blocks grow by half as many.
        weights: `random`, or the path of a state dict of this network.
    """

    family: str = "twostage"
    features: int = 64
    weights: str = RANDOM

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        Arch.__post_init__(self)
        if not 2 <= self.features <= _MOST_FEATURES or self.features % 2:
            raise ValueError(f"features {self.features} must be even, and 2 to {_MOST_FEATURES}")


def _build(arch: TwoStageArch) -> nn.Module:
    from mqn.families.twostage.network import TwoStage

    return TwoStage(arch.features)


def _load_weights(network: nn.Module, arch: TwoStageArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="twostage",
    title="TwoStage",
    arch=TwoStageArch,
    label=lambda arch: f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="enhance",
    codecs=("light", "gamma"),
)
