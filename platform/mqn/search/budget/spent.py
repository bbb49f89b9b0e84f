"""What a study has spent, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.profile_tables.budget import BudgetProfile

_WORDS = {
    "trainings": "trainings",
    "epochs": "epochs",
    "training_hours": "training hours",
    "cpu_hours": "CPU hours",
    "gpu_hours": "GPU hours",
    "device_hours": "device hours",
    "hours": "hours",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What all drivers of a study have spent together.

    Jobs of failed trials and tries that were thrown away count. What an earlier study had made costs nothing.

    Attributes:
        trainings: that were begun.
        epochs: of them; of those under way, as many as they are to have, or the part of them that is under way.
        training_hours: time of trainings; two that run side by side count both.
        cpu_hours: time of jobs, times the processors that each takes.
        gpu_hours: time of jobs, times the share of GPUs that each takes.
        device_hours: time of measurements.
        hours: wall time of every run of a driver, added up.
    """

    trainings: int = 0
    epochs: int = 0
    training_hours: float = 0.0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    device_hours: float = 0.0
    hours: float = 0.0

    def text(self, limits: BudgetProfile | None = None) -> str:
        """What is spent in words, beside its limit where there is one: `trainings 3 of 20, epochs 60, ...`.

        Hours of one run have no limit here: those of all runs are told.
        """
        bounds = {} if limits is None else {name: getattr(limits, name) for name in _WORDS if name != "hours"}
        parts = []
        for name, words in _WORDS.items():
            amount, limit = getattr(self, name), bounds.get(name)
            if amount or limit is not None:
                parts.append(f"{words} {say(name, amount)}" + ("" if limit is None else f" of {limit:g}"))
        return ", ".join(parts)


def say(name: str, amount: float) -> str:
    """A number of a budget, as short as it may be without being wrong by more than a part in a hundred."""
    if name in ("trainings", "epochs") or amount >= 100:
        return f"{amount:.0f}"
    return f"{amount:.3g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedUp:
    """A budget that is used up: its name in a profile, what is spent, and its limit."""

    name: str
    amount: float
    limit: float

    def __str__(self) -> str:
        return f"the budget of {_WORDS[self.name]} is used up: {say(self.name, self.amount)} of {self.limit:g}"

    @property
    def larger(self) -> dict[str, float]:
        """A budget to go on with: twice as much; the next run has its own hours of wall time anyway."""
        return {} if self.name == "hours" else {self.name: 2 * self.limit}
