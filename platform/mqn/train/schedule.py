"""The learning rate over epochs."""

from __future__ import annotations

from torch.optim import Optimizer


def learning_rate(epoch: int, *, initial: float, decay: float, decay_epochs: int) -> float:
    """A staircase: `initial`, times `decay` after every `decay_epochs` epochs (section 4.1 of the paper).

    Args:
        epoch: 0 for the first.
        initial: of the first epochs.
        decay: factor, in (0, 1].
        decay_epochs: length of a stair.
    """
    return float(initial * decay ** (epoch // decay_epochs))


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Use a learning rate from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = rate
