"""What a driver does, as metrics of Prometheus."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mqn.errors import FaultError
from mqn.parsing import to_plain
from mqn.search.artifacts import stage_of

if TYPE_CHECKING:
    from mqn.records import TrialRecord
    from mqn.search.watch.snapshot import Snapshot

_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, float("inf"))
"""Upper bounds of a job's seconds."""


class Meter:
    """Counts what ended, and reads the rest from the driver's last snapshot when it is asked.

    A job is counted when its trial ends or is set aside: each step that the trial had done, and each failed try.
    """

    def __init__(
        self,
        study: str,
        *,
        last: Callable[[], Snapshot | None],
        stepped: Callable[[], float],
        heartbeat: Callable[[], float | None] = lambda: None,
        spent: Callable[[], Any] = dict,
        volume: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the metrics.

        Args:
            study: its name.
            last: what the driver did last.
            stepped: monotonic time of the loop's last step.
            heartbeat: seconds since the lease's last sign of life by the database's clock; None: not known.
            spent: what the study's drivers have spent, budget by budget: a record or a mapping.
            volume: the hypervolume of the study's front; None: not known.
            clock: monotonic seconds.
        """
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._study, self._last, self._stepped, self._clock = study, last, stepped, clock
        self._heartbeat, self._spent, self._volume = heartbeat, spent, volume
        self._registry = CollectorRegistry()
        self._trials = Counter("mqn_trials", "Trials that ended.", ["study", "state"], registry=self._registry)
        self._jobs = Counter("mqn_jobs", "Jobs that ended.", ["study", "stage", "outcome"], registry=self._registry)
        self._seconds = Histogram(
            "mqn_job_seconds",
            "Wall time of jobs that ended well.",
            ["study", "stage"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(self)

    def note(self, record: TrialRecord) -> None:
        """A trial has ended, or waits."""
        self._trials.labels(self._study, record.state).inc()
        for step, span in record.spans.items():
            stage, failed = stage_of(step), step in record.unfinished
            self._jobs.labels(self._study, stage, "failed" if failed else "done").inc()
            if not failed:
                self._seconds.labels(self._study, stage).observe(span.seconds)
        for attempt in record.attempts:
            self._jobs.labels(self._study, stage_of(attempt.step), "tried_again").inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        from prometheus_client import generate_latest

        return bytes(generate_latest(self._registry))

    def collect(self) -> Iterator[Any]:
        """What is read anew at each question; called by the registry."""
        from prometheus_client.core import GaugeMetricFamily

        def gauge(name: str, words: str, values: Mapping[Any, float], *labels: str) -> Any:
            family = GaugeMetricFamily(f"mqn_{name}", words, labels=["study", *labels])
            for key, value in values.items():
                family.add_metric([self._study, *key], value)
            return family

        yield gauge(
            "loop_age_seconds", "Time since the driver's loop made a step.", {(): self._clock() - self._stepped()}
        )
        age = self._heartbeat()
        if age is not None:
            yield gauge("heartbeat_age_seconds", "Time since the lease's last sign of life.", {(): age})
        with contextlib.suppress(FaultError):  # The database is away, which `/healthz` tells.
            spent = {(name,): float(value) for name, value in to_plain(self._spent()).items()}
            yield gauge("spent", "What all drivers of the study have spent.", spent, "budget")
            volume = self._volume()
            if volume is not None:
                words = "Of the front, from a tenth behind the worst trial: it moves when that one does."
                yield gauge("hypervolume", words, {(): volume})
        snapshot = self._last()
        if snapshot is None:
            return
        yield gauge("trials_goal", "Trials that the study is to have.", {(): snapshot.goal})
        yield gauge("trials_active", "Trials on their way here.", {(): snapshot.active})
        yield gauge("jobs_running", "Jobs that run.", {(k,): v for k, v in snapshot.running.items()}, "stage")
        yield gauge("jobs_waiting", "Jobs that wait.", {(k,): v for k, v in snapshot.queued.items()}, "stage")
        yield gauge("nodes", "Machines that run jobs.", {(): snapshot.nodes})
        yield gauge("resources", "What all machines have.", {(k,): v for k, v in snapshot.there.items()}, "resource")
        devices = {(device.name, device.state): 1.0 for device in snapshot.devices}
        yield gauge("device_state", "1 for the state that a device is in.", devices, "device", "state")
