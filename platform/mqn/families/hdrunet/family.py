"""HDRUNet's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn

_MOST_FEATURES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HDRUNetArch(Arch):
    """HDRUNet at any width.

    Attributes:
        features: channels at every scale of the U-Net, even; the paper's are 64. Conditions have half as many.
        weights: `random`, or the path of its authors' state dict, which has 64 features.
    """

    stride: ClassVar[int] = 4

    family: str = "hdrunet"
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


def _build(arch: HDRUNetArch) -> nn.Module:
    from mqn.families.hdrunet.network import HDRUNet

    return HDRUNet(arch.features)


def _load_weights(network: nn.Module, arch: HDRUNetArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="hdrunet",
    title="HDRUNet",
    arch=HDRUNetArch,
    label=lambda arch: f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="SFT_layer2",
    codecs=("gamma", "light"),
)
