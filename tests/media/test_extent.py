"""What is missing of a promised length."""

from __future__ import annotations

import pytest

from mqn.media.extent import Extent


@pytest.mark.parametrize(
    ("extent", "frames", "end", "expected"),
    [
        (Extent(12, 0.0), 12, 1.0, None),
        (Extent(12, 0.0), 11, 1.0, "cut short, 11 of 12 frames could be read"),
        (Extent(0, 0.0), 3, 1.0, None),
        (Extent(12, 3.0), 5, 2.6, None),
        (Extent(12, 3.0), 5, 2.4, "cut short, ends after 2.40 of 3.00 seconds"),
    ],
)
def test_loss_is_told(extent: Extent, frames: int, end: float, expected: str | None) -> None:
    assert extent.missing(frames, end, step=0.25) == expected
