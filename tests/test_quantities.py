from __future__ import annotations

import pytest

from mqn.errors import UnknownNameError
from mqn.quantities import quantity


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
