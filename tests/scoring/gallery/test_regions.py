"""Squares of lost pixels, in pictures of 40 x 48 pixels: their squares are 10 pixels long."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.scoring.gallery.regions import Region, densest, over_exposed, under_exposed


def picture() -> np.ndarray:
    """Grey; white where rows 5 to 14 and columns 30 to 39 are, black at the last 12 columns of the last 10 rows."""
    ldr = np.full((40, 48, 3), 0.5, np.float32)
    ldr[5:15, 30:40] = 1.0
    ldr[30:, 36:] = 0.0
    return ldr


def test_the_squares_are_where_the_input_is_clipped_and_where_it_is_black():
    assert over_exposed(picture()) == Region(top=5, left=30, side=10, share=1.0)
    # Three squares are black throughout; the first is the nearest to the centre.
    assert under_exposed(picture()) == Region(top=30, left=36, side=10, share=1.0)


def test_what_is_lost_nowhere_has_no_square():
    grey = np.full((40, 48, 3), 0.5, np.float32)
    assert over_exposed(grey) is None
    assert under_exposed(grey) is None


@pytest.mark.parametrize(("lost", "share"), [(4, None), (5, 0.05), (60, 0.6)])
def test_a_square_with_hardly_anything_lost_does_not_count(lost: int, share: float | None):
    mask = np.zeros((40, 40), bool)
    mask[20 + np.arange(lost) // 10, 20 + np.arange(lost) % 10] = True
    found = densest(mask)
    assert (found.share if found else None) == share


def test_one_clipped_channel_is_enough_and_one_light_channel_is_not_black():
    ldr = picture()
    ldr[5:15, 30:40] = (0.2, 250 / 255, 0.2)
    ldr[30:, 36:] = (0.0, 17 / 255, 0.0)
    assert over_exposed(ldr) is not None
    assert under_exposed(ldr) is None


def test_a_region_is_cut_out_of_any_picture_of_that_size():
    region = over_exposed(picture())
    assert region is not None
    assert region.of(picture()).shape == (10, 10, 3)
    assert region.of(picture()).min() == 1.0
