from __future__ import annotations

import numpy as np
import pytest

from mqn.errors import PlanError
from mqn.export.quantize.calibration import calibrate, check_pictures, find_outliers
from mqn.export.quantize.statistics import TensorStatistics
from mqn.records import Plan
from mqn.tflite.flatbuffer import Network


def _schemes(network: Network, scheme: str) -> list[str]:
    return [scheme] * len(network.operators)


def test_what_is_not_static_gets_bounds_of_kernels_alone(toy: Network, pictures: np.ndarray) -> None:
    network, ranges, report = calibrate(toy, _schemes(toy, "dynamic_wi8_afp32"), Plan(), pictures[:0])
    assert network is toy
    assert report is None
    assert set(ranges) == {
        f"constant/{name}/kernel" for name in ("backbone/down", "backbone/mix", "head/conv", "head/last")
    }


def test_only_what_static_operators_touch_is_looked_at(toy: Network, pictures: np.ndarray) -> None:
    schemes = _schemes(toy, "float32")
    schemes[0] = "static_wi8_ai8"
    _, ranges, report = calibrate(toy, schemes, Plan(), pictures)
    assert set(ranges) == {"ldr", "backbone/down", "constant/backbone/down/kernel"}
    assert report is not None
    assert report.pictures == 4
    assert report.brightness == tuple(round(float(picture.mean()), 4) for picture in pictures)


def test_the_algorithm_is_the_plans(toy: Network, pictures: np.ndarray) -> None:
    highs = {}
    for algorithm in ("minmax", "moving_average", "percentile", "mse"):
        plan = Plan(calibration=algorithm)  # type: ignore[arg-type]
        _, ranges, report = calibrate(toy, _schemes(toy, "static_wi8_ai8"), plan, pictures)
        assert report is not None
        assert report.algorithm == algorithm
        highs[algorithm] = float(ranges["head/conv"]["max"][0])
    assert max(highs.values()) == highs["minmax"]
    assert len(set(highs.values())) == 4


def test_a_channel_that_stands_out_is_named() -> None:
    highs = np.array([1.0, 1.0, 9.0, 0.5, 1.0])
    tensor = TensorStatistics(
        lows=np.zeros(1), highs=np.full(1, 9.0), samples=np.zeros(1), channel_lows=np.zeros(5), channel_highs=highs
    )
    quiet = TensorStatistics(lows=np.zeros(1), highs=np.ones(1), samples=np.zeros(1))
    (outlier,) = find_outliers({"loud": tensor, "quiet": quiet})
    assert (outlier.tensor, outlier.channel, outlier.high, outlier.times_median) == ("loud", 2, 9.0, 9.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pictures: pictures[:0], "static_wi8_ai8 needs calibration pictures, and there is none"),
        (lambda pictures: pictures[:, :16], r"shape \(4, 16, 32, 3\) .* takes \(N, 32, 32, 3\) float32"),
        (lambda pictures: (pictures * 255).astype(np.uint8), "type uint8 do not fit"),
        (lambda pictures: pictures * 255, r"they must lie in \[0, 1\]"),
        (lambda pictures: pictures * np.float32("nan"), r"they must lie in \[0, 1\]"),
        (
            lambda pictures: np.where(np.arange(4)[:, None, None, None] == 2, np.float32(0.5), pictures),
            "calibration picture 3 of 4 is 0.5 all over",
        ),
    ],
)
def test_pictures_that_tell_nothing(toy: Network, pictures: np.ndarray, change: object, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        check_pictures(toy, change(pictures), Plan())  # type: ignore[operator]


def test_constant_pictures_do_no_harm_where_nothing_is_static(toy: Network, pictures: np.ndarray) -> None:
    check_pictures(toy, pictures * 0, Plan(backbone="float32"))
    with pytest.raises(PlanError, match="picture 1 of 4 is 0 all over"):
        check_pictures(toy, pictures * 0, Plan(backbone="float32", rules="head.last=static_wi8_ai8"))
