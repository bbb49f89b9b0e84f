"""A trial that was begun, as its driver evaluates it."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.search.space.dimensions import Params
from mqn.search.trials.confirmation import Confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTrial:
    """A trial that was begun.

    Attributes:
        number: in the study.
        id: Optuna's, in the database.
        params: its point.
        confirms: the trial whose candidate it is, with another seed; None: it is one of its own.
    """

    number: int
    id: int
    params: Params
    confirms: Confirmation | None = None
