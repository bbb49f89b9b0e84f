"""Dashboards: what a study's page shows. TOML files in `dashboards/`, parsed and checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mqn.errors import ConfigError, nearest
from mqn.home import shipped
from mqn.parsing import from_mapping, read_toml
from mqn.quantities import QUANTITIES, find_quantity
from mqn.records import Candidate

Kind = Literal[
    "front",
    "hypervolume",
    "scatter",
    "parallel",
    "importance",
    "curves",
    "latency",
    "table",
    "failures",
    "timeline",
    "running",
    "trainings",
    "selection",
]

LIVE_ONLY = ("running", "trainings", "selection", "timeline")
"""Panels of `mqn dashboard` alone: they show what happens now, unfold, ask back, or name machines (`mqn timeline` has a
page of its own). A page that is a file leaves them out, and is the same after a study has moved."""

TABS = {
    "running": "Running",
    "timeline": "Running",
    "table": "Trials",
    "parallel": "Trials",
    "importance": "Trials",
    "selection": "Select",
    "curves": "Training",
    "trainings": "Training",
    "failures": "Failures",
}
"""The tab of `mqn dashboard` that a kind stands on where its panel names none; all others: `Front`."""

COUNTED = ("trials", "trainings", "hours")
"""What a hypervolume may be drawn against."""

CURVES = ("loss", "l1", "l2", "cosine", "features", "val_loss", "val_psnr_tm", "learning_rate", "seconds")
"""What a training's history holds an epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel of a dashboard.

    Attributes:
        kind: what it shows.
        title: its heading; empty: the kind's own.
        note: a sentence below the heading.
        x: figure or candidate's field on the horizontal axis (`scatter`); or what is counted there (`hypervolume`):
            `trials`, `trainings` or `hours`.
        y: figure on the vertical axis (`scatter`), or of an epoch (`curves`).
        color: candidate's field that points are coloured by (`front`, `scatter`).
        axes: figures and candidate's fields (`parallel`, `table`); empty: the objectives and what the study varies.
        wide: whether it takes the page's whole width.
        height: in pixels.
        tab: the tab of `mqn dashboard` that it stands on; empty: the kind's own (`TABS`).
    """

    kind: Kind
    title: str = ""
    note: str = ""
    x: str | None = None
    y: str | None = None
    color: str | None = None
    axes: tuple[str, ...] = ()
    wide: bool = False
    height: int = 420
    tab: str = ""

    def __post_init__(self) -> None:
        """Check names; raises `ValueError` if one means nothing to this kind of panel, or is missing."""
        fields = list(Candidate().flat())
        if self.kind == "hypervolume" and self.x is not None:
            _known("x", self.x, COUNTED)
        told = None if self.kind == "hypervolume" else self.x
        for key, value in (("x", told), *(("axes", name) for name in self.axes)):
            if value is not None:
                _known(key, value, fields, or_figure=True)
        if self.y is not None:
            _known("y", self.y, CURVES if self.kind == "curves" else (), or_figure=self.kind != "curves")
        if self.color is not None:
            _known("color", self.color, fields)
        if self.kind == "scatter" and (self.x is None or self.y is None):
            raise ValueError("a scatter panel needs x and y")
        if not 120 <= self.height <= 2000:
            raise ValueError(f"height {self.height} must be in 120 .. 2000 pixels")

    @property
    def place(self) -> str:
        """The tab that it stands on."""
        return self.tab or TABS.get(self.kind, "Front")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard.

    Attributes:
        title: the page's heading behind the study's name.
        panels: from top to bottom.
    """

    title: str = ""
    panels: tuple[Panel, ...] = ()


def load_dashboard(name: str = "default") -> Dashboard:
    """Read a dashboard: a file's stem in `dashboards/`, or a path to a .toml file.

    Raises:
        UnknownNameError: there is no such dashboard.
        ConfigError: the file is wrong; names the key and the nearest valid one.
    """
    path = shipped("dashboards", name)
    dashboard = from_mapping(Dashboard, read_toml(path), source=str(path))
    if not dashboard.panels:
        raise ConfigError(f'{path}: has no panels; add [[panels]] with kind = "front"')
    return dashboard


def _known(key: str, name: str, names: Sequence[str], *, or_figure: bool = False) -> None:
    if name not in names and not (or_figure and find_quantity(name)):
        allowed = [*(QUANTITIES if or_figure else ()), *names]
        raise ValueError(f"{key} = {name!r}; {nearest(name, allowed)}")
