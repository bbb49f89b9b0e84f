"""Which layers of the part that a family freezes learn in an epoch.

As MQN's authors trained: the part stays as it was loaded for some epochs, then its convolutions are freed from the
back, 5 % more every 5 epochs; its batch norms, their statistics included, never change.
"""

from __future__ import annotations

import math

from torch import nn

FREED_PERCENT = 5
EPOCHS_BETWEEN = 5


def freed_layers(epoch: int, *, frozen_epochs: int, layers: int) -> int:
    """Say how many of some layers learn in an epoch, counted from the back. The first epoch is 0.

    None learns during `frozen_epochs`; with 0, all learn from the start.
    """
    if frozen_epochs == 0:
        return layers
    if epoch < frozen_epochs:
        return 0
    times = 1 + (epoch - frozen_epochs) // EPOCHS_BETWEEN
    return min(layers, math.ceil(FREED_PERCENT * times * layers / 100))


def apply_freezing(part: nn.Module, epoch: int, frozen_epochs: int) -> None:
    """Set which of a part's layers learn in this epoch.

    Call it after `model.train()`, which lets batch norms learn again. With `frozen_epochs` 0 everything learns.
    """
    if frozen_epochs == 0:
        return
    convolutions = [module for module in part.modules() if isinstance(module, nn.Conv2d)]
    freed = freed_layers(epoch, frozen_epochs=frozen_epochs, layers=len(convolutions))
    part.requires_grad_(requires_grad=False)
    for convolution in convolutions[len(convolutions) - freed :]:
        convolution.requires_grad_(requires_grad=True)
    for module in part.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
