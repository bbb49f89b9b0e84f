"""Files that torch wrote, read as plain values and tensors: no code in them runs.

What torch raises on damaged bytes is not documented and differs between versions: every exception that is not a fault
of the disk means that the file is damaged.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mqn.errors import WeightsError
from mqn.faults import fault_of

_BYTES_BEYOND = 1 << 20


def load_plain(path: Path) -> Any:
    """Read a file of plain values and tensors, onto the CPU.

    Args:
        path: what `torch.save` wrote.

    Raises:
        OSError: it cannot be read.
        DiskError: the disk failed.
        ValueError: it is damaged, or holds more than values and tensors; a short line says what was wrong.
    """
    with path.open("rb"):
        pass  # A missing file is an OSError, not a damaged file.
    try:
        _require_stored(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file can ask for any amount of memory: only what the system says is a fault.
        fault = fault_of(error) if isinstance(error, OSError) else None
        raise fault or ValueError(_reason(error)) from error


def load_state(network: nn.Module, path: Path) -> None:
    """Load a state dict that must fit to the last tensor.

    Raises:
        WeightsError: the file is missing, damaged, holds other tensors than the network's, or values that are not
            finite. Names the file and what is expected.
    """
    expected = network.state_dict()
    values = sum(tensor.numel() for tensor in expected.values())
    wanted = f"{type(network).__name__}'s state dict ({len(expected)} tensors, {values:,} values)"
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


def _require_stored(path: Path) -> None:
    """Refuse a file that would be larger in memory than on disk: torch does not compress tensors."""
    if not zipfile.is_zipfile(path):
        return  # The form before torch 1.6: read straight from the file, which bounds it.
    with zipfile.ZipFile(path) as archive:
        whole = sum(info.file_size for info in archive.infolist())
    if whole > path.stat().st_size + _BYTES_BEYOND:
        raise ValueError(f"it would grow to {whole} bytes")


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split()).split(". ")[0].rstrip(".")
    return words[:200] or type(error).__name__
