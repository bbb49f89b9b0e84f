"""Turning upright, and back."""

from __future__ import annotations

import numpy as np
import pytest

from mqn.hdr.decoding.orientation import turn_stored, turn_upright


@pytest.mark.parametrize("orientation", range(10))
def test_turning_back_undoes_every_turn(orientation: int) -> None:
    stored = np.arange(24).reshape(2, 4, 3)
    np.testing.assert_array_equal(turn_stored(turn_upright(stored, orientation), orientation), stored)


def test_a_quarter_turn_goes_the_other_way_back() -> None:
    # Orientation 6: the stored top is the right side of the scene.
    assert turn_stored(np.array([[1, 2], [3, 4]]), 6).tolist() == [[2, 4], [1, 3]]
