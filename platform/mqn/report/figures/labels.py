"""Places labels beside points so that none covers another label or a point."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

# Places to try for a label, the nearest first: dx and dy in points from the mark, and which end is at the mark.
_PLACES = [
    (dx * side, dy, "left" if side > 0 else "right")
    for dx, dy in ((7, 5), (7, -11), (9, 17), (9, -23), (16, 30), (16, -36), (24, 44), (24, -50))
    for side in (-1, 1)
]


def place_labels(
    axes: Axes, texts: Sequence[tuple[float, float, Sequence[str]]], avoid: Sequence[tuple[float, float]], color: str
) -> list[Annotation]:
    """Write a label beside each point of an axes whose limits are final.

    `texts` has for each point x and y in data coordinates, and wordings of its label, the longest first. `avoid` are
    points that no label may cover; a line is given as many points. If a wording finds no free place, the next one is
    tried. A point whose wordings all find none stays without a label, because a label over another misleads.
    """
    canvas = axes.figure.canvas
    canvas.draw()
    renderer = canvas.get_renderer()  # type: ignore[attr-defined]
    frame = axes.get_window_extent(renderer)
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axes.transData.transform(list(avoid))]
    placed = []
    for x, y, wordings in texts:
        for text, (dx, dy, side) in itertools.product(wordings, _PLACES):
            label = axes.annotate(
                text,
                (x, y),
                (dx, dy),
                textcoords="offset points",
                ha=side,
                fontsize=8.5,
                color=color,
                parse_math=False,  # A file's or layer's name may hold a dollar.
                arrowprops={"arrowstyle": "-", "color": color, "lw": 0.5, "alpha": 0.5} if abs(dy) > 12 else None,
            )
            box = label.get_window_extent(renderer).padded(1)
            inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                placed.append(label)
                break
            label.remove()
    return placed
