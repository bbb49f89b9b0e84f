"""Q as a whole: the original's figures, what must not change it, what must lower it, what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mqn.metrics import hdrvdp

NAMES = (
    "identical",
    "blur_s1",
    "blur_s3",
    "noise_5pct",
    "noise_20pct",
    "exposure_x1.5",
    "exposure_x0.5",
    "reexpand_g2.0",
    "clip95",
    "local_x1.3",
)


def golden(shared: Path, file: str, name: str) -> float:
    with (shared / "metrics" / file).open(newline="") as lines:
        return next(float(row["Q"]) for row in csv.DictReader(lines) if row["name"] == name)


def scene(height: int, width: int) -> np.ndarray:
    """Stripes, a ramp and a lamp over three decades; every pixel differs from its neighbours."""
    y, x = np.mgrid[0:height, 0:width] / 32.0
    light = 10 ** (0.5 * np.sin(9 * x) + 0.4 * np.cos(7 * y + x) + 0.5) + 500 * np.exp(
        -8 * ((x - 1) ** 2 + (y - 1) ** 2)
    )
    return light[..., None] * np.array([1.2, 1.0, 0.7])


def noisy(reference: np.ndarray, amplitude: float) -> np.ndarray:
    return reference * (1 + amplitude * np.random.default_rng(1).uniform(-1, 1, reference.shape))


def test_golden_pictures_are_the_ones_that_the_figures_are_of(
    shared: Path, golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    reference, tests = golden_pairs
    expected = json.loads((shared / "metrics" / "meta.json").read_text())["sha256"]
    found = {name: hashlib.sha256(p.astype("<f4").tobytes()).hexdigest() for name, p in tests.items()}
    assert found | {"ref": hashlib.sha256(reference.tobytes()).hexdigest()} == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_absolute_pictures_score_as_by_the_original(
    name: str, shared: Path, golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    reference, tests = golden_pairs
    expected = golden(shared, "hdrvdp221_abs_ppd30.csv", name)
    assert hdrvdp.quality(tests[name], reference) == pytest.approx(expected, abs=1e-8, rel=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_pictures_brought_to_one_range_score_as_by_the_original(
    name: str, shared: Path, golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    reference, tests = golden_pairs
    expected = golden(shared, "hdrvdp221_p3_ppd30.csv", name)
    found = hdrvdp.quality(hdrvdp.prepare_p3(tests[name]), hdrvdp.prepare_p3(reference))
    assert found == pytest.approx(expected, abs=1e-8, rel=0)


@pytest.mark.slow
@pytest.mark.parametrize(("pixels_per_degree", "expected"), [(20, 58.7), (45, 34.4), (60, 23.2)])
def test_other_angular_resolutions_score_as_by_the_original(
    pixels_per_degree: float, expected: float, golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    reference, tests = golden_pairs
    assert hdrvdp.quality(tests["clip95"], reference, pixels_per_degree) == pytest.approx(expected, abs=0.05, rel=0)


@pytest.mark.slow
def test_content_tiled_scores_as_by_the_original(golden_pairs: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    reference, tests = golden_pairs
    test, truth = (np.tile(picture, (2, 2, 1)) for picture in (tests["noise_5pct"], reference))
    assert hdrvdp.quality(test, truth) == pytest.approx(68.12, abs=0.005, rel=0)


@pytest.mark.parametrize("size", [(17, 17), (64, 64), (33, 90)])
def test_identical_pictures_score_exactly_100(size: tuple[int, int]) -> None:
    assert hdrvdp.quality(scene(*size), scene(*size)) == 100.0


def test_black_pictures_are_identical() -> None:
    assert hdrvdp.quality(np.zeros((32, 32, 3)), np.zeros((32, 32, 3))) == 100.0


@pytest.mark.parametrize("exposure", [0.25, 3.0])
def test_exposure_alone_is_forgiven_after_preparation(exposure: float) -> None:
    reference = scene(64, 64).astype(np.float32)
    test = exposure * reference
    assert hdrvdp.quality(hdrvdp.prepare_p3(test), hdrvdp.prepare_p3(reference)) == 100.0
    assert hdrvdp.quality(test, reference) < 90.0


def test_less_than_a_thousandth_counts_for_nothing() -> None:
    assert hdrvdp.quality(1.0009 * scene(64, 64), scene(64, 64)) == 100.0
    assert hdrvdp.quality(1.0011 * scene(64, 64), scene(64, 64)) < 100.0


def test_more_noise_scores_lower() -> None:
    scores = [hdrvdp.quality(noisy(scene(64, 64), amplitude), scene(64, 64)) for amplitude in (0.02, 0.05, 0.2, 0.6)]
    assert scores == sorted(set(scores), reverse=True)


def test_a_larger_error_scores_lower_whichever_side_has_it() -> None:
    test, reference = noisy(scene(64, 64), 0.3), scene(64, 64)
    slight = noisy(reference, 0.03)
    assert hdrvdp.quality(test, reference) < hdrvdp.quality(slight, reference)
    assert hdrvdp.quality(reference, test) < hdrvdp.quality(reference, slight)


def test_errors_hide_in_the_dark() -> None:
    test, reference = noisy(scene(64, 64), 0.3), scene(64, 64)
    assert hdrvdp.quality(1e-5 * test, 1e-5 * reference) > hdrvdp.quality(test, reference) + 20


# At 65 pixels every level takes its first and last row and column along (65, 33, 17, 9): only there does a mirrored
# pair meet the same samples.
@pytest.mark.parametrize("mirror", [np.s_[:, ::-1], np.s_[::-1]])
def test_mirrored_pictures_score_alike(mirror: tuple[slice, ...]) -> None:
    test, reference = noisy(scene(65, 65), 0.2), scene(65, 65)
    assert hdrvdp.quality(test[mirror], reference[mirror]) == pytest.approx(hdrvdp.quality(test, reference), abs=1e-9)


def test_every_real_type_and_layout_of_memory_scores_alike() -> None:
    test, reference = np.round(noisy(scene(40, 24), 0.2)), np.round(scene(40, 24))
    expected = hdrvdp.quality(test, reference)
    assert hdrvdp.quality(test.astype(np.int32), reference.astype(np.float32)) == expected
    assert hdrvdp.quality(np.asfortranarray(test), reference) == expected


def test_luminance_alone_is_judged() -> None:
    reference = scene(64, 64).mean(-1)
    assert hdrvdp.quality(reference, reference) == 100.0
    assert hdrvdp.quality(noisy(reference, 0.2), reference) < hdrvdp.quality(noisy(reference, 0.02), reference) < 100.0


def test_preparation_maps_the_tails_of_all_values_to_1_and_999() -> None:
    # 2000 values 0 .. 1999: the second smallest is 1, the second largest 1998.
    values = np.random.default_rng(0).permutation(2000).reshape(20, 100)
    prepared = hdrvdp.prepare_p3(values)
    assert prepared[values == 1] == pytest.approx(1.0)
    assert prepared[values == 1998] == pytest.approx(999.0)
    assert prepared[values == 1999] == pytest.approx(999.0 + 998 / 1997)
    assert prepared[values == 0] == pytest.approx(1.0 - 998 / 1997)


def test_preparation_keeps_light_above_0() -> None:
    values = np.ones((50, 60))
    values[0, 0], values[1] = -100.0, 2.0
    assert hdrvdp.prepare_p3(values)[0, 0] == 0.0


def test_preparation_of_a_small_picture_goes_from_end_to_end() -> None:
    assert hdrvdp.prepare_p3(np.array([[0.0, 1.0, 4.0]])) == pytest.approx(np.array([[1.0, 250.5, 999.0]]))


@pytest.mark.parametrize("picture", [np.zeros((0, 4, 3)), np.array([[1.0, np.nan]])])
def test_preparation_refuses_what_is_no_picture(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite and not empty"):
        hdrvdp.prepare_p3(picture)


@pytest.mark.parametrize(
    ("test", "reference", "message"),
    [
        (np.ones((20, 20, 3)), np.ones((20, 21, 3)), "must have one shape"),
        (np.ones((20, 20, 4)), np.ones((20, 20, 4)), r"\(H, W, 3\) colour or \(H, W\) luminance"),
        (np.ones(400), np.ones(400), r"\(H, W, 3\) colour or \(H, W\) luminance"),
        (np.ones((16, 40, 3)), np.ones((16, 40, 3)), "at least 17 pixels"),
        (np.ones((20, 20), complex), np.ones((20, 20)), "must hold real numbers"),
        (np.ones((20, 20), bool), np.ones((20, 20)), "must hold real numbers"),
        (np.full((20, 20), np.nan), np.ones((20, 20)), "test holds 400 values that are NaN or infinite"),
        (np.ones((20, 20)), np.full((20, 20), np.inf), "reference holds 400 values"),
        (np.full((20, 20), -0.5), np.ones((20, 20)), "light is at least 0"),
        (np.full((20, 20), 1e300), np.ones((20, 20)), "at most 3.4e\\+38"),
    ],
)
def test_what_is_no_pair_of_pictures_is_refused(test: np.ndarray, reference: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        hdrvdp.quality(test, reference)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("pixels_per_degree", [0.0, -30.0, float("nan"), float("inf")])
def test_angular_resolutions_that_cannot_be_are_refused(pixels_per_degree: float) -> None:
    with pytest.raises(ValueError, match="pixels per degree; it must be a number above 0"):
        hdrvdp.quality(np.ones((20, 20)), np.ones((20, 20)), pixels_per_degree)


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99"])
def test_devices_that_are_not_there_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match="no device"):
        hdrvdp.quality(np.ones((20, 20)), np.ones((20, 20)), device=device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_scores_as_the_processor_does() -> None:
    test, reference = noisy(scene(64, 64), 0.2), scene(64, 64)
    found = hdrvdp.quality(test, reference, device="cuda")
    assert found == pytest.approx(hdrvdp.quality(test, reference), abs=1e-8, rel=0)


def test_the_pictures_and_torch_are_left_as_they_were() -> None:
    test, reference = noisy(scene(32, 32), 0.2), scene(32, 32)
    kept = test.copy(), reference.copy()
    settings = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    hdrvdp.quality(test, reference)
    assert (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()) == settings
    assert np.array_equal(test, kept[0])
    assert np.array_equal(reference, kept[1])


def test_torch_is_loaded_only_when_a_pair_is_judged() -> None:
    code = "import sys, mqn.metrics.hdrvdp; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_visible_differences_are_where_the_pictures_differ() -> None:
    reference = scene(96, 96)
    test = reference.copy()
    test[60:76, 60:76] *= 2
    found = hdrvdp.visible_differences(test, reference)
    assert found.shape == (96, 96)
    assert found.min() >= 0
    assert found[60:76, 60:76].mean() > 10 * found[:32, :32].mean()
    assert found[60:76, 60:76].max() > 1
    assert not hdrvdp.visible_differences(reference, reference).any()


def test_a_larger_error_differs_more_visibly() -> None:
    reference = scene(48, 48)
    small, large = (hdrvdp.visible_differences(noisy(reference, size), reference) for size in (0.1, 0.5))
    assert small.sum() < large.sum()
    with pytest.raises(ValueError, match="must have one shape"):
        hdrvdp.visible_differences(reference[:40], reference)
