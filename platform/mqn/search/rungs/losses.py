"""What plans are expected to lose of a float network's accuracy: the mean of what they lost so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Mean losses in dB.

    Attributes:
        plans: by plan.
        usual: of all trials; what a plan is expected to lose that no trial had yet.
    """

    plans: dict[str, float] = field(default_factory=dict)
    usual: float = 0.0

    @classmethod
    def seen(cls, lost: Iterable[tuple[str, float]]) -> Self:
        """Those of finished trials: each its plan and what it lost, in dB."""
        by_plan: defaultdict[str, list[float]] = defaultdict(list)
        for plan, loss in lost:
            by_plan[plan].append(loss)
        every = [loss for losses in by_plan.values() for loss in losses]
        means = {plan: sum(losses) / len(losses) for plan, losses in by_plan.items()}
        return cls(plans=means, usual=sum(every) / len(every) if every else 0.0)

    def expected(self, plan: str) -> float:
        """What a plan is expected to lose, in dB."""
        return self.plans.get(plan, self.usual)
