"""How a study ends: when its front has stalled, and whether its front is confirmed with further seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mqn.errors import ConfigError, UsageError
from mqn.profile_tables.budget import MOST_TRIALS
from mqn.search.space.trained import Trained

MOST_SEEDS = 100
OFF = "off"
TRAINING_TABLES = ("stall", "confirm")
"""Tables of a space that mean nothing where no network is trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A study ends when its front grows too little: the table `[stall]`.

    Attributes:
        trainings: over so many trainings, the latest ones;
        gain: the front's hypervolume has grown by less than this share of what it was before them.
    """

    trainings: int = 20
    gain: float = 0.01

    def __post_init__(self) -> None:
        """Check ranges. A ValueError names the key."""
        if not 1 <= self.trainings <= MOST_TRIALS:
            raise ValueError(f"trainings {self.trainings} must be at least 1 and at most {MOST_TRIALS}")
        if not (math.isfinite(self.gain) and self.gain > 0):
            raise ValueError(f"gain {self.gain:g} must be a number above 0, such as 0.01 for one percent")

    @property
    def word(self) -> str:
        """As `--stall` takes it: `20:0.01`."""
        return f"{self.trainings}:{self.gain:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The front's members are trained again when the search is over: the table `[confirm]`.

    Attributes:
        seeds: so many times, each with a seed of its own.
    """

    seeds: int

    def __post_init__(self) -> None:
        """Check the range. A ValueError names the key."""
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ValueError(f"seeds {self.seeds} must be at least 1 and at most {MOST_SEEDS}")


def check_ending(stall: Stall | None, confirm: Confirm | None, trained: Trained | None, *, source: str) -> None:
    """Make sure that a space that trains nothing asks for nothing that needs trainings. A ConfigError names it."""
    for name, table in zip(TRAINING_TABLES, (stall, confirm), strict=True):
        if table is not None and trained is not None:
            raise ConfigError(
                f"{source}: [{name}] is about trainings, and every trial takes a checkpoint; leave [{name}] out"
            )


def parse_stall(word: str | None) -> Stall | None:
    """Read `--stall`: `TRAININGS:GAIN`, such as `20:0.01`, or `off`; None is off too.

    Raises:
        UsageError: it is neither.
    """
    if word is None or word == OFF:
        return None
    trainings, separator, gain = word.partition(":")
    try:
        return Stall(trainings=int(trainings), gain=float(gain) if separator else Stall().gain)
    except ValueError as error:
        reason = "" if "invalid literal" in str(error) or "could not convert" in str(error) else f": {error}"
        raise UsageError(
            f"--stall {word!r}{reason or ' is not understood'}; write TRAININGS:GAIN, such as --stall 20:0.01, or "
            "--stall off"
        ) from error
