"""Counters of the agent, and all of its metrics as text, by `prometheus_client`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from types import SimpleNamespace

from prometheus_client import CollectorRegistry, Counter, Metric, disable_created_metrics, generate_latest

PREFIX = "mqn_"

# Name, without its prefix, to what it counts and by which labels.
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "requests_total": ("Requests answered, by status.", ("status",)),
    "jobs_ended_total": (
        "Jobs ended, by kind and verdict; cancelled ones have the verdict cancelled.",
        ("kind", "verdict"),
    ),
    "job_seconds_total": ("Seconds that jobs ran.", ()),
    "leases_ended_total": ("Leases ended, by reason.", ("reason",)),
    "uploads_total": ("Uploads, by outcome.", ("outcome",)),
    "upload_bytes_total": ("Bytes of the models taken in.", ()),
    "auth_failures_total": ("Requests without a token that lets them in, by reason.", ("reason",)),
}


class Metrics:
    """The counters of one agent since it began."""

    def __init__(self) -> None:
        disable_created_metrics()
        # A registry of its own: the library's default one reads the machine.
        self._registry = CollectorRegistry(auto_describe=False)
        self._counters = {
            name: Counter(PREFIX + name, text, labels, registry=self._registry)
            for name, (text, labels) in COUNTERS.items()
        }

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add an amount to one of `COUNTERS`, by its labels."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def render(self, gauges: Iterable[Metric] = ()) -> bytes:
        """Write the counters, and gauges of the present, in Prometheus' text format."""
        everything = SimpleNamespace(collect=lambda: chain(self._registry.collect(), gauges))
        return generate_latest(everything)
