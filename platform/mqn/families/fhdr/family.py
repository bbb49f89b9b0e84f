"""FHDR's record, and its fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mqn.families.contract import RANDOM, Arch, Family

if TYPE_CHECKING:
    from torch import nn

_MOST_FEATURES = 1024
_MOST_ITERATIONS = 16


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
    features: int = 64
    iterations: int = 2
    weights: str = RANDOM

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        Arch.__post_init__(self)
        if self.features % 2 or not 2 <= self.features <= _MOST_FEATURES:
            raise ValueError(f"features {self.features} must be even, and 2 to {_MOST_FEATURES}")
        if not 1 <= self.iterations <= _MOST_ITERATIONS:
            raise ValueError(f"iterations {self.iterations} must be 1 to {_MOST_ITERATIONS}")


def _build(arch: FHDRArch) -> nn.Module:
    from mqn.families.fhdr.network import FHDR

    return FHDR(arch.features, arch.iterations)


def _load_weights(network: nn.Module, arch: FHDRArch) -> None:
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())


FAMILY = Family(
    name="fhdr",
    title="FHDR",
    arch=FHDRArch,
    label=lambda arch: f"f{arch.features} x{arch.iterations}",
    labelled=frozenset({"features", "iterations"}),
    build=_build,
    load_weights=_load_weights,
    weight_fields=("weights",),
    cut="hrb1",
    codecs=("light", "gamma"),
)
