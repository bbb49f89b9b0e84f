from __future__ import annotations

import pytest

from mqn.report.front.charts import front_charts
from mqn.report.front.front import front
from mqn.search.space.goals import Constraint, Objective


def test_cost_lies_on_the_horizontal_axis_and_stairs_turn_at_what_is_certain(trial, objectives):
    records = [trial(0, 20, 10), trial(1, 22, 15), trial(2, 19, 16), trial(3, 30, 25)]
    (chart,) = front_charts(front(records, objectives, constraints=[Constraint(metric="latency_ms", max=21.0)]))
    assert (chart.x, chart.y) == ("latency_ms", "psnr_tm")
    assert chart.stairs == ((10, 20), (15, 20), (15, 22))
    assert [(mark.x, mark.y) for mark in chart.beaten] == [(16, 19)]
    assert [(mark.x, mark.y) for mark in chart.infeasible] == [(25, 30)]
    assert [(limit.side, limit.value, limit.text) for limit in chart.limits] == [("x", 21.0, "latency_ms <= 21")]


def test_stairs_where_more_is_better_on_both_axes(trial):
    objectives = (Objective(metric="psnr_tm"), Objective(metric="ssim_tm"))
    records = [
        trial(n, 0, 0, figures={"psnr_tm": psnr, "ssim_tm": ssim})
        for n, (psnr, ssim) in enumerate([(20, 0.9), (22, 0.8)])
    ]
    (chart,) = front_charts(front(records, objectives))
    assert chart.stairs == ((20, 0.9), (20, 0.8), (22, 0.8))


@pytest.mark.parametrize(("count", "charts"), [(1, 1), (2, 1), (3, 3)])
def test_a_chart_a_pair_of_objectives(trial, objectives, count, charts):
    record = trial(0, 20, 10, figures={"psnr_tm": 20.0, "latency_ms": 10.0, "size_bytes": 5.0})
    three = (*objectives, Objective(metric="size_bytes"))[:count]
    found = front_charts(front([record], three))
    assert len(found) == charts
    assert bool(found[0].stairs) == (count == 2)


def test_one_objective_is_drawn_over_the_trials(trial, objectives):
    (chart,) = front_charts(front([trial(4, 20, 10), trial(7, 25, 10)], objectives[:1]))
    assert [(mark.x, mark.y) for mark in chart.best] == [(7, 25)]
    assert chart.x == "trial"
