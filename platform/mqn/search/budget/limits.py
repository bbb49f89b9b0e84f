"""When a loop stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a loop stops.

    Attributes:
        trials: trials that the study is to have in the end, those of earlier drivers included.
        parallel: trials on their way at a time; a function where it follows what there is.
    """

    trials: int
    parallel: int | Callable[[], int]

    def now(self) -> int:
        """How many trials may be on their way now."""
        return self.parallel if isinstance(self.parallel, int) else self.parallel()

    @property
    def exact(self) -> bool:
        """Whether somebody said how many; then an idle trainer is no reason for more."""
        return isinstance(self.parallel, int)
