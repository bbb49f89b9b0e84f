"""A Gaussian process for few data: several figures over the same points, with noise of its own for each point.

The kernel is a sum: one Matern 5/2 for each dimension by itself, so that what a dimension does is learnt from few
points, and one over all dimensions for what they do together. Each dimension has one length scale in both. Length
scales, variances and noise are those of the largest posterior; the priors of length scales and noise are those that
Hvarfner et al. give for many dimensions ("Vanilla Bayesian optimization performs great in high dimensions", ICML 2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LENGTH_SPREAD = math.sqrt(3.0)
_LENGTH_CENTRE = math.sqrt(2.0) - _LENGTH_SPREAD**2  # the mode of their log-normal prior
_NOISE_CENTRE, _NOISE_SPREAD = -4.0, 1.0
_SIGNAL_CENTRE, _SIGNAL_SPREAD = math.log(0.5), 1.5
_LEAST_NOISE = 1e-5
_FIT_POINTS = 128
_FIT_STEPS = 40
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected at some points.

    Attributes:
        mean: (n, p) of each figure.
        deviation: (n, p) standard deviation of what is not known, without noise.
    """

    mean: Array
    deviation: Array


class Process:
    """A Gaussian process, fitted."""

    def __init__(
        self, points: Array, groups: NDArray[np.int64], figures: Array, extra: Array, source: np.random.Generator
    ) -> None:
        """Fit it.

        Args:
            points: (n, d) between 0 and 1.
            groups: (d,) which columns share a length scale.
            figures: (n, p), NaN where a figure is not known; every point has at least one.
            extra: (n,) variance that a point's figures have beyond the common noise, in their own units.
            source: chooses the points that length scales are fitted to, where there are many.
        """
        known = ~np.isnan(figures)
        counts = known.sum(axis=0)
        filled = np.where(known, figures, 0.0)
        means = filled.sum(axis=0) / np.maximum(counts, 1)
        every = float(means[counts > 0].mean())
        # A figure with few values of its own is drawn towards the mean of all.
        self._mean = (filled.sum(axis=0) + every) / (counts + 1.0)
        centred = np.where(known, figures - self._mean, 0.0)
        pooled = float((centred**2).sum() / max(1, known.sum()))
        own = ((centred**2).sum(axis=0) + 2.0 * pooled) / (counts + 2.0)
        self._scale = np.sqrt(np.maximum(own, 1e-12))
        self._points, self._groups = points, groups
        self._known = known
        self._values = np.where(known, centred / self._scale, 0.0)
        self._extra = extra / float(np.mean(self._scale**2))
        self._log_lengths, self._signals, self._noise = self._fit(source)
        self._factors = self._factorise()

    def predict(self, points: Array) -> Prediction:
        """What is expected at (m, d) points."""
        from scipy.linalg import solve_triangular  # Whoever only reads a study would wait for it.

        cross = self._kernel(points, self._points)
        prior = self._signals[1] + (self._signals[0] if self._log_lengths.size else 0.0)
        mean, deviation = np.empty((len(points), self._mean.size)), np.empty((len(points), self._mean.size))
        for rows, columns, factor, weights in self._factors:
            mean[:, columns] = cross[:, rows] @ weights
            explained = solve_triangular(factor[0], cross[:, rows].T, lower=True, check_finite=False)
            left = np.sqrt(np.maximum(prior - (explained**2).sum(axis=0), 1e-10))
            deviation[:, columns] = left[:, None]
        return Prediction(mean * self._scale + self._mean, deviation * self._scale)

    @property
    def noise(self) -> Array:
        """(p,) standard deviation of the common noise of each figure."""
        return math.sqrt(self._noise) * self._scale

    def _kernel(self, left: Array, right: Array) -> Array:
        alone, together = np.zeros((len(left), len(right))), np.zeros((len(left), len(right)))
        for group, length in enumerate(self._log_lengths):
            columns = self._groups == group
            squared = _squared(left[:, columns], right[:, columns]) * math.exp(-2.0 * length)
            together += squared
            alone += _matern(np.sqrt(5.0 * squared))
        kernel = self._signals[1] * _matern(np.sqrt(5.0 * together))
        return kernel + self._signals[0] / max(1, len(self._log_lengths)) * alone

    def _factorise(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], tuple[Array, bool], Array]]:
        """One factor for all figures that are known at the same points."""
        from scipy.linalg import cho_factor, cho_solve

        patterns: dict[bytes, list[int]] = {}
        for column in range(self._known.shape[1]):
            patterns.setdefault(self._known[:, column].tobytes(), []).append(column)
        kernel = self._kernel(self._points, self._points)
        kernel[np.diag_indices_from(kernel)] += self._noise + self._extra + _JITTER
        found = []
        for some in patterns.values():
            rows, columns = np.flatnonzero(self._known[:, some[0]]), np.array(some)
            factor = cho_factor(kernel[np.ix_(rows, rows)], lower=True, check_finite=False)
            found.append((rows, columns, factor, cho_solve(factor, self._values[np.ix_(rows, columns)])))
        return found

    def _fit(self, source: np.random.Generator) -> tuple[Array, tuple[float, float], float]:
        """Logarithms of the length scales, and the variances of both parts and of the noise: the largest posterior."""
        from scipy.linalg import cho_factor, cho_solve
        from scipy.optimize import minimize

        count = int(self._groups.max()) + 1 if self._groups.size else 0
        centres = np.full(count + 3, _LENGTH_CENTRE + 0.5 * math.log(max(1, count)))
        spreads = np.full(count + 3, _LENGTH_SPREAD)
        centres[-3:] = (_SIGNAL_CENTRE, _SIGNAL_CENTRE, _NOISE_CENTRE)
        spreads[-3:] = (_SIGNAL_SPREAD, _SIGNAL_SPREAD, _NOISE_SPREAD)
        rows = np.flatnonzero(self._known.all(axis=1))
        if len(rows) < max(4, len(self._points) // 2):
            rows = np.arange(len(self._points))
        if len(rows) > _FIT_POINTS:
            rows = np.sort(source.choice(rows, size=_FIT_POINTS, replace=False))
        points, values, extra = self._points[rows], self._values[rows], self._extra[rows]
        distances = np.zeros((count, len(rows), len(rows)))
        for column, group in enumerate(self._groups):
            distances[group] += (points[:, column][:, None] - points[:, column][None, :]) ** 2
        figures = values.shape[1]

        def loss(theta: Array) -> tuple[float, Array]:
            lengths, (alone, joint, noise) = theta[:-3], np.exp(theta[-3:])
            weights = np.exp(-2.0 * lengths)
            scaled = distances * weights[:, None, None]
            root = np.sqrt(5.0 * scaled.sum(axis=0))
            decay = np.exp(-root)
            together = joint * (1.0 + root + root**2 / 3.0) * decay
            roots = np.sqrt(5.0 * scaled)
            decays = np.exp(-roots)
            single = (1.0 + roots + roots**2 / 3.0) * decays
            main = alone / max(1, count) * single.sum(axis=0)
            kernel = main + together
            kernel[np.diag_indices_from(kernel)] += noise + extra + _JITTER
            try:
                factor = cho_factor(kernel, lower=True, check_finite=False)
            except np.linalg.LinAlgError:
                return 1e10, np.zeros_like(theta)
            inverse = cho_solve(factor, np.eye(len(rows)), check_finite=False)
            solved = inverse @ values
            value = 0.5 * float((values * solved).sum()) + figures * float(np.log(np.diag(factor[0])).sum())
            outer = figures * inverse - solved @ solved.T
            # d matern / d log length = 5/3 (1 + root) exp(-root) * distance / length**2
            slopes = joint * (1.0 + root) * decay + alone / max(1, count) * (1.0 + roots) * decays
            gradient = np.empty_like(theta)
            gradient[:-3] = 0.5 * 5.0 / 3.0 * (scaled * slopes * outer).sum(axis=(1, 2))
            gradient[-3] = 0.5 * float((outer * main).sum())
            gradient[-2] = 0.5 * float((outer * together).sum())
            gradient[-1] = 0.5 * float(np.trace(outer)) * noise
            off = (theta - centres) / spreads
            gradient += off / spreads
            value += 0.5 * float((off**2).sum())
            return value, gradient

        bounds = [(-4.0, 8.0)] * count + [(-6.0, 6.0), (-6.0, 6.0), (math.log(_LEAST_NOISE), 2.0)]
        found = minimize(loss, centres, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _FIT_STEPS})
        alone, joint, noise = (math.exp(one) for one in found.x[-3:])
        return found.x[:-3], (alone, joint), noise


def _squared(left: Array, right: Array) -> Array:
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2.0 * left @ right.T
    return np.maximum(squared, 0.0)


def _matern(root: Array) -> Array:
    return (1.0 + root + root**2 / 3.0) * np.exp(-root)
