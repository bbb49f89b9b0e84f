"""One choice of rewrites for several devices, from what each choice takes on each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mqn.records import Ratio

NEAR = 0.02
"""Times within this share of each other are taken as the same."""

Choice = tuple[str, ...]
"""Names of rewrites."""


def agree(times: Sequence[Mapping[Choice, Ratio]]) -> Choice:
    """The choice that is fastest over all devices, and slower than no rewrite on none of them.

    Fastest is the smallest geometric mean of the ratios, so that every device counts alike. What cannot be told from
    no rewrite on any device is not taken, and of choices whose means are within `NEAR` the one with the fewest
    rewrites is.

    Args:
        times: of each device, a choice's time over that of the file without rewrites. A choice that one of them did
            not time does not count.

    Returns:
        The names of the rewrites; none where no choice will do.
    """
    first, *others = times
    common = [choice for choice in first if all(choice in other for other in others)]
    means: dict[Choice, float] = {(): 1.0}
    for choice in common:
        ratios = [one[choice] for one in times]
        slower = any(ratio.different and ratio.value > 1 for ratio in ratios)
        faster = any(ratio.different and ratio.value < 1 for ratio in ratios)
        if faster and not slower:
            means[choice] = math.exp(sum(math.log(ratio.value) for ratio in ratios) / len(ratios))
    near = (1 + NEAR) * min(means.values())
    return min((choice for choice in means if means[choice] <= near), key=lambda choice: (len(choice), means[choice]))
