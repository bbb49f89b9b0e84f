"""A training between two epochs: everything that the next epoch depends on, kept in `resume.pt`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam

from mqn.errors import ConfigError, TrainingError, WeightsError
from mqn.families.contract import build_network, find_family
from mqn.models import checkpoint
from mqn.parsing import from_mapping, to_plain
from mqn.records import Arch, Training
from mqn.train.arithmetic import Arithmetic


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """One epoch of a training; the first is 1.

    Losses are means over its training pictures; only `loss`, their sum, is weighted. `features` is None where VGG16
    took no part. `val_psnr_tm` is in dB. `seconds` is wall time, validation included; for `waited_seconds` of it the
    training waited for pairs. `precision` is the arithmetic that the forward pass really used.
    """

    epoch: int
    epochs: int
    loss: float
    l1: float
    l2: float
    cosine: float
    features: float | None
    val_loss: float
    val_psnr_tm: float
    learning_rate: float
    seconds: float
    waited_seconds: float
    device: str
    precision: str

    @property
    def shown(self) -> str:
        """The epoch in a line for a person."""
        return (
            f"epoch {self.epoch} of {self.epochs}: loss {self.loss:.4g}, validation loss {self.val_loss:.4g}, "
            f"{self.val_psnr_tm:.2f} dB, {self.seconds:.1f} s on {self.device}, {self.waited_seconds:.1f} s of it "
            "waiting for pairs"
        )


class DamagedError(WeightsError):
    """A `resume.pt` that was cut short, or is not what `keep` wrote: nothing can go on from it."""


@dataclass(slots=True, kw_only=True)
class TrainingState:
    """A network, its optimizer, and the epochs behind it. Random generators are torch's own.

    Attributes:
        model: the network.
        optimizer: of all its parameters.
        frozen: the submodule that `training.frozen_epochs` is about; None: the family freezes nothing.
        history: a report an epoch.
    """

    arch: Arch
    training: Training
    data: str
    arithmetic: Arithmetic
    model: nn.Module
    optimizer: Adam = field(init=False)
    history: list[EpochReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Place the network, and make its optimizer."""
        self.arithmetic.place_module(self.model)
        self.optimizer = Adam(self.model.parameters(), lr=self.training.learning_rate, fused=True)

    @property
    def identity(self) -> dict[str, Any]:
        """What a training that goes on from this one has in common with it: all but the number of epochs."""
        training = to_plain(replace(self.training, epochs=1))
        return {"arch": self.arch.identity(), "training": training, "data": self.data}

    def keep(self, path: Path) -> None:
        """Write `resume.pt`."""
        checkpoint.write(
            path,
            {
                "identity": self.identity,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "history": to_plain(self.history),
                "rng": torch.get_rng_state(),
                "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            },
        )


def _identity_of(content: dict[str, Any]) -> Any:
    """The identity that a file holds. A setting that did not exist when it was written has its default."""
    identity = content.get("identity")
    try:
        training = from_mapping(Training, identity["training"], source="resume.pt")  # type: ignore[index]
    except (LookupError, TypeError, ConfigError):
        return identity
    return {**identity, "training": to_plain(training)}  # type: ignore[dict-item]


def begin(arch: Arch, training: Training, data: str, arithmetic: Arithmetic) -> TrainingState:
    """A training that has not begun.

    Raises:
        WeightsError: the weights that it starts from cannot be had.
    """
    model = build_network(arch)
    return TrainingState(arch=arch, training=training, data=data, arithmetic=arithmetic, model=model)


def resume(path: Path, arch: Arch, training: Training, data: str, arithmetic: Arithmetic) -> TrainingState:
    """Take a training up where `TrainingState.keep` left it, random generators included.

    Raises:
        TrainingError: the file belongs to another training.
        DamagedError: the file is damaged.
        WeightsError: it cannot be read.
    """
    damaged = f"{path} is damaged, and no training can go on from it"
    try:
        content = checkpoint.read(path)
    except WeightsError as error:
        if isinstance(error.__cause__, OSError):
            raise
        raise DamagedError(damaged) from error
    model = find_family(arch.family).build(arch)
    state = TrainingState(arch=arch, training=training, data=data, arithmetic=arithmetic, model=model)
    if _identity_of(content) != state.identity:
        raise TrainingError(
            f"{path} belongs to another training (network, settings or data); delete it, or train elsewhere"
        )
    try:
        state.model.load_state_dict(content["model"])
        state.optimizer.load_state_dict(content["optimizer"])
        state.history = [from_mapping(EpochReport, report, source=str(path)) for report in content["history"]]
        torch.set_rng_state(content["rng"])
        if arithmetic.device.type == "cuda" and content["cuda_rng"]:
            torch.cuda.set_rng_state_all(content["cuda_rng"])
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, AssertionError, ConfigError) as error:
        raise DamagedError(damaged) from error
    return state
