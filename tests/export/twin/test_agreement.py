from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mqn.export.twin.agreement import TOLERANCE, allowed, distance

SHAPE = (1, 64, 64, 3)


def _noise(scale: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, scale, SHAPE)


def test_rounding_that_single_pixels_blow_up_is_no_distance() -> None:
    expected = np.full(SHAPE, 0.5)
    found = expected + _noise(4e-6)
    found[0, 3, 5] += 2e-4
    assert distance(expected, found) < TOLERANCE


@pytest.mark.parametrize("wrong", [(0, slice(0, 1)), (0, slice(None), slice(-1, None)), (0, 63, 63)])
def test_a_wrong_border_or_corner_is_one(wrong: tuple[int | slice, ...]) -> None:
    found = np.full(SHAPE, 0.5)
    found[wrong] += 3e-3
    assert distance(np.full(SHAPE, 0.5), found) > TOLERANCE


def test_something_slightly_wrong_everywhere_is_one() -> None:
    expected = np.full(SHAPE, 0.5)
    assert distance(expected, expected + _noise(3e-5)) > TOLERANCE


def test_what_is_no_number_is_no_agreement() -> None:
    assert not distance(np.zeros(SHAPE), np.full(SHAPE, np.nan)) <= TOLERANCE


class _Rounds(nn.Module):
    """Leaves its input as it is, but for the rounding of a sum."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.amount) - self.amount


@pytest.mark.parametrize(("amount", "least", "most"), [(0.0, 1, 1), (50.0, 1, 1), (400.0, 2, 9), (1e6, 10, 10)])
def test_a_network_that_rounding_moves_further_may_differ_more_but_not_by_any_amount(
    amount: float, least: float, most: float
) -> None:
    network = _Rounds(amount).eval()
    picture = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    found = network(torch.from_numpy(picture.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    assert least * TOLERANCE <= allowed(network, picture, found) <= most * TOLERANCE
