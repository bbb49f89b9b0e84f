"""Files of a training: `checkpoint.pt`, the trained network, and `resume.pt`, all that is needed to go on.

Both hold plain values and tensors only, and are loaded with `weights_only=True`: a file from elsewhere runs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mqn.errors import ConfigError, WeightsError
from mqn.models.mqn import MQN, assemble
from mqn.models.narrowing import channels, narrow
from mqn.models.torch_files import load_plain
from mqn.parsing import convert, from_mapping, to_plain
from mqn.publishing import writing
from mqn.records import Arch, Training

_SHOWN = 300


def save(path: Path, arch: Arch, training: Training, model: MQN) -> None:
    """Write a checkpoint: `{"arch": {...}, "training": {...}, "channels": {...}, "state": {...}}`.

    Args:
        path: the file; replaced at once and whole.
        arch: the network.
        training: how it was trained.
        model: its weights are written as contiguous CPU tensors; it may be pruned.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = {"arch": to_plain(arch), "training": to_plain(training), "channels": channels(model), "state": state}
    write(path, content)


def load(path: Path) -> tuple[Arch, Training, MQN]:
    """Read a checkpoint.

    Args:
        path: what `save` wrote.

    Returns:
        Arch, training and the network in eval mode, on the CPU. No pretrained weights are fetched.

    Raises:
        WeightsError: the file is missing, damaged, or no checkpoint.
    """
    content = read(path)
    if not {"arch", "training", "state"} <= content.keys():
        raise WeightsError(f"{path} is no checkpoint of a training; give a checkpoint.pt")
    try:
        arch = from_mapping(Arch, content["arch"], source=str(path), path="arch")
        training = from_mapping(Training, content["training"], source=str(path), path="training")
        # Without this entry a network is whole.
        pruned = convert(dict[str, int], content.get("channels", {}), source=str(path), path="channels")
        state = convert(dict[str, torch.Tensor], content["state"], source=str(path), path="state")
    except ConfigError as error:
        raise WeightsError(f"{error}; give a checkpoint.pt that a training wrote") from error
    model = assemble(arch)
    try:
        narrow(model, pruned)
        model.load_state_dict(state)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError, NotImplementedError) as error:
        raise WeightsError(f"{path}: its weights do not fit its architecture: {_one_line(error)}") from error
    return arch, training, model.eval()


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values and tensors, so that a reader sees the old file or the new one whole, never a half.

    Raises:
        DiskError: the disk is full or read-only.
    """
    # A stream of Python's own tells what the system said; torch's writer tells a line of its source.
    with writing(path) as temporary, temporary.open("wb") as stream:
        torch.save(dict(content), stream)


def read(path: Path) -> dict[str, Any]:
    """Read what `write` wrote, onto the CPU.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    try:
        content = load_plain(path)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise WeightsError(
            f"{path} is damaged, or nothing that a training wrote ({error}); give another, or train again"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no table; give a checkpoint.pt")
    return content


def _one_line(error: Exception) -> str:
    lines = str(error).split("\n") or [""]
    words = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[1].strip()}"
    return words[:_SHOWN] or type(error).__name__
