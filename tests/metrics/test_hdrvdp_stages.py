"""The stages of HDR-VDP by themselves: optics, receptors, pyramid, resizing, sensitivity, masking."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from mqn.metrics.hdrvdp import taps
from mqn.metrics.hdrvdp.interpolation import interpolate
from mqn.metrics.hdrvdp.masking import Contrast, contrast, surround, visible
from mqn.metrics.hdrvdp.optics import SURROUND_NITS, filter_surrounded, radial_frequency, scatter
from mqn.metrics.hdrvdp.pyramid import correlate, decompose, levels
from mqn.metrics.hdrvdp.receptors import absorb, respond
from mqn.metrics.hdrvdp.resize import resize
from mqn.metrics.hdrvdp.sensitivity import sensitivity

CPU = torch.device("cpu")
FILTERS = [taps.high, taps.low, taps.halving, taps.oriented]


def random(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape))


def test_scattered_light_falls_around_a_lamp_and_is_lost_to_the_dark_surround() -> None:
    lamp = torch.full((33, 33), 1e-5, dtype=torch.float64)
    lamp[16, 16] = 1e4
    seen = scatter(lamp, 30.0)
    assert seen[16, 16] > seen[16, 17] > seen[16, 20] > seen[16, 30] > SURROUND_NITS
    assert seen[16, 17] == pytest.approx(float(seen[15, 16]))
    assert float(seen.sum()) < 1e4


def test_a_flat_response_leaves_a_plane_as_it_is() -> None:
    plane = random(5, 7)
    flat = torch.ones(10, 8, dtype=torch.float64)
    assert torch.allclose(filter_surrounded(plane, flat, 3.0), plane, atol=1e-12)


def test_radial_frequencies_reach_half_the_pixels_of_a_degree() -> None:
    # A canvas of 4 x 4 at 8 pixels per degree: steps of 2 cycles per degree up to 4.
    expected = [[math.hypot(v, h) for h in (0, 2, 4)] for v in (0, 2, -4, -2)]
    assert torch.allclose(radial_frequency(2, 2, 8.0, CPU), torch.tensor(expected, dtype=torch.float64))


def test_receptors_absorb_each_channel_by_its_own_share() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    long, middle, rods = absorb([one, 2 * one, 4 * one], colour=True)
    assert float(long) == pytest.approx(0.198996120338 + 2 * 0.404762607038 + 4 * 0.0543906192553)
    assert float(middle) == pytest.approx(0.0410058604076 + 2 * 0.254923306441 + 4 * 0.0500122489593)
    assert float(rods) == pytest.approx(0.0143773686211 + 2 * 0.480920841084 + 4 * 0.454275895669)


def test_more_light_brings_a_stronger_response_about_zero() -> None:
    light = torch.logspace(-4, 4, 9, dtype=torch.float64)[None]
    response = respond(light, light, light)
    assert (response.diff() > 0).all()
    assert float(response.mean()) == pytest.approx(0, abs=1e-12)


def test_tables_are_read_linearly_and_end_at_their_ends() -> None:
    # Three entries over ten decades: at -5, 0 and 5.
    table = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)
    decades = torch.tensor([-9.0, -5.0, -2.5, 0.0, 1.25, 5.0, 7.0], dtype=torch.float64)
    assert interpolate(decades, table).tolist() == [1.0, 1.0, 1.5, 2.0, 3.0, 6.0, 6.0]


def test_filters_have_the_symmetries_of_their_kind() -> None:
    for filters in (taps.high(), taps.low(), taps.halving()):
        assert np.array_equal(filters, np.rot90(filters))
        assert np.array_equal(filters, filters.T)
    upright, falling, level, rising = taps.oriented()
    assert np.array_equal(upright, upright[::-1])
    assert np.array_equal(level, np.rot90(upright))
    assert np.array_equal(rising, np.rot90(falling))
    assert np.array_equal(rising, rising.T)
    for oriented in taps.oriented():
        assert np.array_equal(oriented, -oriented[::-1, ::-1])


def test_filters_pass_or_stop_what_is_even() -> None:
    assert taps.high().sum() == pytest.approx(0, abs=1e-6)
    assert taps.low().sum() == pytest.approx(1, abs=1e-6)
    assert taps.halving().sum() == pytest.approx(2, abs=1e-6)


def test_bands_add_up_to_nearly_the_whole_picture() -> None:
    # What makes the pyramid invertible by its own transpose: the filters' powers add up to 1 at every frequency. The
    # published filters do so within 4 %.
    high, low, halving = (np.abs(np.fft.fft2(f(), (64, 64))) ** 2 for f in (taps.high, taps.low, taps.halving))
    oriented = sum(np.abs(np.fft.fft2(f, (64, 64))) ** 2 for f in taps.oriented())
    assert high + low == pytest.approx(np.ones((64, 64)), abs=0.04)
    assert high + low * (oriented + halving / 4) == pytest.approx(np.ones((64, 64)), abs=0.04)


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(9, 19), (20, 33), (17, 16)])
def test_correlation_is_the_sum_that_defines_it(
    filters: Callable[[], np.ndarray], stride: int, size: tuple[int, int]
) -> None:
    image, kernels = random(*size), np.atleast_3d(filters().T).T
    margin = kernels.shape[-1] // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, margin, mode="reflect"), kernels.shape[1:])
    expected = np.einsum("yxij,kij->kyx", windows[::stride, ::stride], kernels)
    assert correlate(image, filters, stride).numpy() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("side", "bands"), [(17, 6), (256, 18), (512, 22), (544, 26), (1080, 26)])
def test_levels_follow_the_shorter_side(side: int, bands: int) -> None:
    assert 4 * levels(side, 2 * side) + 2 == bands


def test_a_picture_is_taken_apart_into_halved_levels() -> None:
    shapes = [tuple(band.shape) for band in decompose(random(70, 97))]
    assert shapes == [(1, 70, 97), (4, 70, 97), (4, 35, 49), (4, 18, 25), (1, 9, 13)]


def test_an_even_picture_is_all_in_the_low_pass_rest() -> None:
    *bands, rest = decompose(torch.full((34, 34), 5.0, dtype=torch.float64))
    assert all(float(band.abs().max()) < 1e-5 for band in bands)
    # Two levels, and the filter between levels doubles.
    assert rest.numpy() == pytest.approx(np.full((1, 9, 9), 20.0), abs=1e-5)


def test_resizing_to_the_same_size_changes_nothing() -> None:
    planes = random(2, 9, 11)
    assert resize(planes, 9, 11) is planes


def test_halving_weighs_eight_inputs_as_matlab_does() -> None:
    impulse = torch.zeros(1, 16, dtype=torch.float64)
    impulse[0, 7] = 1.0
    # Outputs 2 to 5 stand 2.5, 0.5, 1.5 and 3.5 inputs beside input 7: the cubic at 5/4, 1/4, 3/4 and 7/4, halved.
    expected = [0, 0, -0.03515625, 0.43359375, 0.11328125, -0.01171875, 0, 0]
    assert resize(impulse, 1, 8)[0].tolist() == pytest.approx(expected, abs=1e-15)


def test_resizing_mirrors_at_the_border() -> None:
    # Doubled, the first output stands a quarter before the first input: 0 and 1 mirrored to 1 0 | 0 1.
    row = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert float(resize(row, 1, 10)[0, 0]) == pytest.approx(-0.0703125 - 0.0234375, abs=1e-15)


@pytest.mark.parametrize("size", [(7, 200), (150, 64), (33, 5)])
def test_resizing_keeps_an_even_plane_even(size: tuple[int, int]) -> None:
    assert resize(torch.full((3, 65, 130), 2.0, dtype=torch.float64), *size).numpy() == pytest.approx(2.0)


def test_nothing_is_seen_at_frequency_0_and_the_ends_count_beyond_the_measured_light() -> None:
    assert sensitivity(0.0, 1.0) == 0.0
    frequencies = np.array([0.5, 4.0, 16.0])
    assert np.array_equal(sensitivity(frequencies, 5.0), sensitivity(frequencies, math.log10(150)))
    assert np.array_equal(sensitivity(frequencies, -5.0), sensitivity(frequencies, math.log10(0.002)))


def test_sensitivity_at_a_measured_light_is_the_formula() -> None:
    low_cut = (1 - math.exp(-((4 / 7) ** 2))) ** 0.935314
    expected = 5.61425 / math.sqrt((1 + (0.405782 * 4) ** 4.40602) / low_cut)
    assert sensitivity(4.0, math.log10(2.0)) == pytest.approx(expected)


def test_what_both_pictures_have_is_smoothed_with_darkness_around() -> None:
    ones = torch.ones(1, 4, 4, dtype=torch.float64)
    band = contrast(3 * ones, -1 * ones)
    assert torch.equal(band.difference, 4 * ones)
    assert band.mutual[0, 0].tolist() == pytest.approx([4 / 9, 6 / 9, 6 / 9, 4 / 9])
    assert float(band.mutual[0, 1, 1]) == pytest.approx(1)


def flat(difference: float, *mutual: float) -> Contrast:
    shape = (len(mutual), 2, 2)
    return Contrast(
        difference=torch.full(shape, difference, dtype=torch.float64),
        mutual=torch.tensor(mutual, dtype=torch.float64)[:, None, None].expand(shape),
    )


def test_unmasked_difference_counts_by_the_threshold_alone() -> None:
    # (d / s) ** p * s * S ** p with d = -6, s = 2, S = 5.
    seen = torch.full((2, 2), 5.0, dtype=torch.float64)
    (found,) = visible(flat(-6.0, 0.0), None, 2.0, seen)
    assert found.numpy() == pytest.approx(np.full((2, 2), 2 * 15 ** (10**0.544068)))


def test_masking_adds_up_from_itself_other_orientations_and_neighbours() -> None:
    q = 10**0.49576
    band = flat(1.0, 0.5, 0.2)
    beside = surround(flat(0.0, 0.7), flat(0.0, 0.8, 0.9), band, 1.0)
    first, second = visible(band, beside, 1.0, None)
    for found, own, other, beside in ((first, 0.5, 0.2, 1.4 + 0.4), (second, 0.2, 0.5, 1.4 + 0.45)):
        mask = 10**0.189065 * own**q + 10**0.449199 * other**q + 10**1.52512 * beside**q
        assert found.numpy() == pytest.approx(np.full((2, 2), 1 / math.sqrt(1 + mask**2)))
