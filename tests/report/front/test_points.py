from __future__ import annotations

import pytest

from mqn.errors import UnknownNameError
from mqn.records import Range
from mqn.report.front.charts import front_charts
from mqn.report.front.front import front
from mqn.report.front.points import overlap, range_of
from mqn.search.space.goals import Objective

LOW, HIGH = "latency_ms.p50_low", "latency_ms.p50_high"


@pytest.fixture
def ranged(trial):
    """A trial whose latency is known within 5 % on the board and within 1 % on the phone, which is twice as fast."""

    def make(number, psnr, latency):
        board = {"latency_ms": latency, LOW: latency * 0.95, HIGH: latency * 1.05}
        phone = {"latency_ms": latency / 2, LOW: latency / 2 * 0.99, HIGH: latency / 2 * 1.01}
        devices = {"board": board, "phone": phone}
        return trial(number, psnr, latency, device_figures=devices, verdicts=dict.fromkeys(devices, "ok"))

    return make


def test_ranges_that_share_a_value_overlap_and_what_is_unknown_does_not():
    assert overlap(Range(low=1, high=2), Range(low=2, high=3))
    assert not overlap(Range(low=1, high=2), Range(low=2.1, high=3))
    assert not overlap(None, Range(low=2, high=3))


def test_only_the_median_has_a_range():
    figures = {"latency_ms": 10.0, LOW: 9.0, HIGH: 11.0, f"{LOW}/phone": 4.0, f"{HIGH}/phone": 5.0, "psnr_tm": 20.0}
    assert range_of(figures, "latency_ms") == Range(low=9, high=11)
    assert range_of(figures, "latency_ms/phone") == Range(low=4, high=5)
    assert range_of(figures, "latency_ms/board") is None
    assert range_of(figures, "psnr_tm") is None
    assert range_of(figures, "latency_ms.p90") is None


def test_a_device_s_figures_never_mix_with_another_s(trial):
    board = {"latency_ms": 10.0, LOW: 9.0, HIGH: 11.0, "peak_memory_mb": 7.0}
    record = trial(0, 20, 10, device_figures={"board": board, "phone": {"latency_ms": 4.0}})
    first, phone = record.figures_by_name(), record.figures_by_name("phone")
    assert (first["latency_ms"], first["latency_ms/phone"]) == (10, 4)
    assert range_of(first, "latency_ms") == Range(low=9, high=11)
    assert (phone["psnr_tm"], phone["latency_ms"], phone["latency_ms/board"]) == (20, 4, 10)
    assert "peak_memory_mb" not in phone
    assert range_of(phone, "latency_ms") is None


def test_front_members_that_overlap_are_named(ranged, objectives):
    found = front([ranged(0, 20, 10), ranged(1, 21, 10.5), ranged(2, 25, 20)], objectives)
    assert found.indistinct == ((1,), (0,), ())
    first, _, last = found.plain()["front"]
    assert (first["indistinct_from"], last["indistinct_from"]) == ([1], [])
    assert first["latency_range"] == {"low": 9.5, "high": 10.5}
    assert first["latency_ranges"] == {"latency_ms": {"low": 9.5, "high": 10.5}}


def test_one_device_that_tells_two_trials_apart_is_enough(ranged):
    both = tuple(Objective(metric=name) for name in ("psnr_tm", "latency_ms/board", "latency_ms/phone"))
    records = [ranged(0, 20, 10), ranged(1, 21, 10.5)]
    assert front(records, both).indistinct == ((), ())
    board = front(records, both, "board")
    assert [axis.metric for axis in board.axes] == ["psnr_tm", "latency_ms/board"]
    assert board.indistinct == ((1,), (0,))


def test_without_a_latency_among_the_objectives_nothing_is_said(ranged):
    found = front([ranged(0, 20, 10), ranged(1, 21, 10.5)], (Objective(metric="psnr_tm"),))
    assert found.indistinct == ((),)
    assert found.plain()["front"][0]["latency_range"] is None


def test_a_device_that_no_objective_names_is_refused(ranged):
    only = (Objective(metric="latency_ms/board"),)
    with pytest.raises(UnknownNameError, match=r"no device 'phone'; .*allowed: board"):
        front([ranged(0, 20, 10)], only, "phone")


def test_every_device_has_its_chart_and_marks_carry_their_ranges(ranged):
    names = ("psnr_tm", "latency_ms/board", "latency_ms/phone")
    records = [ranged(0, 20, 10), ranged(1, 21, 10.5)]
    charts = front_charts(front(records, tuple(Objective(metric=name) for name in names)))
    assert [(chart.x, chart.y) for chart in charts] == [
        ("latency_ms/board", "psnr_tm"),
        ("latency_ms/phone", "psnr_tm"),
    ]
    assert charts[1].best[0].x_range == Range(low=4.95, high=5.05)
    assert charts[1].best[0].y_range is None
    (chart,) = front_charts(front(records, tuple(Objective(metric=name) for name in names[:2])))
    assert chart.best[0].names == ("#0 ≈ #1, ca w0.35 int8+dynamic", "#0 ≈ #1", "#0 ≈")
    (chart,) = front_charts(front(records, tuple(Objective(metric=name) for name in names[1:])))
    assert (chart.x, chart.y) == ("latency_ms/board", "latency_ms/phone")
