"""HDRCNN's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn

_WIDEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HDRCNNArch(Arch):
    """HDRCNN, as wide as its paper has it or otherwise.

    Attributes:
        width: multiplies the channels of all layers but the last two; 1 is the paper's.
        weights: `random`, or the path of a state dict of the network of this width.
    """

    stride: ClassVar[int] = 32

    family: str = "hdrcnn"
    width: float = 1.0
    weights: str = RANDOM

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        Arch.__post_init__(self)
        if not 0 < self.width <= _WIDEST:
            raise ValueError(f"width {self.width} must be in (0, {_WIDEST}]")


def _build(arch: HDRCNNArch) -> nn.Module:
    from mqn.families.hdrcnn.network import HDRCNN

    return HDRCNN(arch.width)


def _load_weights(network: nn.Module, arch: HDRCNNArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="hdrcnn",
    title="HDRCNN",
    arch=HDRCNNArch,
    label=lambda arch: f"w{arch.width:g}",
    labelled=frozenset({"width"}),
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="backbone",
    codecs=("light",),
)
