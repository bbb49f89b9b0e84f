"""Losses, on pictures whose differences one can work out by hand."""

from __future__ import annotations

import pytest
import torch

from mqn.hdr.reach import REACHABLE
from mqn.networks.vgg import load_vgg16
from mqn.train.losses import TrainingLoss, cosine_distance, feature_reconstruction, root_mean_square

GREY = torch.full((2, 3, 8, 8), 0.5)


def test_l1_and_l2_of_a_constant_difference_are_that_difference_whatever_the_size() -> None:
    for size in (4, 8):
        truth = torch.full((1, 3, size, size), 0.5)
        terms = TrainingLoss()(truth + 0.1, truth)
        assert terms["l1"].item() == pytest.approx(0.1, abs=1e-6)
        assert terms["l2"].item() == pytest.approx(0.1, abs=1e-6)


def test_l2_is_a_norm_of_each_picture() -> None:
    output = GREY.clone()
    output[0] += 0.3  # the other picture agrees
    assert root_mean_square(output, GREY).item() == pytest.approx(0.15)


def test_l2_has_a_finite_gradient_where_pictures_agree() -> None:
    output = GREY.clone().requires_grad_()
    root_mean_square(output, GREY).backward()
    assert output.grad is not None
    assert torch.equal(output.grad, torch.zeros_like(GREY))


def test_cosine_is_taken_pixel_by_pixel() -> None:
    truth = torch.zeros(1, 3, 1, 2)
    truth[0, 0] = 1.0  # both pixels red
    output = torch.zeros(1, 3, 1, 2)
    output[0, 0, 0, 0] = 0.2  # red again, darker: no distance
    output[0, 1, 0, 1] = 0.7  # green: at a right angle
    assert cosine_distance(output, truth).item() == pytest.approx(0.5)


def test_total_is_equation_2() -> None:
    torch.manual_seed(0)
    output, truth = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    extractor = load_vgg16("random", (1, 2))
    loss = TrainingLoss({"l1": 2, "l2": 3, "cosine": 5, "features": 7}, extractor=extractor)
    terms = loss(output, truth)
    expected = 2 * terms["l1"] + 3 * terms["l2"] + 5 * terms["cosine"] + 7 * terms["features"]
    torch.testing.assert_close(terms["loss"], expected)


def test_features_without_weight_are_not_computed() -> None:
    terms = TrainingLoss(extractor=load_vgg16("random", (1,)))(GREY, GREY)
    assert "features" not in terms
    with pytest.raises(ValueError, match="an extractor is needed"):
        TrainingLoss({"l1": 1, "l2": 1, "cosine": 1, "features": 0.05})


def test_features_see_pictures_that_span_the_whole_range() -> None:
    class Recorder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[float, float]] = []

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            self.seen.append((x.min().item(), x.max().item()))
            return [x * 255.0, x * 510.0]

    recorder = Recorder()
    low, high = REACHABLE
    output, truth = torch.full((1, 3, 2, 2), low), torch.full((1, 3, 2, 2), high)
    distance = feature_reconstruction(recorder, output, truth)  # type: ignore[arg-type]
    torch.testing.assert_close(torch.tensor(recorder.seen), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    assert distance.item() == pytest.approx(1.0 + 2.0, abs=1e-5)


def test_losses_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        terms = TrainingLoss()(GREY.bfloat16() + 0.25, GREY)
    assert terms["loss"].dtype == torch.float32
    assert terms["l1"].item() == pytest.approx(0.25)


def test_a_shift_of_the_whole_picture_counts_less_the_more_invariant_the_losses_are() -> None:
    truth = torch.full((2, 3, 4, 4), 0.5)
    shifted = truth + torch.tensor([0.1, -0.2]).view(2, 1, 1, 1)
    for share, expected in ((0.0, 0.15), (0.8, 0.03), (1.0, 0.0)):
        terms = TrainingLoss(scale_invariance=share)(shifted, truth)
        assert float(terms["l1"]) == pytest.approx(expected, abs=1e-6)
        assert float(terms["l2"]) == pytest.approx(expected, abs=1e-6)


def test_differences_from_place_to_place_count_in_full() -> None:
    truth = torch.full((1, 3, 2, 2), 0.5)
    output = truth + torch.tensor([[0.1, -0.1], [0.1, -0.1]])
    assert float(TrainingLoss(scale_invariance=1.0)(output, truth)["l1"]) == pytest.approx(0.1, abs=1e-6)
