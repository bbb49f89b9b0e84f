"""How much each field that a study varies decides which trials are best, objective by objective.

PED-ANOVA (Watanabe, Bansal and Hutter, 2023), as Optuna computes it: how differently a field is distributed among the
best trials than among all of them. Fields are taken one by one, so that what two decide only together is not seen.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mqn.quantities import Direction
from mqn.records import TrialRecord
from mqn.report.front.charts import axis_title
from mqn.report.pages.axes import colors, dress
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FEWEST, MOST = 30, 500
"""Of complete trials: with fewer, importances are chance; of more the latest are taken."""
BEST_SHARE, FEWEST_BEST = 0.1, 5
"""The best are this share of the trials, and so many at least."""
_MOST_FIELDS = 12

Importances = dict[str, Mapping[str, float]]
"""Objective to field to its share of the importance; the shares of an objective add up to 1."""


def counted(view: View) -> list[TrialRecord]:
    """The trials that importances are computed from: complete ones that have every objective, the latest `MOST`."""
    names = [axis.metric for axis in view.axes]
    return [record for record in view.complete if None not in view.values(record, names)][-MOST:]


def too_few(view: View) -> str:
    """Why there are no importances; empty where there are."""
    there = len(counted(view))
    if there < FEWEST:
        return f"{there} complete trials are too few to tell what decides; from {FEWEST} on it is shown."
    return "" if view.varied else "The study varies nothing."


def counted_text(view: View) -> str:
    """What importances are computed from, as a sentence; empty where there are none."""
    if too_few(view):
        return ""
    there = len(counted(view))
    of = f"the latest {there:,}" if there == MOST < len(view.complete) else f"{there:,}"
    return (
        f"From {of} complete trials (PED-ANOVA): how differently a field is spread among the best {best_of(there)} of "
        "them than among all. Fields are taken one by one; shares of an objective add up to 100 %."
    )


def best_of(count: int) -> int:
    """How many of so many trials are the best ones."""
    return max(round(BEST_SHARE * count), FEWEST_BEST)


def importances(view: View) -> Importances:
    """Compute them, for a view that has trials enough (`too_few`)."""
    records = counted(view)
    columns = ((name, _places([view.flat(record).get(name) for record in records])) for name in view.varied)
    told = tuple((name, *column) for name, column in columns if column is not None)
    return {
        axis.metric: _compute(tuple(view.value(record, axis.metric) for record in records), axis.direction, told)
        for axis in view.axes
    }


def draw_importance(view: View, panel: Panel) -> Figure:
    """Draw the fields as bars, the most telling at the top, a bar for each objective."""
    from plotly.graph_objects import Bar, Figure

    found = importances(view)
    weights: dict[str, float] = {}
    for shares in found.values():
        for name, share in shares.items():
            weights[name] = max(weights.get(name, 0.0), share)
    fields = sorted(weights, key=lambda name: weights[name])[-_MOST_FIELDS:]
    figure = Figure()
    for (metric, shares), color in zip(found.items(), colors(), strict=False):
        values = [100 * shares.get(name, 0.0) for name in fields]
        figure.add_trace(
            Bar(
                y=[html.escape(name) for name in fields],
                x=values,
                orientation="h",
                name=html.escape(axis_title(metric)),
                marker={"color": color, "line": {"width": 0}},
                text=[f"{value:.0f}" for value in values],
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{y}: %{x:.1f} % of what decides %{fullData.name}<extra></extra>",
            )
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(title="Share of the importance (%)", rangemode="tozero")
    figure.update_yaxes(ticksuffix="  ")
    return dress(figure, panel)


def _places(values: Sequence[Any]) -> tuple[tuple[int, ...], int, bool] | None:
    """A field's values as places among its different values, how many these are, and whether they have an order.

    Places make a logarithm of no account: what counts is which values the best trials have. None: all are alike.
    """
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    told = list(values) if numbers else list(map(str, values))
    places = {value: place for place, value in enumerate(sorted(set(told)))}
    return None if len(places) < 2 else (tuple(places[value] for value in told), len(places), numbers)


@functools.lru_cache(maxsize=16)
def _compute(
    values: tuple[float, ...], direction: Direction, fields: tuple[tuple[str, tuple[int, ...], int, bool], ...]
) -> Mapping[str, float]:
    """The shares of one objective; kept, because a page is drawn again where nothing of this has changed.

    Args:
        values: the objective's, a trial each.
        direction: which of them are best.
        fields: name, place of each trial's value, number of places, whether these have an order.
    """
    import optuna
    from optuna.distributions import CategoricalDistribution, IntDistribution
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    ranges = {
        name: IntDistribution(0, count - 1) if ordered else CategoricalDistribution(range(count))
        for name, _, count, ordered in fields
    }
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(seed=0))
    study.add_trials(
        optuna.trial.create_trial(
            value=value, params={name: places[trial] for name, places, _, _ in fields}, distributions=ranges
        )
        for trial, value in enumerate(values)
    )
    evaluator = PedAnovaImportanceEvaluator(target_quantile=best_of(len(values)) / len(values))
    return dict(get_param_importances(study, evaluator=evaluator))
