from __future__ import annotations

import pytest

from mqn.errors import UnknownNameError
from mqn.quantities import (
    canonical,
    figures_by_name,
    find_quantity,
    measure_of,
    number_text,
    quantity,
    split_target,
    tracked_name,
)


def test_directions_and_axes() -> None:
    assert quantity("psnr_tm").direction == "maximize"
    assert quantity("psnr_tm_drop").direction == "minimize"
    assert quantity("latency_ms").axis == "Latency p50 (ms)"
    assert quantity("ssim_tm").axis == "SSIM-TM"


def test_an_aligned_measure_says_so_and_keeps_its_unit_and_direction() -> None:
    assert quantity("pu21_psnr_gain").axis == "PU21-PSNR, gain-aligned (dB)"
    assert quantity("ssim_tm_drago_crf").axis == "SSIM-TM Drago, response-corrected"
    assert quantity("hdrvdp_q_gain").direction == "maximize"
    assert quantity("clipped_error_crf").direction == "minimize"
    assert quantity("angular_error_deg").axis == "Angular colour error (degrees)"
    assert quantity("cvvdp").unit == "JOD"


def test_what_quantization_loses_is_less_the_better_for_errors_too() -> None:
    assert quantity("clipped_error_float").direction == "minimize"
    assert quantity("clipped_error_drop").direction == "minimize"
    assert quantity("clipped_error_gain_baseline").label == "Clipped-region error, gain-aligned, did nothing"


def test_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'latency_ms'"):
        quantity("latency")


def test_a_figure_of_a_device_says_whose_it_is() -> None:
    assert quantity("latency_ms/board").axis == "Latency p50, board (ms)"
    assert quantity("latency_ms.p50_high/phone").direction == "minimize"
    assert quantity("undelegated_memory_mb/pixel-8").axis == "Peak memory without a delegate, pixel-8 (MB)"
    assert quantity("latency_ms/board").name == "latency_ms/board"
    assert split_target("latency_ms/board") == ("latency_ms", "board")
    assert split_target("latency_ms") == ("latency_ms", None)


def test_only_a_device_s_own_figures_name_a_target() -> None:
    with pytest.raises(UnknownNameError, match="no metric 'latency'; did you mean 'latency_ms'"):
        quantity("latency/board")
    with pytest.raises(UnknownNameError, match=r"no metric 'psnr_tm/board'.*allowed: .*latency_ms/board"):
        quantity("psnr_tm/board")
    with pytest.raises(UnknownNameError, match=r"no metric 'latency_ms/'.*'latency_ms/DEVICE'"):
        quantity("latency_ms/")
    assert find_quantity("psnr_tm/board") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_225_432.0, "1,225,432"), (12_345.6, "12,346"), (20.7512, "20.75"), (0.000012345, "1.234e-05"), (0.0, "0")],
)
def test_numbers_have_no_exponent_to_count_out(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("spelling", "name", "tracked"),
    [
        ("latency_ms", "latency_ms", "latency_ms"),
        ("latency_ms.p50", "latency_ms", "latency_ms"),
        ("latency_ms/board", "latency_ms/board", "latency_ms.p50/board"),
        ("latency_ms.p50/board", "latency_ms/board", "latency_ms.p50/board"),
        ("latency_ms.p90/board", "latency_ms.p90/board", "latency_ms.p90/board"),
        ("peak_memory_mb/kind:pixel 8", "peak_memory_mb/kind:pixel 8", "peak_memory_mb/kind:pixel 8"),
        ("psnr_tm_drop", "psnr_tm_drop", "psnr_tm_drop"),
    ],
)
def test_every_spelling_of_a_name_is_one_figure(spelling: str, name: str, tracked: str) -> None:
    assert quantity(spelling).name == canonical(spelling) == name
    assert tracked_name(spelling) == tracked


def test_a_figure_stored_once_goes_by_all_its_names() -> None:
    figures, told = {"psnr_tm": 20.0}, {"board": {"latency_ms": 4.0}, "phone": {"latency_ms": 2.0}}
    named = {"psnr_tm": 20.0, "latency_ms/board": 4.0, "latency_ms/phone": 2.0}
    assert figures_by_name(figures, told) == {**named, "latency_ms": 4.0}
    assert figures_by_name(figures, told, "phone") == {**named, "latency_ms": 2.0}
    assert figures_by_name(figures, told, "tablet") == named


def test_no_other_target_stands_for_a_first_one_that_is_not_measured() -> None:
    assert figures_by_name({}, {"board": {}, "phone": {"latency_ms": 2.0}}) == {"latency_ms/phone": 2.0}


@pytest.mark.parametrize(
    ("name", "measure"),
    [("psnr_tm", "psnr_tm"), ("pu21_psnr_gain_drop", "pu21_psnr_gain"), ("ssim_tm_float", "ssim_tm"), ("macs", None)],
)
def test_a_derived_figure_knows_its_measure(name: str, measure: str | None) -> None:
    assert measure_of(name) == measure
