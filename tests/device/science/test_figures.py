from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mqn.device.science.figures import figures, quantile, summarise
from mqn.errors import MeasurementError
from mqn.quantities import QUANTITIES
from mqn.records import MeasureSettings, Range


def test_order_statistics_by_hand() -> None:
    latency = summarise([3_000_000, 1_000_000, 2_000_000])
    assert (latency.n, latency.min, latency.p50, latency.mean) == (3, 1.0, 2.0, 2.0)
    assert latency.p90 == pytest.approx(2.8)
    assert latency.p99 == pytest.approx(2.98)
    assert latency.std == pytest.approx((2 / 3) ** 0.5)


def test_one_sample_is_all_statistics() -> None:
    latency = summarise([5_000_000])
    assert {latency.min, latency.p50, latency.p90, latency.p99, latency.mean} == {5.0}
    assert latency.std == 0


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_are_numpys(share: float) -> None:
    samples = np.random.default_rng(0).lognormal(size=101)
    assert quantile(sorted(samples), share) == pytest.approx(np.percentile(samples, 100 * share))


def test_figures_of_one_file(make_measurement) -> None:
    assert figures(make_measurement()) == {
        "latency_ms": 6.0,
        "latency_ms.p90": 10.0,
        "size_bytes": 1000.0,
        "peak_memory_mb": 12.5,
    }


def test_figures_of_a_pair_add_up(make_measurement) -> None:
    found = figures(make_measurement(parts=("backbone", "head")))
    assert found["latency_ms"] == 12.0
    assert found["latency_ms.backbone"] == found["latency_ms.head"] == 6.0
    assert found["size_bytes"] == 2000.0


def test_every_figure_is_a_known_quantity(make_measurement) -> None:
    assert set(figures(make_measurement(parts=("backbone", "head")))) <= set(QUANTITIES)


def test_memory_that_could_not_be_read_is_no_figure(make_measurement) -> None:
    assert "peak_memory_mb" not in figures(make_measurement(peak_memory_mb=None))
    assert "undelegated_memory_mb" not in figures(make_measurement(undelegated_memory_mb=None))
    assert figures(make_measurement(undelegated_memory_mb=7.5))["undelegated_memory_mb"] == 7.5


def test_an_unaccepted_verdict_never_becomes_a_number(make_measurement) -> None:
    with pytest.raises(MeasurementError, match=r"'unsteady' on board-1 .*p90 is wide.*only ok counts"):
        figures(make_measurement(verdict="unsteady", reasons=("p90 is wide",)))


def test_an_accepted_verdict_does(make_measurement) -> None:
    settings = MeasureSettings(accept=("ok", "unsteady"))
    assert figures(make_measurement(verdict="unsteady", settings=settings))["latency_ms"] == 6.0


def test_a_crash_is_no_number_even_where_it_is_accepted(make_measurement) -> None:
    settings = MeasureSettings(accept=("ok", "crashed"))
    with pytest.raises(MeasurementError, match="crashed"):
        figures(make_measurement(verdict="crashed", latency_ms=None, settings=settings))


def test_the_range_of_the_median_is_a_figure_where_it_is_known(make_measurement) -> None:
    latency = dataclasses.replace(make_measurement().latency_ms, p50_range=Range(low=5.5, high=6.5))
    found = figures(make_measurement(latency_ms=latency))
    assert (found["latency_ms.p50_low"], found["latency_ms.p50_high"]) == (5.5, 6.5)
    assert set(found) <= set(QUANTITIES)


def test_an_imitated_processors_times_are_no_objective(make_measurement, info) -> None:
    emulated = dataclasses.replace(info, emulated=True, architecture="aarch64")
    with pytest.raises(MeasurementError, match=r"board-1 is emulated \(aarch64\).*measure on a real one"):
        figures(make_measurement(device=emulated))
