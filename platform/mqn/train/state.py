"""A training between two epochs: everything that the next epoch depends on, kept in `resume.pt`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch.optim import Adam

from mqn.errors import ConfigError, TrainingError, WeightsError
from mqn.models import checkpoint
from mqn.models.mqn import MQN, assemble, build
from mqn.parsing import from_mapping, to_plain
from mqn.records import Arch, Training
from mqn.train.arithmetic import Arithmetic
from mqn.train.history import EpochReport


class DamagedError(WeightsError):
    """A `resume.pt` that was cut short, or is not what `keep` wrote: nothing can go on from it."""


@dataclass(slots=True, kw_only=True)
class TrainingState:
    """The network, its optimizer, and the epochs behind it. Random generators are torch's own."""

    model: MQN
    optimizer: Adam
    history: list[EpochReport] = field(default_factory=list)


def begin(arch: Arch, training: Training, arithmetic: Arithmetic) -> TrainingState:
    """A training that has not begun.

    Raises:
        WeightsError: the encoder's weights cannot be had.
    """
    return _with_optimizer(build(arch), training, arithmetic)


def resume(path: Path, arch: Arch, training: Training, data: str, arithmetic: Arithmetic) -> TrainingState:
    """Take a training up where `keep` left it, random generators included.

    Args:
        path: `resume.pt`.
        arch: must be the one it was begun with.
        training: must be the one it was begun with, but for the number of epochs.
        data: hash of the dataset, likewise.
        arithmetic: where to compute.

    Raises:
        TrainingError: the file belongs to another training.
        DamagedError: the file is damaged.
        WeightsError: it cannot be read.
    """
    try:
        content = checkpoint.read(path)
    except WeightsError as error:
        if isinstance(error.__cause__, OSError):
            raise
        raise DamagedError(f"{path} is damaged, and no training can go on from it") from error
    if content.get("identity") != _identity(arch, training, data):
        raise TrainingError(
            f"{path} belongs to another training (network, settings or data); delete it, or train elsewhere"
        )
    state = _with_optimizer(assemble(arch), training, arithmetic)
    try:
        state.model.load_state_dict(content["model"])
        state.optimizer.load_state_dict(content["optimizer"])
        state.history = [from_mapping(EpochReport, report, source=str(path)) for report in content["history"]]
        torch.set_rng_state(content["rng"])
        if arithmetic.device.type == "cuda" and content["cuda_rng"]:
            torch.cuda.set_rng_state_all(content["cuda_rng"])
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, AssertionError, ConfigError) as error:
        raise DamagedError(f"{path} is damaged, and no training can go on from it") from error
    return state


def keep(path: Path, state: TrainingState, arch: Arch, training: Training, data: str) -> None:
    """Write `resume.pt`; the parameters are those of `resume`."""
    checkpoint.write(
        path,
        {
            "identity": _identity(arch, training, data),
            "model": state.model.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "history": to_plain(state.history),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
    )


def _identity(arch: Arch, training: Training, data: str) -> dict[str, Any]:
    # How long a training lasts changes none of its epochs: it may be lengthened.
    return {"arch": to_plain(arch), "training": to_plain(replace(training, epochs=1)), "data": data}


def _with_optimizer(model: MQN, training: Training, arithmetic: Arithmetic) -> TrainingState:
    arithmetic.place_module(model)
    return TrainingState(model=model, optimizer=Adam(model.parameters(), lr=training.learning_rate, fused=True))
