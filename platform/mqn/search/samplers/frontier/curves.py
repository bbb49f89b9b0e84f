"""What a training that is not over will come to: its curve so far, and how the curves of others went on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LEAST = 4
"""Finished trainings from which something can be learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Where a training is expected to end: mean and variance of its final accuracy."""

    mean: float
    variance: float


def outlook(
    curve: Sequence[float], finished: Sequence[tuple[Sequence[float], float]], *, epochs: int | None = None
) -> Outlook | None:
    """Extrapolate a curve by a straight line from the accuracy after as many epochs to the final one.

    Args:
        curve: validation accuracy after each epoch so far.
        finished: curves of trainings that ended, each with its final accuracy, by whatever measure.
        epochs: of the whole training, where it differs between trainings; those of other lengths are left out.

    Returns:
        None: the curve is empty, or too few trainings that ended are known after so many epochs.
    """
    done = len(curve)
    known = [
        (past[done - 1], final)
        for past, final in finished
        if len(past) >= done > 0 and (epochs is None or len(past) == epochs)
    ]
    if len(known) < _LEAST:
        return None
    now, final = np.array(known).T
    centred = now - now.mean()
    # One pseudo-observation holds the slope at 1, or at 0 where the measures fall with each other.
    spread = max(float(centred.var()), 1e-12)
    slope = float((centred @ (final - final.mean()) + spread) / (centred @ centred + spread))
    left = final - final.mean() - slope * centred
    count = len(known)
    variance = float((left**2).sum() / max(1, count - 2))
    off = curve[-1] - float(now.mean())
    leverage = 1.0 + 1.0 / count + off**2 / (count * spread)
    return Outlook(mean=float(final.mean() + slope * off), variance=variance * leverage)
