"""Which of many channels are worth showing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mqn.errors import UsageError

Order = Literal["different", "active"]
NAMED = "as named"

ORDERS: Mapping[Order, str] = {"different": "largest mean squared difference", "active": "largest standard deviation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which channels are shown.

    The paper names the two that it shows f1 and f2 and gives no reason for them. Here they are ranked, or named.

    Attributes:
        count: how many, where none is named.
        by: what ranks them: `different`, the mean squared difference of quantized and float features; `active`, the
            standard deviation of the float ones.
        channels: those named, from 0.
    """

    count: int = 3
    by: Order = "different"
    channels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check ranges. Raises `ValueError` if nothing would be shown."""
        if self.count < 1:
            raise ValueError(f"{self.count} channels are nothing to show; give at least 1")

    def of(self, scores: np.ndarray) -> tuple[int, ...]:
        """List the channels in the order they are shown: the named ones, else those with the highest `scores`, (C,).

        Raises:
            UsageError: a channel is named that the features do not have.
        """
        beyond = [channel for channel in self.channels if not 0 <= channel < len(scores)]
        if beyond:
            raise UsageError(f"no channel {beyond[0]}; the features have channels 0 to {len(scores) - 1}")
        if self.channels:
            return tuple(dict.fromkeys(self.channels))
        return tuple(int(channel) for channel in np.argsort(-scores, kind="stable")[: self.count])

    @property
    def words(self) -> str:
        """Why these channels, for people."""
        return NAMED if self.channels else ORDERS[self.by]
