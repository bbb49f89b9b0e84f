from __future__ import annotations

import pytest

from mqn.device.science.figures import summarise
from mqn.device.science.repeatability import Repeatability, find_repeatability


def test_the_spread_is_that_of_the_jobs_that_count(make_measurement) -> None:
    jobs = [make_measurement(latency_ms=summarise([milliseconds * 1_000_000])) for milliseconds in (100, 101, 105)]
    refused = make_measurement(verdict="contended", latency_ms=summarise([900_000_000]))
    crashed = make_measurement(verdict="crashed", latency_ms=None)
    found = find_repeatability([*jobs, refused, crashed])
    assert (found.jobs, found.refused, found.p50_ms) == (3, 2, 101.0)
    assert found.spread == pytest.approx(5 / 101)
    assert found.deviation == pytest.approx(1 / 101)


def test_nothing_that_counts_has_no_spread(make_measurement) -> None:
    found = find_repeatability([make_measurement(verdict="unsteady")])
    assert found == Repeatability(jobs=0, refused=1, p50_ms=None, spread=None, deviation=None)
