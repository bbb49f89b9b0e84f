"""A timeline as a picture (PNG) and as a page (HTML)."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from mqn.look.palette import FAINT, GRID, INK, LIMIT, MUTED, SERIES
from mqn.report.timeline.gaps import Gap
from mqn.report.timeline.rows import Drawn, lay_out
from mqn.report.timeline.summary import Sum, Summary
from mqn.report.timeline.timeline import TRAIN, Bar
from mqn.report.timeline.words import busy_line, clock, duration, title

_INCHES_A_ROW, _PIXELS_A_ROW = 0.26, 26
_GAPS = "no training"


def write_timeline_png(summary: Summary, path: Path) -> None:
    """Draw the jobs by machine and device, and above them when no training ran.

    Raises `UsageError` if the file cannot be written.
    """
    from mqn.look.canvas import picture

    rows, left_out = lay_out(summary.timeline)
    colors, scale, unit = _colors(summary), *_scale(summary.timeline.seconds)
    note = busy_line(summary) + (f" · {left_out} rows more" if left_out else "")
    size = (12, 1.9 + _INCHES_A_ROW * (len(rows) + 1))
    with picture(path, title(summary.timeline), legend=8, note=note, size=size) as (axes,):
        for place, row in enumerate(rows, start=1):
            for stage, color in colors.items():
                own = [bar for bar in row.bars if bar.stage == stage]
                if own:
                    spans = [(bar.begin / scale, max(bar.seconds, 1e-3) / scale) for bar in own]
                    axes.broken_barh(spans, (place - 0.4, 0.8), color=color, lw=0, label=stage)
            failed = [bar for bar in row.bars if bar.error]
            if failed:
                middles = [(bar.begin + bar.end) / 2 / scale for bar in failed]
                axes.plot(middles, [place] * len(failed), "x", color=INK, ms=5, mew=1.4, label="failed")
        gaps = summary.trainers.gaps if summary.trainers is not None else ()
        axes.broken_barh([(gap.begin / scale, gap.seconds / scale) for gap in gaps], (-0.3, 0.6), color=MUTED, lw=0)
        axes.set_yticks(range(len(rows) + 1), [_GAPS, *(row.name for row in rows)], fontsize=8)
        axes.set_ylim(len(rows) + 0.6, -0.6)
        axes.set_xlim(0, max(summary.timeline.seconds, 1e-3) / scale)
        axes.set_xlabel(f"time since the first job began ({unit})")
        axes.grid(visible=False, axis="y")


def write_timeline_page(summary: Summary, path: Path) -> None:
    """Write a page: the same picture, to zoom and to point at, and tables. About 5 MB, the plotting library included.

    Raises `UsageError` if the file cannot be written.
    """
    from mqn.look import page
    from mqn.look.blocks import Section, Text, Tiles
    from mqn.look.charts import chart

    timeline, trainers = summary.timeline, summary.trainers
    tiles = [(duration(timeline.seconds), "from first to last job"), (f"{len(timeline.bars):,}", "jobs")]
    if trainers is not None:
        tiles += [
            (f"{trainers.busy:.0%}", "of the time a training ran"),
            (str(trainers.at_once), "trainings at a time"),
        ]
    sections = [
        Section(title="What ran where", blocks=(chart(draw_timeline(summary), "timeline"),)),
        Section(title="Stages", blocks=(_sums(summary.stages),)),
        Section(title="Machines and devices", blocks=(_sums((*summary.nodes, *summary.devices)),)),
    ]
    if trainers is not None and trainers.gaps:
        sections.append(Section(title="When no training ran, and why", blocks=(_gaps(trainers.gaps),)))
    page.write_page(path, page.render(title(timeline), [Tiles(tuple(tiles)), Text(busy_line(summary))], sections))


def draw_timeline(summary: Summary) -> Any:
    """Draw the jobs by machine and device with plotly, and above them when no training ran; a bar knows its trial."""
    import plotly.graph_objects as go

    from mqn.look.charts import dress

    rows, _ = lay_out(summary.timeline)
    scale, unit = _scale(summary.timeline.seconds)
    figure = go.Figure()
    for stage, color in _colors(summary).items():
        own = [(_name(row, place), bar) for place, row in enumerate(rows) for bar in row.bars if bar.stage == stage]
        figure.add_bar(
            orientation="h",
            name=stage,
            marker={"color": color, "line": {"width": 0}},
            y=[name for name, _ in own],
            base=[bar.begin / scale for _, bar in own],
            x=[bar.seconds / scale for _, bar in own],
            customdata=[bar.trial for _, bar in own],
            hovertext=[_hover(bar) for _, bar in own],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    gaps = summary.trainers.gaps if summary.trainers is not None else ()
    figure.add_bar(
        orientation="h",
        name=_GAPS,
        marker={"color": MUTED, "line": {"width": 0}},
        y=[_GAPS] * len(gaps),
        base=[gap.begin / scale for gap in gaps],
        x=[gap.seconds / scale for gap in gaps],
        hovertext=[f"{html.escape(gap.why)}<br>from {clock(gap.begin)}, {gap.seconds:.1f} s" for gap in gaps],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    names = [_GAPS, *(_name(row, place) for place, row in enumerate(rows))]
    figure.update_layout(
        barmode="overlay",
        xaxis={"title": f"time since the first job began ({unit})", "gridcolor": GRID, "zeroline": False},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "automargin": True},
        legend={"y": 1.02, "yanchor": "bottom"},
    )
    margin = {"l": 10, "r": 10, "t": 40, "b": 50}
    return dress(figure, height=120 + _PIXELS_A_ROW * len(names), margin=margin)


def _name(row: Drawn, place: int) -> str:
    # Rows of one name would be drawn over each other; an invisible character tells them apart.
    return html.escape(row.name) + "\u200b" * place


def _hover(bar: Bar) -> str:
    lines = [f"{bar.step} of #{bar.trial} {bar.label}", f"from {clock(bar.begin)}, {bar.seconds:.1f} s"]
    lines += [f"failed: {bar.error}"] if bar.error else []
    return "<br>".join(map(html.escape, lines))


def _colors(summary: Summary) -> dict[str, str]:
    """A colour for each stage; trainings have the accent."""
    stages = [TRAIN, *sorted(one.name for one in summary.stages if one.name != TRAIN)]
    colors = [color for color in SERIES if color != LIMIT]  # Red would look like a failure.
    return {stage: colors[number] if number < len(colors) else FAINT for number, stage in enumerate(stages)}


def _scale(seconds: float) -> tuple[float, str]:
    return (1.0, "s") if seconds < 600 else (60.0, "min") if seconds < 4 * 3600 else (3600.0, "h")


def _sums(sums: tuple[Sum, ...]) -> Any:
    from mqn.look.blocks import Cell, Row, Table

    head = ("", "jobs", "failed", "seconds", "busy", "first used", "last used")
    rows = [
        Row(
            cells=(
                Cell(text=one.name, kind="key"),
                *(Cell(text=str(count), value=count, kind="number") for count in (one.jobs, one.failed)),
                Cell(text=f"{one.seconds:,.1f}", value=one.seconds, kind="number"),
                Cell(text=f"{one.busy_seconds:,.1f}", value=one.busy_seconds, kind="number"),
                Cell(text=clock(one.first), value=one.first, kind="number"),
                Cell(text=clock(one.last), value=one.last, kind="number"),
            )
        )
        for one in sums
    ]
    kinds = ("key", *(["number"] * 6))
    return Table(
        head=tuple(Cell(text=text, kind=kind) for text, kind in zip(head, kinds, strict=True)),  # type: ignore[arg-type]
        rows=tuple(rows),
        sortable=True,
    )


def _gaps(gaps: tuple[Gap, ...]) -> Any:
    from mqn.look.blocks import Cell, Row, Table

    head = (Cell(text="from", kind="number"), Cell(text="seconds", kind="number"), Cell(text="why"))
    rows = tuple(
        Row(
            cells=(
                Cell(text=clock(gap.begin), value=gap.begin, kind="number"),
                Cell(text=f"{gap.seconds:.1f}", value=gap.seconds, kind="number"),
                Cell(text=gap.why, kind="long"),
            )
        )
        for gap in gaps
    )
    return Table(head=head, rows=rows, sortable=True, height=480)
