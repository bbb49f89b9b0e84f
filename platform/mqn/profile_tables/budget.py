"""The part of a runner profile that says when a study stops by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

MOST_TRIALS = 1_000_000
"""Of a study."""

COUNTED = ("trials", "trainings", "epochs")
TIMED = ("hours", "training_hours", "cpu_hours", "gpu_hours", "device_hours")
"""Names of budgets: whole numbers, and hours."""

_MOST_EPOCHS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetProfile:
    """When a study stops by itself; None: no limit.

    What is used up begins nothing more, and what is under way is finished. All drivers and all resumes of a study spend
    from one budget, but for `hours`.

    Attributes:
        trials: that the study has in the end.
        trainings: networks that are trained for it. One that an earlier study left costs nothing.
        epochs: of these trainings in all.
        hours: wall time of one run of a driver.
        training_hours: time of trainings; two that run side by side count both.
        cpu_hours: time of jobs, times the processors that each takes.
        gpu_hours: time of jobs, times the share of GPUs that each takes.
        device_hours: time of measurements.
    """

    trials: int | None = None
    trainings: int | None = None
    epochs: int | None = None
    hours: float | None = None
    training_hours: float | None = None
    cpu_hours: float | None = None
    gpu_hours: float | None = None
    device_hours: float | None = None

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a budget is out of its range.
        """
        for name in COUNTED:
            number, most = getattr(self, name), _MOST_EPOCHS if name == "epochs" else MOST_TRIALS
            if number is not None and not 1 <= number <= most:
                raise ValueError(f"{name} {number} must be at least 1 and at most {most}")
        for name in TIMED:
            hours = getattr(self, name)
            if hours is not None and not (math.isfinite(hours) and hours > 0):
                raise ValueError(f"{name} {hours:g} must be a number above 0")
