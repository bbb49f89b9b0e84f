from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from mqn.metrics.pu21 import encode, psnr, ssim


def test_the_encoding_meets_the_published_anchors() -> None:
    codes = encode(np.array([1.0, 100.0, 1000.0, 4000.0, 10000.0]))
    assert codes == pytest.approx([36.543911, 256.383897, 420.096921, 527.493901, 595.39392], abs=1e-6)


def test_light_outside_the_fit_is_clipped() -> None:
    assert encode(np.array([0.0, 0.005, 1e6])) == pytest.approx([0.0, 0.0, 595.39392], abs=1e-5)


def test_the_encoding_rises_throughout() -> None:
    assert (np.diff(encode(np.geomspace(0.005, 10000, 1000))) > 0).all()


def test_psnr_by_hand() -> None:
    # Codes 256.383897 and 420.096921 everywhere, peak 256.
    dark, bright = np.full((8, 8, 3), 100.0), np.full((8, 8, 3), 1000.0)
    assert psnr(dark, bright) == pytest.approx(20 * math.log10(256 / 163.713024), abs=1e-6)


def test_ssim_of_flat_pictures_by_hand() -> None:
    # No variance: (2 a b + c1) / (a^2 + b^2 + c1) with c1 = (0.01 * 256)^2.
    dark, bright = np.full((16, 16, 3), 100.0), np.full((16, 16, 3), 1000.0)
    a, b, c1 = 256.383897, 420.096921, 6.5536
    assert ssim(dark, bright) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-8)


def test_equal_pictures() -> None:
    picture = np.random.default_rng(0).random((16, 16, 3)) * 1000
    assert psnr(picture, picture) == math.inf
    assert ssim(picture, picture) == pytest.approx(1.0)


def test_both_figures_meet_the_goldens(shared: Path, golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    reference, tests = golden_pairs
    with (shared / "metrics" / "python_metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["name"] for row in rows} == set(tests)
    for row in rows:
        test = tests[row["name"]]
        assert psnr(test, reference) == pytest.approx(float(row["pu21_psnr_rgb"]), abs=1e-9), row["name"]
        assert ssim(test, reference) == pytest.approx(float(row["pu21_ssim_y"]), abs=1e-9), row["name"]
