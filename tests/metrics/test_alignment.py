from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from mqn.hdr.tonemap import luminance
from mqn.metrics import hdrvdp, pu21
from mqn.metrics.alignment import align_gain, correct_response, gain


@pytest.fixture
def truth() -> np.ndarray:
    """16 x 16, 0.1 .. 1000 cd/m2, coloured."""
    rng = np.random.default_rng(0)
    return 10 ** rng.uniform(-1, 3, (16, 16, 1)) * rng.uniform(0.5, 1.5, (16, 16, 3))


def grey(*values: float) -> np.ndarray:
    return np.repeat(np.array(values, float)[None, :, None], 3, axis=2)


def test_the_gain_is_the_geometric_mean_of_the_middle_pixels() -> None:
    # Of 0 .. 9 the middle is 1 .. 8; ratios 2, 8 and six times 1: 16^(1/8). The ends' ratios do not count.
    truth = grey(*range(10))
    test = truth.copy()
    test[0, 0], test[0, 1], test[0, 2], test[0, 9] = 5, 1 / 2, 2 / 8, 10000
    assert gain(test, truth) == pytest.approx(math.sqrt(2))


def test_black_pixels_say_nothing_of_exposure() -> None:
    truth = grey(1, 1, 1, 1)
    assert gain(grey(0, 0, 0.5, 0.5), truth) == pytest.approx(2)
    assert gain(grey(0, 0, 0, 0), truth) == 1
    assert gain(truth, grey(0, 0, 0, 0)) == 1


@pytest.mark.parametrize("factor", [1e-3, 0.5, 1.5, 100])
def test_a_pure_exposure_change_is_taken_back(truth: np.ndarray, factor: float) -> None:
    assert gain(factor * truth, truth) == pytest.approx(1 / factor, rel=1e-12)
    np.testing.assert_allclose(align_gain(factor * truth, truth), truth, rtol=1e-12)


def test_a_right_prediction_is_left_alone(truth: np.ndarray) -> None:
    assert align_gain(truth, truth) == pytest.approx(truth)
    np.testing.assert_allclose(correct_response(truth, truth), truth, rtol=1e-6)


def test_a_response_on_luminance_is_taken_back(truth: np.ndarray) -> None:
    bent = truth * (luminance(truth)[..., None] / 100) ** -0.3
    before, after = pu21.psnr(bent, truth), pu21.psnr(correct_response(bent, truth), truth)
    assert before < 20
    assert after > 60


def test_a_wrong_white_balance_is_taken_back_nearly(truth: np.ndarray) -> None:
    tinted = truth * [1.3, 1.0, 0.7]
    assert pu21.psnr(correct_response(tinted, truth), truth) > pu21.psnr(tinted, truth) + 10


def test_a_flat_prediction_becomes_the_mean_of_the_code_values() -> None:
    # Nothing can be fitted but the constant; both greys lie equally far from it.
    corrected = correct_response(np.full((1, 2, 3), 7.0), grey(1, 100))
    assert corrected[0, 0] == pytest.approx(corrected[0, 1])
    assert 1 < corrected[0, 0, 1] < 100


def test_black_and_huge_predictions_stay_finite(truth: np.ndarray) -> None:
    for test in (np.zeros_like(truth), np.full_like(truth, 1e9), 1e6 * truth, np.where(truth > 100, 1e7, 0.0)):
        corrected = correct_response(test, truth)
        assert np.isfinite(corrected).all()
        assert (corrected >= 0).all()
        assert luminance(corrected).max() < 10001


def test_shapes_that_differ_are_refused(truth: np.ndarray) -> None:
    for align in (gain, correct_response):
        with pytest.raises(ValueError, match="one shape"):
            align(truth[:8], truth)


@pytest.mark.integration  # Four measures on ten pairs: a quarter of the time of all unit tests.
def test_every_aligned_figure_meets_its_golden(
    shared: Path, golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    reference, tests = golden_pairs
    with (shared / "metrics" / "crf_effect.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["name"] for row in rows} == set(tests)
    for row in rows:
        name, test = row["name"], tests[row["name"]]
        gained, corrected = align_gain(test, reference), correct_response(test, reference)
        assert hdrvdp.quality(gained, reference) == pytest.approx(float(row["Q_gain"]), abs=1e-6), name
        assert hdrvdp.quality(corrected, reference) == pytest.approx(float(row["Q_crf"]), abs=1e-6), name
        if row["psnr_gain"] == "inf" or name.startswith("exposure"):
            # Nothing but rounding is left (166, 319 dB).
            assert pu21.psnr(gained, reference) > 160
        else:
            assert pu21.psnr(gained, reference) == pytest.approx(float(row["psnr_gain"]), abs=1e-9), name
        if name == "identical":
            assert pu21.psnr(corrected, reference) > 250
        else:
            assert pu21.psnr(corrected, reference) == pytest.approx(float(row["psnr_crf"]), abs=1e-7), name
        assert pu21.ssim(corrected, reference) == pytest.approx(float(row["ssim_crf"]), abs=1e-8), name
