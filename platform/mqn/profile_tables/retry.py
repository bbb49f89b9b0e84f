"""The part of a runner profile that says how often work is tried again."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_PAUSE_SECONDS = 300.0
"""Between two tries of work that failed through no fault of its candidate."""

_MOST_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryProfile:
    """How often work is tried that failed through no fault of its candidate; then its trial waits to be resumed.

    Attributes:
        tries: of a job whose process, memory, disk or cluster failed, in all.
        pause_seconds: before the second try; each further one waits twice as long, up to 5 minutes.
        rounds: further rounds of a measurement that the machine disturbed, each of `measure.attempts` tries.
        rest_seconds: how long a device is left alone after a disturbed round; after each further one in a row twice as
            long, up to 5 minutes. Other work goes on meanwhile.
    """

    tries: int = 6
    pause_seconds: float = 2.0
    rounds: int = 4
    rest_seconds: float = 15.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        if not 1 <= self.tries <= _MOST_TRIES or not 0 <= self.rounds <= _MOST_TRIES:
            raise ValueError(f"tries must be 1 to {_MOST_TRIES}, rounds 0 to {_MOST_TRIES}")
        if not all(0 <= seconds <= LONGEST_PAUSE_SECONDS for seconds in (self.pause_seconds, self.rest_seconds)):
            raise ValueError(f"pause_seconds and rest_seconds must be 0 to {LONGEST_PAUSE_SECONDS:g}")
