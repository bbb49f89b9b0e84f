"""DeepHDR's masks, and what it does where nothing is over-exposed and where all is."""

from __future__ import annotations

import torch
from torch import nn

from mqn.families.deephdr.network import SATURATED, DeepHDR, double, next_mask


def test_a_mask_is_a_mean_under_the_kernels_absolute_values() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 3, 3, 2, 1, bias=False)
    block = nn.Sequential(convolution, nn.ReLU())
    mask = torch.rand(1, 2, 9, 9)
    found = next_mask(block, mask)
    weights = convolution.weight.abs()
    expected = (weights[1] * mask[0, :, 3:6, 5:8]).sum() / weights[1].sum()
    torch.testing.assert_close(found[0, 1, 2, 3], expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(next_mask(block, torch.ones(1, 2, 9, 9))[..., 1:-1, 1:-1], torch.ones(1, 3, 3, 3))
    assert not found.requires_grad


def test_masks_follow_the_weights_at_once() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 3, 3, padding=1, bias=False)
    block = nn.Sequential(convolution)
    mask = torch.rand(1, 2, 6, 6)
    before = next_mask(block, mask)
    with torch.no_grad():
        convolution.weight[:, 0] *= 3
    assert (next_mask(block, mask) - before).abs().max() > 0.01


@torch.no_grad()
def test_only_what_is_over_exposed_is_the_networks() -> None:
    torch.manual_seed(0)
    network = DeepHDR(2).eval()
    x = torch.rand(1, 3, 128, 128) * SATURATED
    torch.testing.assert_close(network(x), x * x)
    x[..., 40:80, 40:80] = 1
    said = network.head(torch.cat((double(network.body(x)), x), 1)).exp() - 1
    torch.testing.assert_close(network(x)[..., 40:80, 40:80], said[..., 40:80, 40:80], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_is_over_exposed_adds_nothing_of_its_own() -> None:
    network = DeepHDR(2).eval()
    assert float(network.body(torch.ones(1, 3, 128, 128)).abs().max()) == 0
