"""Weights of a whole network in one file: how families load them whose field `weights` holds its path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.families.fields import RANDOM

if TYPE_CHECKING:
    from torch import nn


def load_whole(network: nn.Module, arch: Any) -> None:
    """Load the state dict that `arch.weights` names; `random` loads nothing.

    Raises:
        WeightsError: the file cannot be read, or does not fit the network.
    """
    from mqn.networks.torch_files import load_state

    if arch.weights != RANDOM:
        load_state(network, Path(arch.weights).expanduser())
