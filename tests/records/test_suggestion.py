"""Which scheme is fastest on a side."""

from __future__ import annotations

from tests.support.records import make_measurement

from mqn.records import MeasureSettings, Range, Ratio, SideTime, SideTimes


def one(side, scheme, value, loss, *, different=True):
    ratio = Ratio(value=value, range=Range(low=value - 0.01, high=value + 0.01), confidence=0.99, different=different)
    return SideTime(side=side, scheme=scheme, over_float=ratio, loss=loss)


TIMES = SideTimes(
    device=make_measurement().device,
    settings=MeasureSettings(),
    tried=(
        one("backbone", "static_wi8_ai8", 0.5, 0.2),
        one("backbone", "dynamic_wi8_afp32", 0.8, 0.01),
        one("head", "static_wi8_ai8", 1.3, 0.0),
        one("head", "dynamic_wi8_afp32", 0.99, 0.0, different=False),
    ),
)


def test_the_fastest_scheme_keeps_within_the_budget():
    assert TIMES.fastest("backbone", 0.1).scheme == "dynamic_wi8_afp32"
    assert TIMES.fastest("backbone", 0.3).scheme == "static_wi8_ai8"
    assert TIMES.fastest("backbone", 0.001) is None


def test_what_cannot_be_told_from_float_is_not_faster():
    assert TIMES.fastest("head", 1.0) is None


def test_ratios_are_by_side_and_scheme():
    assert TIMES.ratios["head", "static_wi8_ai8"] == 1.3
