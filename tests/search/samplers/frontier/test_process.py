from __future__ import annotations

import numpy as np
import pytest

from mqn.search.samplers.frontier.process import Process


def fit(points, figures, extra=None) -> Process:
    points, figures = np.array(points, dtype=float), np.array(figures, dtype=float)
    extra = np.zeros(len(points)) if extra is None else np.array(extra)
    return Process(points, np.arange(points.shape[1]), figures, extra, np.random.default_rng(0))


def test_it_meets_what_it_saw_and_knows_less_further_away():
    line = np.linspace(0, 1, 12)[:, None]
    process = fit(line, np.sin(4 * line))
    at = process.predict(np.array([[0.5], [3.0]]))
    assert at.mean[0, 0] == pytest.approx(np.sin(2.0), abs=0.05)
    assert at.deviation[1, 0] > 5 * at.deviation[0, 0]


def test_a_dimension_without_effect_is_found_out():
    source = np.random.default_rng(1)
    points = source.random((60, 2))
    process = fit(points, 3 * points[:, :1] ** 2)
    at = process.predict(np.array([[0.8, 0.1], [0.8, 0.9], [0.2, 0.5]]))
    assert at.mean[:2, 0] == pytest.approx([1.92, 1.92], abs=0.1)
    assert at.mean[2, 0] == pytest.approx(0.12, abs=0.1)


def test_an_uncertain_observation_counts_less():
    points = np.repeat(np.linspace(0, 1, 8), 2)[:, None]
    figures = np.tile([[0.0], [1.0]], (8, 1)) + points  # two that contradict each other, at each place
    trusting = fit(points, figures, np.tile([0.0, 25.0], 8)).predict(np.array([[0.5]]))
    assert trusting.mean[0, 0] == pytest.approx(0.5, abs=0.15)


def test_a_figure_with_one_value_is_drawn_towards_the_mean_of_all():
    points = np.linspace(0, 1, 10)[:, None]
    figures = np.full((10, 2), np.nan)
    figures[:, 0], figures[0, 1] = 10.0 + points[:, 0], 20.0
    at = fit(points, figures).predict(np.array([[30.0]]))
    assert at.mean[0, 0] == pytest.approx(10.5, abs=0.6)
    assert 15.0 < at.mean[0, 1] < 20.0


def test_without_dimensions_it_is_the_mean():
    at = fit(np.zeros((6, 0)), [[1.0], [2.0], [3.0], [1.0], [2.0], [3.0]]).predict(np.zeros((1, 0)))
    assert at.mean[0, 0] == pytest.approx(2.0, abs=0.1)


def test_the_gradient_of_the_fit_is_that_of_its_loss(monkeypatch):
    from scipy.optimize import approx_fprime

    seen = {}

    def spy(loss, start, **_):
        seen["analytic"] = loss(start)[1]
        seen["numeric"] = approx_fprime(start, lambda theta: loss(theta)[0], 1e-6)
        return type("Found", (), {"x": start})

    monkeypatch.setattr("scipy.optimize.minimize", spy)
    source = np.random.default_rng(0)
    fit(source.random((9, 3)), source.random((9, 2)), source.random(9) * 0.1)
    assert seen["analytic"] == pytest.approx(seen["numeric"], rel=1e-3, abs=1e-3)
