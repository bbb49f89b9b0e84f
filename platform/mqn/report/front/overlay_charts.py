"""Fronts of several studies as charts, before anything is drawn: a colour a study, a dash a surface."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

from mqn.look.palette import INK, SERIES
from mqn.report.front.charts import TRIAL, Place, chart_pairs, stairs
from mqn.report.front.overlay import Overlay, Surface
from mqn.report.front.points import Point

Dash = Literal["solid", "dot", "dash", "dashdot"]
"""As plotly names it."""
_DASHES: dict[str, Dash] = {"best": "dot", "median": "solid", "worst": "dash"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLine:
    """The front of one study on a chart.

    Attributes:
        name: the study's, with its hypervolume.
        color: of all its marks.
        points: the members, from left to right.
        places: where each lies.
        hollow: whether a figure of each on these axes was measured on a disturbed device.
        stairs: corners of the staircase along the front; empty unless there are two objectives.
    """

    name: str
    color: str
    points: tuple[Point, ...]
    places: tuple[Place, ...]
    hollow: tuple[bool, ...]
    stairs: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceLine:
    """An attainment surface on a chart: its stairs, or with three objectives its corners alone."""

    name: str
    color: str
    dash: Dash
    bold: bool
    places: tuple[Place, ...]
    stairs: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayChart:
    """Fronts over two of their objectives, or over the trials' numbers where there is one objective."""

    x: str
    y: str
    fronts: tuple[FrontLine, ...]
    surfaces: tuple[SurfaceLine, ...]


def overlay_charts(found: Overlay) -> tuple[OverlayChart, ...]:
    """Lay fronts out in charts of two axes, as `front_charts` does for one front."""
    if len(found.axes) == 1:
        return (_chart(found, None, 0),)
    return tuple(_chart(found, *pair) for pair in chart_pairs(found.axes))


def colors_of(found: Overlay) -> dict[str, str]:
    """A colour for each study."""
    return dict(zip((one.study for one in found.fronts), itertools.cycle(SERIES), strict=False))


def _chart(found: Overlay, x: int | None, y: int) -> OverlayChart:
    colors, flat = colors_of(found), x is not None and len(found.axes) == 2
    lines = []
    for one, volume in zip(found.fronts, found.volume_texts, strict=True):
        placed = sorted(
            ((float(p.record.number) if x is None else p.values[x], p.values[y]), p.record.number, p)
            for p in one.points
        )
        points = tuple(point for _, _, point in placed)
        places = tuple(place for place, _, _ in placed)
        lines.append(
            FrontLine(
                name=f"{one.study} (hypervolume {volume})",
                color=colors[one.study],
                points=points,
                places=places,
                hollow=tuple(p.disturbed[y] or (x is not None and p.disturbed[x]) for p in points),
                stairs=stairs(places, found.axes[x]) if flat and x is not None else (),
            )
        )
    several = len({surface.studies for surface in found.surfaces}) > 1
    surfaces = [
        _surface(found, surface, x, y, colors[surface.studies[0]] if several else INK) for surface in found.surfaces
    ]
    return OverlayChart(
        x=TRIAL if x is None else found.axes[x].metric,
        y=found.axes[y].metric,
        fronts=tuple(lines),
        surfaces=tuple(surfaces) if x is not None else (),
    )


def _surface(found: Overlay, surface: Surface, x: int | None, y: int, color: str) -> SurfaceLine:
    places = () if x is None else tuple(sorted((point[x], point[y]) for point in surface.points))
    return SurfaceLine(
        name=surface.words,
        color=color,
        dash=_DASHES.get(surface.name, "dashdot"),
        bold=surface.name == "median",
        places=places,
        stairs=stairs(places, found.axes[x]) if x is not None and len(found.axes) == 2 else (),
    )
