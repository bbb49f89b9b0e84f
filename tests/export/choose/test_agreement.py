"""One choice for several devices, from ratios that are made up."""

from __future__ import annotations

import pytest

from mqn.export.choose.agreement import agree
from mqn.records import Range, Ratio

A, AB, ABC = ("phases",), ("phases", "pairs"), ("phases", "pairs", "order")


def ratio(value: float, width: float = 0.004) -> Ratio:
    low, high = value - width, value + width
    return Ratio(value=value, range=Range(low=low, high=high), confidence=0.99, different=not low <= 1 <= high)


def test_the_smallest_geometric_mean_is_taken():
    assert agree([{A: ratio(0.8), AB: ratio(0.5)}, {A: ratio(0.8), AB: ratio(0.98)}]) == AB  # 0.8 against 0.7
    assert agree([{A: ratio(0.6), AB: ratio(0.5)}, {A: ratio(0.6), AB: ratio(0.98)}]) == A  # 0.6 against 0.7


def test_what_is_slower_than_none_somewhere_is_not_taken():
    assert agree([{A: ratio(0.9), AB: ratio(0.3)}, {A: ratio(0.9), AB: ratio(1.05)}]) == A
    assert agree([{AB: ratio(0.3)}, {AB: ratio(1.05)}]) == ()


def test_a_ratio_above_one_that_tells_nothing_apart_is_not_slower():
    assert agree([{AB: ratio(0.8)}, {AB: ratio(1.01, 0.02)}]) == AB


@pytest.mark.parametrize(("more", "taken"), [(0.79, A), (0.7, AB)])
def test_of_choices_within_two_percent_the_simpler_one_stays(more, taken):
    assert agree([{ABC: ratio(more - 0.001), A: ratio(0.8), AB: ratio(more)}]) == taken


def test_what_no_device_tells_from_none_is_not_taken():
    assert agree([{A: ratio(0.95, 0.06)}, {A: ratio(0.95, 0.06)}]) == ()
    assert agree([{A: ratio(0.95, 0.06)}, {A: ratio(0.95)}]) == A


def test_a_choice_that_one_device_did_not_time_does_not_count():
    assert agree([{A: ratio(0.9), AB: ratio(0.5)}, {A: ratio(0.9)}]) == A
