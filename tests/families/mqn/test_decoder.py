"""The decoder: a training step computes what is exported."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mqn.families.mqn.arch import Upsampling
from mqn.families.mqn.decoder import Decoder


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_a_training_step_computes_what_is_exported(upsampling: Upsampling) -> None:
    torch.manual_seed(0)
    channels = (48, 48, 96, 192, 112)
    decoder = Decoder(channels, upsampling=upsampling)
    taps = tuple(torch.rand(1, each, 64 >> scale, 64 >> scale) for scale, each in enumerate(channels, 1))
    picture = torch.rand(1, 3, 64, 64)
    for norm in decoder.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eval()  # The batch's own statistics are no part of the comparison.
    trained = decoder(taps, picture)
    torch.testing.assert_close(decoder.eval()(taps, picture), trained)
