"""Files of a training: `checkpoint.pt`, the trained network, and `resume.pt`, from which the training can go on.

Both hold only plain values and tensors and are loaded with `weights_only=True`: no code in them runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mqn.errors import ConfigError, WeightsError
from mqn.families.contract import NarrowableBlock, find_family
from mqn.files.publishing import writing
from mqn.networks.torch_files import load_plain
from mqn.parsing import convert, from_mapping, to_plain
from mqn.records import Arch, Training

_SHOWN = 300


def save(path: Path, arch: Arch, training: Training, model: nn.Module) -> None:
    """Write a checkpoint: `{"arch": {...}, "training": {...}, "channels": {...}, "state": {...}}`.

    The file is replaced at once and whole. The network may be pruned; `channels` says what is left of its blocks.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    channels = {name: block.projection.in_channels for name, block in _blocks(arch, model).items()}
    content = {"arch": to_plain(arch), "training": to_plain(training), "channels": channels, "state": state}
    write(path, content)


def load(path: Path) -> tuple[Arch, Training, nn.Module]:
    """Read what `save` wrote: arch, training, and the network in eval mode on the CPU. Nothing is downloaded.

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
    model = find_family(arch.family).build(arch)
    try:
        _narrow(_blocks(arch, model), pruned)
        model.load_state_dict(state)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError, NotImplementedError) as error:
        raise WeightsError(f"{path}: its weights do not fit its architecture: {_one_line(error)}") from error
    return arch, training, model.eval()


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values and tensors, so that a reader sees either the old file or the whole new one.

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


def _blocks(arch: Arch, model: nn.Module) -> dict[str, NarrowableBlock]:
    narrowable = find_family(arch.family).narrowable
    return narrowable(model) if narrowable else {}


def _narrow(blocks: Mapping[str, NarrowableBlock], wanted: Mapping[str, int]) -> None:
    """Give blocks as many channels inside as a pruned network has; the weights come after."""
    for name, count in wanted.items():
        if name not in blocks or not 0 < count <= (whole := blocks[name].projection.in_channels):
            raise ValueError(f"no block {name!r} with at least {count} channels")
        if count < whole:
            blocks[name].keep(torch.arange(count))


def _one_line(error: Exception) -> str:
    lines = str(error).split("\n") or [""]
    words = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[1].strip()}"
    return words[:_SHOWN] or type(error).__name__
