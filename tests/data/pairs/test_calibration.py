from __future__ import annotations

import numpy as np

from mqn.data.pairs.calibration import representative


def test_the_middle_first_then_both_ends() -> None:
    brightness = [0.1, 0.9, 0.5, 0.2, 0.8]
    assert representative(brightness, list("abcde"), 3) == [2, 0, 1]


def test_fewer_are_the_first_of_more() -> None:
    brightness = list(np.random.default_rng(0).random(40))
    sources = [f"{i % 7}" for i in range(40)]
    ten = representative(brightness, sources, 10)
    assert representative(brightness, sources, 4) == ten[:4]
    assert len(set(ten)) == 10


def test_what_was_seen_counts_less() -> None:
    brightness = [0.0, 0.3, 0.5, 0.7, 1.0]
    assert representative(brightness, list("abcde"), 3) == [2, 0, 4]
    # What shows the first one's place comes last: the rank beside the other end is further than half of its distance.
    assert representative(brightness, list("abccc"), 3) == [2, 0, 1]


def test_ranks_count_and_not_values() -> None:
    brightness = [0.5, 0.51, 0.52, 0.53, 100.0]
    assert sorted(representative(brightness, list("abcde"), 3)) == [0, 2, 4]


def test_all_of_them() -> None:
    assert sorted(representative([0.3, 0.3, 0.3], ["a", "a", "a"], 3)) == [0, 1, 2]
