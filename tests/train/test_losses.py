"""Losses, on pictures whose differences one can work out by hand."""

from __future__ import annotations

import pytest
import torch

from mqn.hdr.reach import REACHABLE
from mqn.networks.vgg import load_vgg16
from mqn.train.losses import (
    TrainingLoss,
    clipped_weights,
    cosine_distance,
    feature_reconstruction,
    root_mean_square,
)

GREY = torch.full((2, 3, 8, 8), 0.5)


def test_l1_and_l2_of_a_constant_difference_are_that_difference_whatever_the_size() -> None:
    for size in (4, 8):
        truth = torch.full((1, 3, size, size), 0.5)
        terms = TrainingLoss()(truth + 0.1, truth, truth)
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
    terms = loss(output, truth, truth)
    expected = 2 * terms["l1"] + 3 * terms["l2"] + 5 * terms["cosine"] + 7 * terms["features"]
    torch.testing.assert_close(terms["loss"], expected)


def test_features_without_weight_are_not_computed() -> None:
    terms = TrainingLoss(extractor=load_vgg16("random", (1,)))(GREY, GREY, GREY)
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
        terms = TrainingLoss()(GREY.bfloat16() + 0.25, GREY, GREY)
    assert terms["loss"].dtype == torch.float32
    assert terms["l1"].item() == pytest.approx(0.25)


def test_a_shift_of_the_whole_picture_counts_less_the_more_invariant_the_losses_are() -> None:
    truth = torch.full((2, 3, 4, 4), 0.5)
    shifted = truth + torch.tensor([0.1, -0.2]).view(2, 1, 1, 1)
    for share, expected in ((0.0, 0.15), (0.8, 0.03), (1.0, 0.0)):
        terms = TrainingLoss(scale_invariance=share)(shifted, truth, truth)
        assert float(terms["l1"]) == pytest.approx(expected, abs=1e-6)
        assert float(terms["l2"]) == pytest.approx(expected, abs=1e-6)


def test_differences_from_place_to_place_count_in_full() -> None:
    truth = torch.full((1, 3, 2, 2), 0.5)
    output = truth + torch.tensor([[0.1, -0.1], [0.1, -0.1]])
    assert float(TrainingLoss(scale_invariance=1.0)(output, truth, truth)["l1"]) == pytest.approx(0.1, abs=1e-6)


def _clipped_on_the_left(size: int = 8) -> torch.Tensor:
    """A quarter of the picture has a clipped channel, the blue one."""
    ldr = torch.full((1, 3, size, size), 0.5)
    ldr[:, 2, :, : size // 4] = 1.0
    return ldr


def test_a_pixel_with_a_clipped_channel_weighs_more_and_the_picture_as_much() -> None:
    weights = clipped_weights(_clipped_on_the_left(), 4.0)
    assert weights.shape == (1, 1, 8, 8)
    # A quarter counts 4 and the rest 1: 1.75 on average.
    torch.testing.assert_close(weights[0, 0, 0], torch.tensor([4.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) / 1.75)
    for whole in (GREY, torch.ones_like(GREY)):
        torch.testing.assert_close(clipped_weights(whole, 4.0), torch.ones(2, 1, 8, 8))


def test_what_is_nearly_clipped_weighs_between() -> None:
    ldr = torch.tensor([0.5, 0.94, 0.97, 1.0]).expand(1, 3, 1, 4)
    weights = clipped_weights(ldr, 3.0)[0, 0, 0]
    torch.testing.assert_close(weights / weights[0], torch.tensor([1.0, 1.0, 2.0, 3.0]))


def test_errors_count_by_the_weight_of_their_pixels() -> None:
    ldr, truth = _clipped_on_the_left(), torch.full((1, 3, 8, 8), 0.5)
    clipped = (ldr == 1).any(1, keepdim=True)
    for wrong, share in ((clipped, 4 * 0.25 / 1.75), (~clipped, 0.75 / 1.75)):
        terms = TrainingLoss(clipped_weight=4.0)(truth + 0.1 * wrong, truth, ldr)
        assert terms["l1"].item() == pytest.approx(0.1 * share, rel=1e-5)
        assert terms["l2"].item() == pytest.approx(0.1 * share**0.5, rel=1e-5)
    red, green = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    red[:, 0], green[:, 1] = 1.0, 1.0
    terms = TrainingLoss(clipped_weight=4.0)(torch.where(clipped, green, red), red, ldr)
    assert terms["cosine"].item() == pytest.approx(4 * 0.25 / 1.75, rel=1e-5)


def test_features_count_by_the_mean_weight_below_them() -> None:
    def halved(picture: torch.Tensor) -> list[torch.Tensor]:
        return [torch.nn.functional.avg_pool2d(picture, 4) * 255.0]

    ldr, truth = _clipped_on_the_left(), torch.full((1, 3, 8, 8), 0.5)
    output = truth.clone()
    output[..., :4] += 0.1  # the left column of features: half of its pixels are clipped
    distance = feature_reconstruction(halved, output, truth, (0.0, 1.0), clipped_weights(ldr, 4.0))  # type: ignore[arg-type]
    assert distance.item() == pytest.approx(0.1 * 0.5 * (4 + 1) / 2 / 1.75, rel=1e-5)


def test_without_a_weight_the_input_says_nothing() -> None:
    torch.manual_seed(0)
    output, truth, ldr = torch.rand(3, 2, 3, 8, 8)
    plain, again = TrainingLoss()(output, truth, ldr), TrainingLoss()(output, truth, torch.ones_like(ldr))
    assert all(torch.equal(plain[name], again[name]) for name in plain)
    assert plain["l1"].item() == pytest.approx((output - truth).abs().mean().item())
    assert TrainingLoss(clipped_weight=9.0)(output, truth, ldr)["l1"] != plain["l1"]
