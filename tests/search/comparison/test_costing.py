"""Rows of a comparison, with an exporter and a device made by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.records import make_measurement

from mqn.errors import CandidateError, DataError, DeviceAwayError, DeviceRefusedError, MeasurementError
from mqn.records import Interval, Plan
from mqn.search.comparison.contenders import Contender, Exported
from mqn.search.comparison.costing import cost_of

CONTENDER = Contender(name="mqn", family="mqn", plan=Plan())


def exporting(result: Any) -> Any:
    def export(_contender: Contender) -> Exported:
        if isinstance(result, Exception):
            raise result
        return result

    return SimpleNamespace(export=export)


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    file = tmp_path / "model.tflite"
    file.write_bytes(bytes(1000))
    return Exported(
        files=(file,), family="mqn", plan="int8+dynamic", trained=False, parameters=900_000, macs=500_000_000
    )


def never(*_: object) -> Any:
    raise AssertionError("this is not to be done")


def failing(error: Exception) -> Any:
    def act(_exported: Exported) -> Any:
        raise error

    return act


def test_a_network_has_its_counts_its_latency_and_its_memory(exported):
    row = cost_of(CONTENDER, exporting(exported), lambda _: make_measurement(), never)
    assert (row.parameters, row.macs, row.size_bytes, row.plan) == (900_000, 500_000_000, 1000, "int8+dynamic")
    assert row.latency_range.low < row.latency_ms < row.latency_range.high
    assert (row.peak_memory_mb, row.verdict, row.outside, row.why) == (10.0, "ok", 1, "")
    assert row.accuracy == {}  # `never` would have been called: what is not trained is not scored.


def test_what_cannot_be_exported_is_a_row_that_says_why():
    row = cost_of(CONTENDER, exporting(CandidateError("no kernels")), never, never)
    assert (row.why, row.size_bytes) == ("not exported: no kernels", None)


@pytest.mark.parametrize("error", [MeasurementError("it crashed"), DeviceRefusedError("it crashed")])
def test_what_cannot_be_measured_keeps_its_counts(exported, error):
    row = cost_of(CONTENDER, exporting(exported), failing(error), None)
    assert (row.why, row.latency_ms, row.macs) == ("not measured: it crashed", None, 500_000_000)


def test_a_measurement_that_does_not_count_is_shown_and_says_so(exported):
    found = make_measurement(verdict="contended", reasons=("others ran",))
    row = cost_of(CONTENDER, exporting(exported), failing(MeasurementError("no", found)), None)
    assert (row.why, row.verdict) == ("does not count: contended", "contended")
    assert row.latency_ms == found.latency_ms.p50


def test_a_device_that_goes_away_ends_the_comparison(exported):
    with pytest.raises(DeviceAwayError):
        cost_of(CONTENDER, exporting(exported), failing(DeviceAwayError("gone")), None)


def test_trained_networks_are_scored_and_a_score_that_fails_is_told(exported):
    trained = Exported(files=exported.files, family="", plan="as exported", trained=True)
    told: list[str] = []
    scores = {"psnr_tm": Interval(mean=20.0, low=19.0, high=21.0, n=3)}
    row = cost_of(CONTENDER, exporting(trained), None, lambda _: scores, told.append)
    assert row.accuracy == scores
    assert told == ["mqn: export", "mqn: score"]
    row = cost_of(CONTENDER, exporting(trained), None, failing(DataError("no pictures")))
    assert row.why == "not scored: no pictures"
