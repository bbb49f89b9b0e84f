"""ExpandNet's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn


_PUBLISHED_FEATURES, _MOST_FEATURES = 64, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandNetArch(Arch):
    """ExpandNet, as wide as its paper has it or otherwise.

    Attributes:
        features: channels of its branches; the paper's are 64.
        weights: `random`, or the path of a state dict of this width: with 64 its authors' own.
    """

    family: str = "expandnet"
    features: int = _PUBLISHED_FEATURES
    weights: str = RANDOM

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        Arch.__post_init__(self)
        if not 1 <= self.features <= _MOST_FEATURES:
            raise ValueError(f"features {self.features} must be in [1, {_MOST_FEATURES}]")

    def identity(self) -> dict[str, Any]:
        """As `Arch.identity`. The published width is left out, so that artifacts keep their keys from before."""
        plain = Arch.identity(self)
        if self.features == _PUBLISHED_FEATURES:
            del plain["features"]
        return plain


def _build(arch: ExpandNetArch) -> nn.Module:
    from mqn.families.expandnet.network import ExpandNet

    return ExpandNet(arch.features)


def _load_weights(network: nn.Module, arch: ExpandNetArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="expandnet",
    title="ExpandNet",
    arch=ExpandNetArch,
    label=lambda arch: "" if arch.features == _PUBLISHED_FEATURES else f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="end_net.0",
    codecs=("light",),
)
