"""The paper's Table 3: networks beside each other, ours beside the published figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mqn.quantities import quantity
from mqn.records import NetworkCost
from mqn.scoring.wording import short_names

NOT_TRAINED = "not trained"
NOTE = (
    "In brackets: the paper's Table 3, for 256 x 256 pixels; its latency and memory are those of a phone with an "
    "Exynos 990. Compare ratios, not times. Ranges are of 95 %. A GMAC is 10^9 multiply-accumulates, an MB 10^6 bytes."
)
PAPERS_MEASURE = "hdrvdp_q_p3"
"""What the paper's HDRVDP-Q stands beside. It does not say how it scaled pictures; this measure forgives exposure."""
ACCURACY_NOTE = (
    "The paper's HDRVDP-Q on {} is given with its standard deviation. How the paper scaled pictures, and made inputs "
    "of RAISE-1K, is not published."
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
        q: HDRVDP-Q by test set: mean and standard deviation.
    """

    title: str = ""
    parameters_m: float | None = None
    gmacs: float | None = None
    mobile_ms: float | None = None
    mobile_mb: float | None = None
    q: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def _on_test_sets(
    hdr_eye: tuple[float, float], raise_1k: tuple[float, float], hdr_real: tuple[float, float]
) -> dict[str, tuple[float, float]]:
    return {"HDR-Eye": hdr_eye, "RAISE-1K": raise_1k, "HDR-Real": hdr_real}


TABLE3 = {
    "hdrcnn": Published(
        title="HDRCNN", parameters_m=29.44, gmacs=30.35, q=_on_test_sets((51.16, 4.43), (51.89, 2.77), (45.56, 8.18))
    ),
    # Its GMAC are near twice those of the authors' network, 56.26: FLOPs, it seems.
    "singlehdr": Published(
        title="SingleHDR",
        parameters_m=29.01,
        gmacs=112.75,
        q=_on_test_sets((53.05, 5.08), (51.69, 2.56), (48.72, 4.03)),
    ),
    "fhdr": Published(
        title="FHDR",
        parameters_m=0.571,
        gmacs=72.34,
        mobile_ms=4970,
        mobile_mb=832.40,
        q=_on_test_sets((51.41, 6.72), (53.13, 1.71), (45.82, 8.67)),
    ),
    "hdrunet": Published(
        title="HDRUNet",
        parameters_m=1.651,
        gmacs=23.42,
        mobile_ms=808,
        mobile_mb=353.46,
        q=_on_test_sets((50.32, 4.07), (51.42, 3.35), (44.60, 7.30)),
    ),
    "expandnet": Published(
        title="ExpandNet",
        parameters_m=0.45,
        gmacs=13.66,
        mobile_ms=474,
        mobile_mb=262.77,
        q=_on_test_sets((50.52, 3.94), (51.83, 1.68), (44.86, 8.21)),
    ),
    "deephdr": Published(
        title="DeepHDR",
        parameters_m=51.545,
        gmacs=18.94,
        mobile_ms=238,
        mobile_mb=251.17,
        q=_on_test_sets((51.11, 4.45), (51.66, 2.79), (45.81, 8.34)),
    ),
    "twostage": Published(
        title="TwoStage",
        parameters_m=1.088,
        gmacs=54.91,
        mobile_ms=3338,
        mobile_mb=397.41,
        q=_on_test_sets((49.68, 3.7), (52.95, 2.36), (43.46, 7.55)),
    ),
    "mqn": Published(
        title="MQN",
        parameters_m=0.928,
        gmacs=0.5,
        mobile_ms=21,
        mobile_mb=9.45,
        q=_on_test_sets((51.59, 4.61), (51.81, 1.56), (45.15, 8.15)),
    ),
}
"""By the family's name. Source: Table 3 of the paper."""

_TEST_SETS = {
    "hdr-eye-singlehdr": ("HDR-Eye", "camera"),
    "hdr-real": ("HDR-Real", "camera"),
    "raise-1k": ("RAISE-1K", "operators"),
}
"""By the name in `mqn data list`: the paper's word for it, and the inputs; RAISE-1K has none of its camera's own."""


_NOTHING = Published()


def papers_test_set(published: str, inputs: str, *, whole: bool) -> str:
    """The paper's word for what networks were judged on; empty where the paper has no figures of it.

    Args:
        published: the public dataset's name in `mqn data list`; empty: none.
        inputs: kind of LDR inputs, as of `mqn score`.
        whole: whether all its pictures were judged.
    """
    name, kind = _TEST_SETS.get(published, ("", ""))
    return name if whole and inputs == kind else ""


def note(rows: Sequence[NetworkCost], judged_on: str) -> str:
    """What readers of the table must know; `judged_on` is as of `papers_test_set`."""
    return f"{NOTE} {ACCURACY_NOTE.format(judged_on)}" if judged_on and PAPERS_MEASURE in _metrics(rows) else NOTE


def columns(rows: Sequence[NetworkCost]) -> list[str]:
    """The heads of a table of these rows."""
    metrics = [quantity(name).label for name in _metrics(rows)]
    first = next(iter(short_names(row.name for row in rows).values()), "")
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


def cells(rows: Sequence[NetworkCost], judged_on: str = "") -> list[list[str]]:
    """A row of text for each network; what is not known is `-`, and the remark says why.

    Paths in names are shortened as far as the names stay distinct. `judged_on` is as of `papers_test_set`.
    """
    short = short_names(row.name for row in rows)
    return [_cells(row, short[row.name], rows[0], _metrics(rows), judged_on) for row in rows]


def markdown(rows: Sequence[NetworkCost], about: str, judged_on: str = "") -> str:
    """The table as Markdown, under a sentence on where it was measured; `judged_on` is as of `papers_test_set`."""
    heads = columns(rows)
    table = (heads, ["---"] * len(heads), *cells(rows, judged_on))
    lines = [about, "", *(f"| {' | '.join(line)} |" for line in table), "", note(rows, judged_on)]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[NetworkCost], judged_on: str = "") -> str:
    """One line a network, numbers alone, with the paper's figures beside; `judged_on` is as of `papers_test_set`."""
    metrics = _metrics(rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    figures = ["parameters", "macs", "size_bytes", "latency_ms", "peak_memory_mb", "outside"]
    paper = ["parameters_m", "gmacs", "mobile_ms", "mobile_mb"]
    low_high = ["latency_ms.low", "latency_ms.high"]
    heads = ["network", "family", "plan", "trained", "verdict", *figures, *low_high]
    accuracy = [f"{name}{end}" for name in metrics for end in ("", ".low", ".high")]
    writer.writerow([*heads, *(f"paper.{name}" for name in paper), "paper.hdrvdp_q", *accuracy, "why"])
    for row in rows:
        known = TABLE3.get(row.family, _NOTHING)
        found: list[Any] = [row.name, row.family, row.plan, row.trained, row.verdict]
        found += [getattr(row, name) for name in figures]
        found += [row.latency_range.low, row.latency_range.high] if row.latency_range else [None, None]
        found += [getattr(known, name) for name in paper]
        found.append(known.q[judged_on][0] if judged_on in known.q else None)
        for name in metrics:
            interval = row.accuracy.get(name)
            found += [interval.mean, interval.low, interval.high] if interval else [None] * 3
        writer.writerow(["" if value is None else value for value in [*found, row.why]])
    return stream.getvalue()


def _metrics(rows: Sequence[NetworkCost]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.accuracy))


