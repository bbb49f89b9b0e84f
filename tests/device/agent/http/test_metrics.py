from __future__ import annotations

import pytest
from prometheus_client.core import GaugeMetricFamily

from mqn.device.agent.http.metrics import Metrics


def test_counters_add_up_by_label() -> None:
    metrics = Metrics()
    metrics.count("requests_total", status="200")
    metrics.count("requests_total", status="200")
    metrics.count("requests_total", status="404")
    metrics.count("job_seconds_total", 0.25)
    lines = metrics.render().decode().splitlines()
    assert lines[:4] == [
        "# HELP mqn_requests_total Requests answered, by status.",
        "# TYPE mqn_requests_total counter",
        'mqn_requests_total{status="200"} 2.0',
        'mqn_requests_total{status="404"} 1.0',
    ]
    assert "mqn_job_seconds_total 0.25" in lines


def test_nothing_else_is_told() -> None:
    told = {line.split()[2] for line in Metrics().render().decode().splitlines() if line.startswith("# TYPE")}
    assert told == {
        "mqn_requests_total",
        "mqn_jobs_ended_total",
        "mqn_job_seconds_total",
        "mqn_leases_ended_total",
        "mqn_uploads_total",
        "mqn_upload_bytes_total",
        "mqn_auth_failures_total",
    }


def test_gauges_follow_the_counters() -> None:
    gauge = GaugeMetricFamily("mqn_x", "X.", labels=["token"])
    gauge.add_metric(['a"b\\c\nd'], 1e9)
    assert Metrics().render([gauge]).decode().splitlines()[-3:] == [
        "# HELP mqn_x X.",
        "# TYPE mqn_x gauge",
        'mqn_x{token="a\\"b\\\\c\\nd"} 1e+09',
    ]


def test_only_known_counters_count() -> None:
    with pytest.raises(KeyError):
        Metrics().count("other")
