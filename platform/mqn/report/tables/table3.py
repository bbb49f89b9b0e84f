"""The paper's Table 3: networks beside each other, ours beside the published figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mqn.quantities import quantity
from mqn.records import NetworkCost

NOT_TRAINED = "not trained"
NOTE = (
    "In brackets: the paper's Table 3, for 256 x 256 pixels; its latency and memory are those of a phone with an "
    "Exynos 990. Compare ratios, not times. Ranges are of 95 %. A GMAC is 10^9 multiply-accumulates, an MB 10^6 bytes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A row of Table 3.

    Attributes:
        title: the network's name.
        parameters_m: millions of parameters.
        gmacs: 10^9 multiply-accumulates.
        mobile_ms: latency on the phone; None: the paper gives none.
        mobile_mb: peak memory on the phone; None likewise.
    """

    title: str = ""
    parameters_m: float | None = None
    gmacs: float | None = None
    mobile_ms: float | None = None
    mobile_mb: float | None = None


TABLE3 = {
    "hdrcnn": Published(title="HDRCNN", parameters_m=29.44, gmacs=30.35),
    "singlehdr": Published(title="SingleHDR", parameters_m=29.01, gmacs=112.75),
    "fhdr": Published(title="FHDR", parameters_m=0.571, gmacs=72.34, mobile_ms=4970, mobile_mb=832.40),
    "hdrunet": Published(title="HDRUNet", parameters_m=1.651, gmacs=23.42, mobile_ms=808, mobile_mb=353.46),
    "expandnet": Published(title="ExpandNet", parameters_m=0.45, gmacs=13.66, mobile_ms=474, mobile_mb=262.77),
    "deephdr": Published(title="DeepHDR", parameters_m=51.545, gmacs=18.94, mobile_ms=238, mobile_mb=251.17),
    "twostage": Published(title="TwoStage", parameters_m=1.088, gmacs=54.91, mobile_ms=3338, mobile_mb=397.41),
    "mqn": Published(title="MQN", parameters_m=0.928, gmacs=0.5, mobile_ms=21, mobile_mb=9.45),
}
"""By the family's name. Source: Table 3 of the paper."""


_NOTHING = Published()


def columns(rows: Sequence[NetworkCost]) -> list[str]:
    """The heads of a table of these rows."""
    metrics = [quantity(name).label for name in _metrics(rows)]
    first = rows[0].name if rows else ""
    return [
        "network",
        "plan",
        "M parameters",
        "GMAC",
        "file MB",
        "latency ms",
        f"latency / {first}",
        "peak MB",
        f"memory / {first}",
        *(metrics or ["accuracy"]),
        "remarks",
    ]


def cells(rows: Sequence[NetworkCost]) -> list[list[str]]:
    """A row of text for each network; what is not known is `-`, and the remark says why."""
    return [_cells(row, rows[0], _metrics(rows)) for row in rows]


def markdown(rows: Sequence[NetworkCost], about: str) -> str:
    """The table as Markdown, under a sentence on where it was measured."""
    heads = columns(rows)
    lines = [about, "", *(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *cells(rows))), "", NOTE]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[NetworkCost]) -> str:
    """One line a network, numbers alone, with the paper's figures beside."""
    metrics = _metrics(rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    figures = ["parameters", "macs", "size_bytes", "latency_ms", "peak_memory_mb", "outside"]
    paper = ["parameters_m", "gmacs", "mobile_ms", "mobile_mb"]
    low_high = ["latency_ms.low", "latency_ms.high"]
    heads = ["network", "family", "plan", "trained", "verdict", *figures, *low_high]
    writer.writerow([*heads, *(f"paper.{name}" for name in paper), *metrics, "why"])
    for row in rows:
        known = TABLE3.get(row.family, _NOTHING)
        found: list[Any] = [row.name, row.family, row.plan, row.trained, row.verdict]
        found += [getattr(row, name) for name in figures]
        found += [row.latency_range.low, row.latency_range.high] if row.latency_range else [None, None]
        found += [getattr(known, name) for name in paper]
        found += [row.accuracy[name].mean if name in row.accuracy else None for name in metrics]
        writer.writerow(["" if value is None else value for value in [*found, row.why]])
    return stream.getvalue()


def _metrics(rows: Sequence[NetworkCost]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.accuracy))


def _cells(row: NetworkCost, first: NetworkCost, metrics: Sequence[str]) -> list[str]:
    known, base = TABLE3.get(row.family, _NOTHING), TABLE3.get(first.family, _NOTHING)
    latency = "-" if row.latency_ms is None else _short(row.latency_ms)
    if row.latency_range is not None:
        latency += f" ({_short(row.latency_range.low)} to {_short(row.latency_range.high)})"
    accuracies = [_accuracy(row, name) for name in metrics]
    outside = f"{row.outside} operators outside the delegate" if row.outside else ""
    return [
        f"{known.title} ({row.name})" if known.title and known.title.lower() != row.name.lower() else row.name,
        row.plan or "-",
        _beside(row.parameters, 1e6, known.parameters_m),
        _beside(row.macs, 1e9, known.gmacs),
        _beside(row.size_bytes, 1e6, None),
        f"{latency}{_in_brackets(known.mobile_ms)}",
        _ratio(row.latency_ms, first.latency_ms, known.mobile_ms, base.mobile_ms),
        _beside(row.peak_memory_mb, 1, known.mobile_mb),
        _ratio(row.peak_memory_mb, first.peak_memory_mb, known.mobile_mb, base.mobile_mb),
        *(accuracies or ["not scored" if row.trained else NOT_TRAINED]),
        "; ".join(filter(None, (row.why, outside))),
    ]


def _accuracy(row: NetworkCost, metric: str) -> str:
    if metric not in row.accuracy:
        return "-" if row.trained else NOT_TRAINED
    found = row.accuracy[metric]
    return f"{quantity(metric).text(found.mean)} ({found.low:.3g} to {found.high:.3g})"


def _beside(value: float | None, unit: float, published: float | None) -> str:
    """A figure, and the paper's in brackets."""
    return f"{'-' if value is None else f'{value / unit:.4g}'}{_in_brackets(published)}"


def _ratio(value: float | None, first: float | None, published: float | None, base: float | None) -> str:
    ours = "-" if value is None or not first else f"{value / first:.3g}"
    theirs = None if published is None or not base else published / base
    return f"{ours}{_in_brackets(theirs)}"


def _in_brackets(published: float | None) -> str:
    return "" if published is None else f" [{_short(published)}]"


def _short(value: float) -> str:
    """Three digits, and whole numbers from 1000 on."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
