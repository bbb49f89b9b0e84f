"""Which layers of the encoder learn in an epoch.

As the authors trained: the encoder stays as it was loaded for some epochs, then its convolutions are freed from the
back, 5 % more every 5 epochs; its batch norms, their statistics included, never change.
"""

from __future__ import annotations

import math

from torch import nn

FREED_PERCENT = 5
EPOCHS_BETWEEN = 5


def freed_layers(epoch: int, *, frozen_epochs: int, layers: int) -> int:
    """How many layers learn, counted from the back.

    Args:
        epoch: 0 for the first.
        frozen_epochs: epochs in which none does; 0: all do from the start.
        layers: how many there are.
    """
    if frozen_epochs == 0:
        return layers
    if epoch < frozen_epochs:
        return 0
    times = 1 + (epoch - frozen_epochs) // EPOCHS_BETWEEN
    return min(layers, math.ceil(FREED_PERCENT * times * layers / 100))


def apply_freezing(encoder: nn.Module, epoch: int, frozen_epochs: int) -> None:
    """Set which of the encoder's layers learn in this epoch. Call it after `model.train()`, which thaws batch norms.

    Args:
        encoder: its convolutions in the order in which they run.
        epoch: 0 for the first.
        frozen_epochs: see `freed_layers`; 0 leaves the encoder as it is, batch norms learning.
    """
    if frozen_epochs == 0:
        return
    convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    freed = freed_layers(epoch, frozen_epochs=frozen_epochs, layers=len(convolutions))
    encoder.requires_grad_(requires_grad=False)
    for convolution in convolutions[len(convolutions) - freed :]:
        convolution.requires_grad_(requires_grad=True)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