def _cells(row: NetworkCost, name: str, first: NetworkCost, metrics: Sequence[str], judged_on: str) -> list[str]:
    known, base = TABLE3.get(row.family, _NOTHING), TABLE3.get(first.family, _NOTHING)
    latency = "-" if row.latency_ms is None else _short(row.latency_ms)
    if row.latency_range is not None:
        latency += f" ({_short(row.latency_range.low)} to {_short(row.latency_range.high)})"
    accuracies = [_accuracy(row, metric) + _papers_accuracy(known, metric, judged_on) for metric in metrics]
    outside = f"{row.outside} operators outside the delegate" if row.outside else ""
    other = row.side is not None and row.side != first.side
    side = f"takes pictures of {row.side} x {row.side} pixels, not {first.side}" if other else ""
    return [
        f"{known.title} ({name})" if known.title and known.title.lower() != name.lower() else name,
        row.plan or "-",
        _beside(row.parameters, 1e6, known.parameters_m),
        _beside(row.macs, 1e9, known.gmacs),
        _beside(row.size_bytes, 1e6, None),
        f"{latency}{_in_brackets(known.mobile_ms)}",
        _ratio(row.latency_ms, first.latency_ms, known.mobile_ms, base.mobile_ms),
        _beside(row.peak_memory_mb, 1, known.mobile_mb),
        _ratio(row.peak_memory_mb, first.peak_memory_mb, known.mobile_mb, base.mobile_mb),
        *(accuracies or ["not scored" if row.trained else NOT_TRAINED]),
        "; ".join(filter(None, (row.why, side, outside))),
    ]


def _accuracy(row: NetworkCost, metric: str) -> str:
    if metric not in row.accuracy:
        return "-" if row.trained else NOT_TRAINED
    found = row.accuracy[metric]
    return f"{quantity(metric).text(found.mean)} ({found.low:.3g} to {found.high:.3g})"


def _papers_accuracy(known: Published, metric: str, judged_on: str) -> str:
    if metric != PAPERS_MEASURE or judged_on not in known.q:
        return ""
    mean, deviation = known.q[judged_on]
    return f" [{mean:.4g} ± {deviation:.3g}]"


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
