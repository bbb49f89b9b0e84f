"""Loading a published state dict, and saying in one line why one cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mqn.errors import WeightsError
from mqn.models.torch_files import load_plain


def load_state(network: nn.Module, path: Path) -> None:
    """Load weights that must fit to the last tensor.

    Args:
        network: takes the weights.
        path: a state dict as torch writes it; no code in it is run.

    Raises:
        WeightsError: the file is missing, damaged, holds other tensors than the network's, or values that are not
            finite. Names the file and what is expected.
    """
    expected = network.state_dict()
    wanted = f"{type(network).__name__}'s state dict ({len(expected)} tensors, {_count(expected):,} values)"
    found = _read(path, wanted)
    for name, tensor in expected.items():
        if name not in found:
            raise WeightsError(f"{path} has no tensor {name}; expected is {wanted}")
        if found[name].shape != tensor.shape:
            raise WeightsError(
                f"{path}: {name} has the shape {tuple(found[name].shape)}, not {tuple(tensor.shape)}; "
                f"expected is {wanted}"
            )
        if not torch.isfinite(found[name]).all():
            raise WeightsError(f"{path}: {name} holds values that are not finite; fetch the file anew")
    if surplus := found.keys() - expected.keys():
        raise WeightsError(f"{path} has a tensor {min(surplus)} too many; expected is {wanted}")
    network.load_state_dict(found)


def _read(path: Path, wanted: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"no weights file {path}; expected is {wanted}")
    try:
        content = load_plain(path)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}; expected is {wanted}") from error
    except ValueError as error:
        raise WeightsError(f"{path} is damaged or was not written by torch; expected is {wanted}") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path} holds no table of tensors; expected is {wanted}")
    return content


def _count(state: dict[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in state.values())
