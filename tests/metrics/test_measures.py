from __future__ import annotations

import math

import numpy as np
import pytest

from mqn.errors import PictureError, UnknownNameError
from mqn.metrics import alignment, hdrvdp, pu21
from mqn.metrics.measures import (
    ALIGNMENTS,
    DEFAULT,
    MEASURES,
    PEAK_NITS,
    THOROUGH,
    Case,
    measure_all,
    split_name,
)
from mqn.quantities import QUANTITIES


@pytest.fixture
def case() -> Case:
    truth = np.random.default_rng(0).random((24, 24, 3)).astype(np.float32) ** 4
    return Case(test=truth / 2, reference=truth, ldr=np.sqrt(truth))


def test_every_measure_is_a_quantity_with_its_derived_figures() -> None:
    for base in MEASURES:
        for suffix in ALIGNMENTS:
            for derived in ("", "_float", "_drop", "_baseline"):
                assert base + suffix + derived in QUANTITIES
    assert len([name for name in QUANTITIES if name.endswith("_drop")]) == len(MEASURES) * len(ALIGNMENTS)


def test_names_come_apart() -> None:
    assert split_name("pu21_psnr") == ("pu21_psnr", "")
    assert split_name("pu21_psnr_gain") == ("pu21_psnr", "_gain")


@pytest.mark.parametrize("name", ["pu21-psnr", "pu21_psnr_gamma", "_gain", ""])
def test_an_unknown_measure_names_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError, match="no metric"):
        split_name(name)


def test_all_default_measures_come_in_the_order_asked_for(case: Case) -> None:
    figures = measure_all(case, DEFAULT[::-1])
    assert tuple(figures) == DEFAULT[::-1]
    assert all(math.isfinite(figure) for figure in figures.values())


def test_every_measure_but_the_optional_one_judges_a_picture_in_every_alignment(case: Case) -> None:
    names = [base + suffix for base in MEASURES if base != "cvvdp" for suffix in ALIGNMENTS]
    figures = measure_all(case, names)
    assert set(figures) == set(names)
    assert not any(math.isnan(figure) for figure in figures.values())


def test_half_the_exposure_is_seen_as_predicted_and_forgiven_when_aligned(case: Case) -> None:
    names = ("pu21_psnr", "pu21_psnr_gain", "clipped_error", "clipped_error_gain", "hdrvdp_q", "hdrvdp_q_gain")
    figures = measure_all(case, (*names, "hdrvdp_q_p3"))
    assert figures["pu21_psnr"] < 25
    assert figures["pu21_psnr_gain"] > 120
    assert figures["clipped_error"] == pytest.approx(math.log10(2), abs=1e-6)
    assert figures["clipped_error_gain"] == pytest.approx(0, abs=1e-6)
    assert figures["hdrvdp_q"] < 95
    assert figures["hdrvdp_q_gain"] == pytest.approx(100)
    assert figures["hdrvdp_q_p3"] == pytest.approx(100)


def test_measures_of_absolute_light_see_the_scale_as_1000_nits(case: Case) -> None:
    test, reference = (np.maximum(PEAK_NITS * image, 0.005) for image in (case.test, case.reference))
    figures = measure_all(case, ["pu21_psnr", "hdrvdp_q", "pu21_psnr_crf"])
    assert figures["pu21_psnr"] == pytest.approx(pu21.psnr(test, reference))
    assert figures["hdrvdp_q"] == pytest.approx(hdrvdp.quality(test, reference, pixels_per_degree=30.0))
    assert figures["pu21_psnr_crf"] == pytest.approx(pu21.psnr(alignment.correct_response(test, reference), reference))


def test_black_predictions_and_black_truths_have_figures() -> None:
    black, grey = np.zeros((24, 24, 3), np.float32), np.full((24, 24, 3), 0.18, np.float32)
    for test, reference in ((black, grey), (grey, black)):
        figures = measure_all(Case(test, reference), ["pu21_psnr", "hdrvdp_q", "pu21_psnr_gain", "pu21_psnr_crf"])
        assert not any(math.isnan(figure) for figure in figures.values())


def test_an_alignment_is_made_once_and_only_if_it_is_asked_for(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    align = alignment.align_gain
    monkeypatch.setattr(alignment, "align_gain", lambda *images: calls.append(1) or align(*images))
    monkeypatch.setattr(alignment, "correct_response", lambda *images: pytest.fail("not asked for"))
    measure_all(case, ["psnr_tm"])
    assert not calls
    measure_all(case, ["psnr_tm_gain", "ssim_tm_gain", "psnr_tm"])
    assert len(calls) == 1


@pytest.mark.parametrize(("name", "needed"), [("hdrvdp_q_gain", 17), ("ssim_tm_drago", 11), ("pu21_ssim", 11)])
def test_a_picture_that_is_too_small_is_named(case: Case, name: str, needed: int) -> None:
    small = Case(case.test[: needed - 1], case.reference[: needed - 1])
    with pytest.raises(PictureError, match=f"24 x {needed - 1} pixels are too few for .* needs {needed} x {needed}"):
        measure_all(small, [name])
    measure_all(Case(case.test[:needed], case.reference[:needed]), [name])


def test_one_pixel_has_a_psnr_in_every_alignment(case: Case) -> None:
    pixel = Case(case.test[:1, :1], case.reference[:1, :1], case.ldr[:1, :1] if case.ldr is not None else None)
    bases = [base for base in MEASURES if not ("ssim" in base or base.startswith(("hdrvdp", "cvvdp")))]
    assert {"psnr_tm", "clipped_error"} <= set(bases)
    assert len(measure_all(pixel, [base + suffix for base in bases for suffix in ALIGNMENTS])) == 24


def test_what_does_not_apply_is_nan(case: Case) -> None:
    assert math.isnan(measure_all(Case(case.test, case.reference), ["clipped_error"])["clipped_error"])
    dark = Case(case.test, case.reference, np.zeros_like(case.test))
    assert math.isnan(measure_all(dark, ["clipped_error"])["clipped_error"])


def test_both_sets_of_measures_exist() -> None:
    for name in (*DEFAULT, *THOROUGH):
        split_name(name)
