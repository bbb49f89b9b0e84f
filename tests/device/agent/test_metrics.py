from __future__ import annotations

import pytest

from mqn.device.agent.metrics import Metrics, Reading


def test_counters_add_up_by_label() -> None:
    metrics = Metrics()
    metrics.count("requests_total", status="200")
    metrics.count("requests_total", status="200")
    metrics.count("requests_total", status="404")
    metrics.count("job_seconds_total", 0.25)
    lines = metrics.render().splitlines()
    assert lines[:4] == [
        "# HELP mqn_requests_total Requests answered, by status.",
        "# TYPE mqn_requests_total counter",
        'mqn_requests_total{status="200"} 2',
        'mqn_requests_total{status="404"} 1',
    ]
    assert "mqn_job_seconds_total 0.25" in lines


def test_labels_are_escaped() -> None:
    reading = Reading(name="x", help="X.", value=1e9, labels={"token": 'a"b\\c\nd'})
    assert Metrics().render([reading]).splitlines()[-1] == 'mqn_x{token="a\\"b\\\\c\\nd"} 1000000000'


def test_readings_of_one_name_share_a_head() -> None:
    readings = [Reading(name="jobs", help="Jobs.", value=n, labels={"state": str(n)}) for n in range(2)]
    assert Metrics().render(readings).count("# TYPE mqn_jobs gauge") == 1


def test_only_known_counters_count() -> None:
    with pytest.raises(KeyError):
        Metrics().count("other")
