"""DeepHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn

_MOST_FEATURES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepHDRArch(Arch):
    """DeepHDR can be made narrower.

    Attributes:
        features: channels of the finest scale, 1 to 256; 64 is the paper's. Coarser scales have up to 8 times as many.
        weights: `random`, or the path of a state dict of this network.
    """

    stride: ClassVar[int] = 128

    family: str = "deephdr"
    features: int = 64
    weights: str = RANDOM

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        Arch.__post_init__(self)
        if not 1 <= self.features <= _MOST_FEATURES:
            raise ValueError(f"features {self.features} must be 1 to {_MOST_FEATURES}")


def _build(arch: DeepHDRArch) -> nn.Module:
    from mqn.families.deephdr.network import DeepHDR

    return DeepHDR(arch.features)


def _load_weights(network: nn.Module, arch: DeepHDRArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="deephdr",
    title="DeepHDR",
    arch=DeepHDRArch,
    label=lambda arch: f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="body",
    codecs=("light",),
)
