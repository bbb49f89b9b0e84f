"""Counters and readings in Prometheus' text format."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Name, without its prefix, to what it counts.
COUNTERS = {
    "requests_total": "Requests answered, by status.",
    "jobs_ended_total": "Jobs ended, by kind and verdict; cancelled ones have the verdict cancelled.",
    "job_seconds_total": "Seconds that jobs ran.",
    "leases_ended_total": "Leases ended, by reason.",
    "uploads_total": "Uploads, by outcome.",
    "upload_bytes_total": "Bytes of the models taken in.",
    "auth_failures_total": "Requests without a token that lets them in, by reason.",
}

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value as it is now.

    Attributes:
        name: without the prefix.
        help: what it says.
        value: the value.
        labels: what tells it from others of its name.
    """

    name: str
    help: str
    value: float
    labels: Labels


class Metrics:
    """The counters of one agent since it began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[tuple[tuple[str, str], ...], float]] = {name: {} for name in COUNTERS}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter.

        Args:
            name: one of `COUNTERS`.
            amount: what to add.
            labels: which of that name.
        """
        key = tuple(sorted(labels.items()))
        with self._lock:
            self._counts[name][key] = self._counts[name].get(key, 0) + amount

    def render(self, readings: Iterable[Reading] = ()) -> str:
        """Write counters and readings down.

        Args:
            readings: those of one name one after the other.
        """
        lines: list[str] = []
        with self._lock:
            for name, counts in self._counts.items():
                lines += _head(name, COUNTERS[name], "counter")
                lines += [_sample(name, dict(key), value) for key, value in sorted(counts.items())]
        told = ""
        for reading in readings:
            if reading.name != told:
                lines += _head(reading.name, reading.help, "gauge")
                told = reading.name
            lines.append(_sample(reading.name, reading.labels, reading.value))
        return "\n".join(lines) + "\n"


def _head(name: str, text: str, kind: Literal["counter", "gauge"]) -> list[str]:
    return [f"# HELP mqn_{name} {text}", f"# TYPE mqn_{name} {kind}"]


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return f"mqn_{name}{{{inside}}} {value:.17g}" if inside else f"mqn_{name} {value:.17g}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
