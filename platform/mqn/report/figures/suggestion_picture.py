"""A picture of suggested plans: predicted and measured loss, and the cost of each plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from mqn.look.canvas import picture
from mqn.look.palette import ACCENT, FAINT, INK, LIMIT, SERIES
from mqn.records import SuggestedPlan, Suggestion

_SIZE = (13.5, 4.8)
_NEAR = 0.02  # of an axis


def letters(plans: Sequence[SuggestedPlan]) -> dict[str, SuggestedPlan]:
    """Name each plan by a letter, in order: labels of plans with many rules are too long for tables and pictures."""
    return {chr(ord("A") + number): plan for number, plan in enumerate(plans)}


def write_suggestion_png(found: Suggestion, path: Path) -> None:
    """Draw the plans: loss against estimated time and against size, and predicted beside measured loss.

    Raises `UsageError` if the file cannot be written.
    """
    named = letters(found.plans)
    title = f"{len(named)} plans, checked on {found.checked_on} pictures that took no part in choosing them"
    with picture(path, title, legend=4, size=_SIZE, columns=3) as (by_time, by_size, agreement):
        _draw_costs(by_time, {name: (plan.time, plan) for name, plan in named.items()}, found.budget)
        by_time.set_xlabel("Time, estimated (float = 1)")
        by_time.set_ylabel("PSNR-TM lost (dB)")
        _draw_costs(by_size, {name: (plan.size_bytes / 1e6, plan) for name, plan in named.items()}, found.budget)
        by_size.set_xlabel("File size (MB)")
        _draw_agreement(agreement, named, found.budget)


def _draw_costs(axes: Axes, points: dict[str, tuple[float, SuggestedPlan]], budget: float) -> None:
    for cost, plan in points.values():
        loss, color = plan.measured_loss, ACCENT if plan.beaten_by is None else FAINT
        label = "measured, 95 % range over places" if plan.beaten_by is None else "beaten by another plan"
        axes.plot([cost, cost], [loss.low, loss.high], color=color, lw=1.5)
        axes.plot(cost, loss.mean, "o", color=color, ms=7, label=label)
        axes.plot(cost, plan.predicted_loss, "_", color=SERIES[1], ms=13, mew=2, label="predicted")
    axes.axhline(budget, color=LIMIT, lw=1, ls="--", zorder=0, label=f"budget, {budget:g} dB")
    axes.axhline(0, color=FAINT, lw=1, zorder=0)
    axes.margins(x=0.14)
    _name_points(axes, {name: (cost, plan.measured_loss.mean) for name, (cost, plan) in points.items()})


def _draw_agreement(axes: Axes, named: dict[str, SuggestedPlan], budget: float) -> None:
    """Draw one plan a row, the first one on top, so that nothing overlaps."""
    places = range(len(named), 0, -1)
    for place, plan in zip(places, named.values(), strict=True):
        loss, color = plan.measured_loss, ACCENT if plan.beaten_by is None else FAINT
        axes.plot([loss.low, loss.high], [place, place], color=color, lw=1.5)
        axes.plot(loss.mean, place, "o", color=color, ms=7)
        axes.plot(plan.predicted_loss, place, "|", color=SERIES[1], ms=13, mew=2)
    axes.axvline(budget, color=LIMIT, lw=1, ls="--", zorder=0)
    axes.axvline(0, color=FAINT, lw=1, zorder=0)
    axes.set_yticks(list(places), [f"{name}: {plan.plan.label}" for name, plan in named.items()])
    axes.set_xlabel("PSNR-TM lost (dB)")


def _name_points(axes: Axes, points: dict[str, tuple[float, float]]) -> None:
    """Write names beside points; points that almost coincide share a label."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    groups: list[tuple[list[str], float, float]] = []
    for name, (x, y) in points.items():
        for names, other_x, other_y in groups:
            if abs(x - other_x) < _NEAR * (right - left) and abs(y - other_y) < _NEAR * (top - bottom):
                names.append(name)
                break
        else:
            groups.append(([name], x, y))
    for names, x, y in groups:
        axes.annotate(" ".join(names), (x, y), (7, 5), textcoords="offset points", color=INK, fontsize=9)
