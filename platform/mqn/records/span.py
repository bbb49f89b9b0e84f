"""Where and when a job ran, and the tries of it that failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where and when one job ran. Clocks of machines differ, so each time says whose clock told it.

    `begin` and `end` come from the worker's clock, `submitted` and `collected` from the driver's. A job begins after it
    was submitted, and ends before its result is collected. From many spans of one machine follows how far its clock is
    from the driver's (`mqn.report.timeline`).

    Attributes:
        begin: when the work began, in seconds since 1970.
        end: when it had ended, likewise.
        host: the machine's name; empty: not known, because the worker was lost.
        node: Ray's id of the machine's node; empty: the work was not done on Ray, or the worker was lost.
        process: the worker's process number; 0: not known.
        device: the device that was measured on; empty: none was.
        submitted: when the driver handed the job out, in seconds since 1970 by its own clock; None: not known.
        collected: when the driver had the result, likewise.
    """

    begin: float
    end: float
    host: str = ""
    node: str = ""
    process: int = 0
    device: str = ""
    submitted: float | None = None
    collected: float | None = None

    @property
    def seconds(self) -> float:
        """How long it took, by the worker's clock; never less than 0."""
        return max(self.end - self.begin, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try of a step that failed and was made again.

    Attributes:
        step: the trial's step.
        error: the name of the error, and its line.
        span: where and when; of a lost worker the driver's own times.
    """

    step: str
    error: tuple[str, str]
    span: Span
