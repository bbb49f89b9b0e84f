"""A few pictures that stand for many: spread over brightness and over sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

_ANOTHER_OF_A_SOURCE = 0.5


def representative(brightness: Sequence[float], sources: Sequence[str], count: int) -> list[int]:
    """Choose pictures one by one, each as far as can be from those that were chosen before.

    The distance of two pictures is that of their ranks in brightness, so that the chosen ones are as dark and as bright
    as all are. What shows a source that was chosen before counts half as far, half again the next time.

    Args:
        brightness: of each picture, for example its mean.
        sources: what each shows.
        count: at most as many as there are.

    Returns:
        Their places, in the order they were chosen: of fewer pictures it would have been the first ones.
    """
    ranks = np.empty(len(brightness))
    ranks[np.argsort(brightness, kind="stable")] = np.linspace(0, 1, len(brightness))
    chosen: list[int] = []
    used: Counter[str] = Counter()
    distance = 1 - np.abs(ranks - 0.5)  # The first is the one in the middle.
    for _ in range(count):
        worth = distance * _ANOTHER_OF_A_SOURCE ** np.array([used[source] for source in sources])
        worth[chosen] = -1
        best = int(worth.argmax())
        distance = np.abs(ranks - ranks[best]) if not chosen else np.minimum(distance, np.abs(ranks - ranks[best]))
        chosen.append(best)
        used[sources[best]] += 1
    return chosen
