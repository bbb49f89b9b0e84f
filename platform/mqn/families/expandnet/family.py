"""ExpandNet's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqn.families.contract import Arch, Family
from mqn.families.fields import ranged, weights_file
from mqn.families.whole_state import load_whole

if TYPE_CHECKING:
    from torch import nn

_PUBLISHED_FEATURES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandNetArch(Arch):
    """ExpandNet, as wide as its paper has it or otherwise.

    Attributes:
        features: channels of its branches; the paper's are 64.
        weights: `random`, or the path of a state dict of this width: with 64 its authors' own.
    """

    family: str = "expandnet"
    features: int = ranged(_PUBLISHED_FEATURES, 1, 256)
    weights: str = weights_file()

    def identity(self) -> dict[str, Any]:
        """As `Arch.identity`. The published width is left out, so that artifacts keep their keys from before."""
        plain = Arch.identity(self)
        if self.features == _PUBLISHED_FEATURES:
            del plain["features"]
        return plain


def _build(arch: ExpandNetArch) -> nn.Module:
    from mqn.families.expandnet.network import ExpandNet

    return ExpandNet(arch.features)


FAMILY = Family(
    name="expandnet",
    title="ExpandNet",
    arch=ExpandNetArch,
    label=lambda arch: "" if arch.features == _PUBLISHED_FEATURES else f"f{arch.features}",
    labelled=frozenset({"features"}),
    build=_build,
    load_weights=load_whole,
    cut="end_net.0",
    codecs=("light",),
)
