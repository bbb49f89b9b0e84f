"""Layers that only some families have: the twin computes what torch computes, or names what it cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mqn.errors import ExportError
from mqn.export.twin.twin import build_twin
from mqn.networks.curves import apply_curve

pytestmark = pytest.mark.integration

SIZE = 12


def apart(network: nn.Module) -> float:
    network.eval()
    picture = np.random.default_rng(0).random((2, SIZE, SIZE, 3), dtype=np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    found = np.asarray(build_twin(network, SIZE, batch_size=None).model(picture))
    assert found.shape == expected.shape
    assert expected.std() > 1e-2
    return float(np.abs(found - expected).max())


Pair = int | tuple[int, int]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(4, 2, 1), (2, 2, 0), (3, 2, 0), (3, 1, 1), (6, 2, 2), ((4, 3), (2, 1), 1), (5, 3, 1)],
)
def test_a_transposed_convolution(kernel: Pair, stride: Pair, padding: Pair, bias: bool) -> None:
    torch.manual_seed(0)
    assert apart(nn.Sequential(nn.ConvTranspose2d(3, 5, kernel, stride, padding, bias=bias))) < 1e-5


def test_a_transposed_convolution_takes_a_norm_in() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(5)
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    nn.init.uniform_(norm.weight, -2, 2)
    nn.init.normal_(norm.bias)
    assert apart(nn.Sequential(nn.ConvTranspose2d(3, 5, 4, 2, 1), norm, nn.ReLU())) < 1e-5


@pytest.mark.parametrize(
    "conv",
    [
        nn.ConvTranspose2d(3, 3, 4, 2, 1, groups=3),
        nn.ConvTranspose2d(3, 3, 3, 1, 2, dilation=2),
        nn.ConvTranspose2d(3, 3, 3, 2, 1, output_padding=1),
        nn.ConvTranspose2d(3, 3, 4, 2, 2),
        nn.ConvTranspose2d(3, 3, 1, 2),
    ],
)
def test_other_transposed_convolutions_are_refused(conv: nn.ConvTranspose2d) -> None:
    with pytest.raises(ExportError, match="cannot export a transposed convolution of"):
        build_twin(nn.Sequential(conv), SIZE)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 2), nn.MaxPool2d((2, 3), (1, 2))])
def test_a_max_pooling(pool: nn.MaxPool2d) -> None:
    assert apart(nn.Sequential(pool)) == 0


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(5, ceil_mode=True), nn.MaxPool2d(2, dilation=2)])
def test_other_max_poolings_are_refused(pool: nn.MaxPool2d) -> None:
    with pytest.raises(ExportError, match="cannot export a max pooling that pads"):
        build_twin(nn.Sequential(pool), SIZE)


@pytest.mark.parametrize("affine", [False, True])
def test_a_norm_behind_an_activation(affine: bool) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(5, affine=affine)
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    if affine:
        nn.init.uniform_(norm.weight, -2, 2)
        nn.init.normal_(norm.bias)
    assert apart(nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), norm)) < 1e-6


class _Curved(nn.Module):
    """A picture through a curve of its own, of so many samples, also beyond both ends of the curve."""

    def __init__(self, samples: int) -> None:
        super().__init__()
        self.samples = nn.Conv2d(3, samples, 1)

    def forward(self, x: Tensor) -> Tensor:
        return apply_curve(x * 1.5 - 0.25, self.samples(x.mean((2, 3), keepdim=True)))


@pytest.mark.parametrize("samples", [2, 5, 1024])
def test_a_curve_that_the_network_predicts(samples: int) -> None:
    torch.manual_seed(0)
    # Between samples that differ by 1, a 1,023rd of a pixel's value apart, rounding counts a thousandfold.
    assert apart(_Curved(samples)) < 1e-6 * samples


class _Fixed(nn.Module):
    """A picture through a curve that it does not decide."""

    def __init__(self) -> None:
        super().__init__()
        self.curve = nn.Parameter(torch.rand(1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return apply_curve(x, self.curve)


def test_a_curve_that_is_a_constant_is_refused() -> None:
    with pytest.raises(ExportError, match="cannot export a look-up of a constant, or in a curve that no picture"):
        build_twin(_Fixed(), SIZE)


class _Functions(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        red, green, blue = x.chunk(3, 1)
        light = torch.log(torch.exp(red) + green.exp() + 0.1).log()
        return torch.maximum(light, blue.maximum(other=red))


def test_exponentials_logarithms_and_maxima() -> None:
    assert apart(_Functions()) < 1e-6


class _Floor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.floor = nn.Parameter(torch.rand(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, self.floor)


def test_a_maximum_of_a_constant_is_refused() -> None:
    with pytest.raises(ExportError, match="cannot export a maximum of a picture and a constant"):
        build_twin(_Floor(), SIZE)
