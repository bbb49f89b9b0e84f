from __future__ import annotations

import pytest

from mqn.errors import UnknownNameError
from mqn.quantities import quantity


def test_directions_and_axes() -> None:
    assert quantity("psnr_tm").direction == "maximize"
    assert quantity("psnr_tm_drop").direction == "minimize"
    assert quantity("latency_ms").axis == "Latency p50 (ms)"
    assert quantity("ssim_tm").axis == "SSIM-TM"


def test_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'latency_ms'"):
        quantity("latency")
