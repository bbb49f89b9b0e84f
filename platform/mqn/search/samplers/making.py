"""Makes the sampler of one trial."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.samplers import BaseSampler

from mqn.errors import ConfigError
from mqn.search.samplers.frontier.sampler import FrontierSampler
from mqn.search.samplers.own import make_own
from mqn.search.space.space import Space

POPULATION = 24
"""Of NSGA-II and NSGA-III."""

DRAWS_BLINDLY = ("random", "grid")
"""Samplers that learn from no trial."""

COUNTS_GENERATIONS = ("nsga2", "nsga3")
"""Samplers that count trials with given points in their generation too."""

LEARNS_FROM_SOME = {"tpe": 500, "gp": 300}
"""Samplers whose draw would cost more and more, and how many complete trials they get."""


def make_sampler(space: Space, seed: int, number: int, attempt: int = 0) -> BaseSampler:
    """The sampler of one trial. Its random numbers depend on the study's seed and the trial's number alone.

    Args:
        space: what is searched, and by which sampler.
        seed: of the study.
        number: the trial's.
        attempt: counts draws of the same trial, because the sampler drew a point that the study had already.
    """
    mixed = (seed * 1_000_003 + number + attempt * 2_654_435_761) % 2**32
    if ":" in space.sampler:
        return make_own(space.sampler, mixed)
    match space.sampler:
        case "frontier":
            return FrontierSampler(space, seed=seed, attempt=attempt)
        case "tpe":
            # With one objective a call draws all dimensions together. With several, each is drawn by itself: Optuna's
            # own choice, and better here (front volume of 150 trials over 8 dimensions, 6 seeds: 466 against 445).
            return optuna.samplers.TPESampler(seed=mixed)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=mixed, population_size=POPULATION)
        case "nsga3":
            with _quiet():
                return optuna.samplers.NSGAIIISampler(seed=mixed, population_size=POPULATION)
        case "gp":
            return optuna.samplers.GPSampler(seed=mixed, warn_independent_sampling=False)
        case "qmc":
            # One sequence for the whole study: the seed is the study's. The place in it is kept in the study.
            independent = optuna.samplers.RandomSampler(seed=mixed)
            with _quiet():
                return optuna.samplers.QMCSampler(
                    scramble=True,
                    seed=seed % 2**32,
                    independent_sampler=independent,
                    warn_asynchronous_seeding=False,
                    warn_independent_sampling=False,
                )
        case "random" | "grid":
            return optuna.samplers.RandomSampler(seed=mixed)
    raise AssertionError(space.sampler)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's word, at every draw, that a sampler may change: constraints.txt holds its version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def check_sampler(space: Space) -> None:
    """Make sure that a study's sampler can draw, before the study begins or goes on.

    Raises:
        ConfigError: a class of the user's that cannot be had; names the space.
    """
    if ":" in space.sampler:
        try:
            make_own(space.sampler, 0)
        except ConfigError as error:
            raise ConfigError(f"{space.source}: {error}") from error
