"""Blocks and attentions, on tensors small enough to work out by hand."""

from __future__ import annotations

import torch

from mqn.families.mqn.attention import ChannelAttention, ChannelSpatialAttention, SpatialAttention
from mqn.families.mqn.blocks import ConvNorm, InvertedResidual
from mqn.families.mqn.decoder import scale_channels
from mqn.families.mqn.encoder import make_divisible


def test_stride_two_pads_at_the_right_and_the_bottom_only() -> None:
    block = ConvNorm(1, 1, 3, stride=2, activation="none").eval()
    torch.nn.init.zeros_(block.conv.weight)
    block.conv.weight.data[0, 0, 0, 0] = (1 + 1e-3) ** 0.5  # picks the window's top left pixel; undoes epsilon
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    torch.testing.assert_close(block(picture), torch.tensor([[[[0.0, 2.0], [8.0, 10.0]]]]))


def test_residual_only_where_shapes_agree() -> None:
    assert InvertedResidual(8, 8).residual
    assert not InvertedResidual(8, 4).residual
    assert not InvertedResidual(8, 8, stride=2).residual


def test_residual_is_added_behind_the_attention() -> None:
    block = InvertedResidual(4, 4, attention="sa").eval()
    torch.nn.init.zeros_(block.project.conv.weight)
    x = torch.rand(1, 4, 4, 4)
    torch.testing.assert_close(block(x), x)  # whatever the gate, it multiplies zero


def test_spatial_attention_has_one_gate_a_pixel() -> None:
    attention = SpatialAttention(2)
    torch.nn.init.zeros_(attention.spatial.weight)
    torch.nn.init.constant_(attention.spatial.bias, torch.logit(torch.tensor(0.25)).item())
    x = torch.rand(1, 2, 3, 3)
    torch.testing.assert_close(attention(x), 0.25 * x)


def test_channel_spatial_attention_is_equation_1() -> None:
    attention = ChannelSpatialAttention(3)
    x = torch.rand(2, 3, 5, 5)
    depthwise = torch.nn.functional.conv2d(x, attention.depthwise.weight, attention.depthwise.bias, padding=1, groups=3)
    expected = torch.sigmoid(depthwise) * torch.sigmoid(attention.spatial(x)) * x
    torch.testing.assert_close(attention(x), expected)


def test_channel_attention_sees_only_means() -> None:
    attention = ChannelAttention(4)
    x = torch.rand(1, 4, 4, 4)
    flat = x.mean((2, 3), keepdim=True)
    gates = attention(x) / x
    torch.testing.assert_close(gates, (attention(flat) / flat).expand_as(gates))


def test_channels_round_as_keras_rounds_them() -> None:
    assert [make_divisible(channels * 0.35) for channels in (32, 24, 64, 160)] == [16, 8, 24, 56]
    assert make_divisible(11.2) == 16  # 8 would be more than 10 % down


def test_decoder_channels_are_multiples_of_four() -> None:
    assert [scale_channels(channels, 0.5) for channels in (32, 24, 16, 8)] == [16, 12, 8, 4]
    assert scale_channels(8, 0.1) == 4
    assert scale_channels(24, 1.0) == 24


def test_a_training_step_in_bfloat16_strides_in_float32() -> None:
    torch.manual_seed(0)
    block = ConvNorm(4, 4, 3, stride=2, groups=4, activation="none")
    x = torch.randn(1, 4, 8, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        given = block(x)
    expected = block.norm(block.conv(block.pad(x.float())).bfloat16())
    assert given.dtype == torch.bfloat16
    torch.testing.assert_close(given, expected, atol=0.01, rtol=0.01)
