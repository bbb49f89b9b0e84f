"""Trials that confirm another one: its candidate, trained with another seed.

They are trials of the study as all others are, with the same parameters. A system attribute says what they confirm. No
sampler learns from them, they count among no goal, and their points are not new ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from optuna.trial import FrozenTrial

from mqn.records import Candidate
from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space

CONFIRMS = "mqn:confirms"
"""System attribute of a trial: `{"trial": NUMBER, "seed": SEED}`."""
SEED = "training.seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a trial confirms.

    Attributes:
        trial: number of the trial.
        seed: of the training, in place of that trial's own.
    """

    trial: int
    seed: int


def confirmation_of(frozen: FrozenTrial) -> Confirmation | None:
    """What a trial confirms; None: it confirms no other."""
    told = frozen.system_attrs.get(CONFIRMS)
    return None if told is None else Confirmation(**told)


def candidate_of(space: Space, params: Params, confirms: Confirmation | None) -> Candidate:
    """The candidate of a trial with these values."""
    candidate = space.candidate(params)
    return candidate if confirms is None else candidate.with_values({SEED: confirms.seed})
