"""Who looks at a loop from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mqn.records import TrialRecord
from mqn.search.work.evaluation import Evaluation
from mqn.search.work.scheduler import Scheduler


class Watch(Protocol):
    """Looks at a loop from outside; no call waits."""

    def step(self, active: Mapping[int, Evaluation], scheduler: Scheduler) -> None:
        """The loop has made a step, with these trials on their way."""

    def finish(self, record: TrialRecord) -> None:
        """A trial has ended, or waits to be taken up."""
